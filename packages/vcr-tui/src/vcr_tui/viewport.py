"""Which lines of something long are in the window.  Pure."""

from __future__ import annotations


class Viewport:
    """A window onto numbered lines that follows a cursor.

    Attributes:
        top: The first line shown.
        height: Lines that fit; as of the last `place`.
    """

    def __init__(self) -> None:
        self.top = 0
        self.height = 1
        self._total = 0

    def place(self, *, cursor: int, total: int, height: int) -> range:
        """Return the lines to show: as before where the cursor is among them, else moved as little as needed."""
        self.height = max(1, height)
        self._total = total
        context = min(2, (self.height - 1) // 4)
        lowest = cursor - self.height + 1 + context
        self.top = min(max(self.top, lowest), max(0, cursor - context))
        self.top = max(0, min(self.top, total - self.height))
        return range(self.top, min(total, self.top + self.height))

    @property
    def page(self) -> int:
        """Lines that a page key moves."""
        return max(1, self.height - 1)

    def thumb(self) -> range | None:
        """Return the rows of the window where the scroll bar's thumb is, or None if everything is in sight."""
        if self._total <= self.height:
            return None
        length = max(1, self.height * self.height // self._total)
        start = round(self.top * (self.height - length) / (self._total - self.height))
        return range(start, start + length)
