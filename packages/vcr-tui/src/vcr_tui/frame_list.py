"""The list of frames, a line each, as wide as there is room."""

from __future__ import annotations

from typing import NamedTuple

from vcr_core.frames import FrameRow
from vcr_tui.cells import duration, fit, printable
from vcr_tui.glyphs import KIND_WORDS, Glyphs
from vcr_tui.pane_content import Fragments
from vcr_tui.session_view import SessionView
from vcr_tui.viewport import Viewport

LONG_MS = 2000.0
_KIND_STYLE = {"llm": "class:kind.llm", "tool": "class:kind.tool"}
_STATUS_STYLE = {"ok": "class:ok", "error": "class:error", "cached": "class:ok"}


class ListColumns(NamedTuple):
    """Widths of the columns; 0 leaves one out."""

    number: int
    name: int
    kind: int
    latency: int
    status: int


def list_columns(width: int, *, frames: int) -> ListColumns:
    """Divide a width: the name gets what the others leave, the others go when it would get less than eight."""
    index = max(3, len(str(max(0, frames - 1))))
    room = width - index - 4  # cursor, flag, and the spaces beside the number
    kind = 5 if room >= 34 else 0
    latency = 7 if room >= 22 else 0
    status = 8 if room >= 17 else 2
    return ListColumns(index, max(1, room - kind - latency - status), kind, latency, status)


def status_style(status: str) -> str:
    """Return the style of a status."""
    return _STATUS_STYLE.get(status, "class:other")


def frame_line(row: FrameRow, layout: ListColumns, glyphs: Glyphs, *, flag: tuple[str, str], here: bool) -> Fragments:
    """Return one line of the list."""
    name = printable(row.node_name)
    if row.kind == "checkpoint" and row.label:
        name = f"{glyphs.savepoint} {printable(row.label)}"
    if row.parent is not None:
        name = f"  {name}"
    failed = row.status == "error"
    status = glyphs.status_text(row.status) if layout.status > 2 else glyphs.status.get(row.status, "?")
    latency_style = "class:latency.long" if row.latency_ms >= LONG_MS else "class:latency"
    parts: Fragments = [
        ("class:mark", glyphs.cursor if here else " "),
        flag,
        ("class:index", f"{row.index:>{layout.number}} "),
        ("class:error" if failed else "class:name", fit(name, layout.name)),
    ]
    if layout.kind:
        parts.append((_KIND_STYLE.get(row.kind, "class:kind"), " " + fit(KIND_WORDS.get(row.kind, row.kind), 4)))
    if layout.latency:
        parts.append((latency_style, f"{duration(row.latency_ms):>7}"))
    parts.append((status_style(row.status), fit(" " + status, layout.status)))
    return parts


class FrameListLines:
    """The list as lines for `LinesControl`.

    Args:
        view: The session.
        glyphs: What the terminal can show.
    """

    def __init__(self, view: SessionView, glyphs: Glyphs) -> None:
        self.view = view
        self.viewport = Viewport()
        self.focused = True
        self._glyphs = glyphs
        self._found: set[int] = set()
        self._found_in: tuple[int, int] = (0, -1)

    def total(self) -> int:
        """Return the number of frames."""
        return len(self.view)

    def cursor(self) -> int:
        """Return the frame looked at."""
        return self.view.cursor

    def cursor_style(self) -> str:
        """Return how the frame looked at is marked."""
        return "class:cursor"

    def line(self, at: int, width: int) -> Fragments:
        """Return a frame's line."""
        layout = list_columns(width, frames=len(self.view))
        row = self.view.row(at)
        return frame_line(row, layout, self._glyphs, flag=self._flag(at), here=at == self.view.cursor)

    def _flag(self, at: int) -> tuple[str, str]:
        view, glyphs = self.view, self._glyphs
        if view.is_edited(at):
            return "class:found", glyphs.edited
        if view.pin is not None and view.pin.player is view.player and view.pin.frame == at:
            return "class:mark", glyphs.pinned
        if (id(view.matches), len(view.matches)) != self._found_in:
            self._found, self._found_in = set(view.matches), (id(view.matches), len(view.matches))
        return ("class:found", glyphs.found) if at in self._found else ("", " ")

    def click(self, at: int) -> None:
        """Look at the frame that was clicked."""
        self.view.goto(at)

    def wheel(self, lines: int) -> None:
        """Move by some frames."""
        self.view.goto(self.view.cursor + lines)
