"""What goes on in the background, as the status line shows it."""

from __future__ import annotations

from collections.abc import Callable

from vcr_tui.cells import cut, printable
from vcr_tui.chrome import meter
from vcr_tui.glyphs import Glyphs
from vcr_tui.pane_content import Fragments


class Progress:
    """Something that can be stopped, with a text and, where it is known, a share from 0 to 1.

    Args:
        describe: Returns the text.
        share: Returns how far it is, or None if nobody knows.
        stop: Ends it soon.
    """

    def __init__(
        self, describe: Callable[[], str], *, share: Callable[[], float | None], stop: Callable[[], None]
    ) -> None:
        self._describe = describe
        self._share = share
        self._stop = stop

    def status(self, width: int, glyphs: Glyphs) -> Fragments:
        """Return a meter, the text, and how to stop."""
        share = self._share()
        room = min(24, width // 4)
        bar = "" if share is None or room < 6 else f" {meter(share, glyphs, width=room)} {share * 100:3.0f} %"
        ending = "  Esc stops" if width >= 50 else ""
        text = cut(printable(self._describe()), max(1, width - len(bar) - len(ending) - 3))
        return [("class:foot.key", bar), ("class:foot.msg", f"  {text}"), ("class:foot", ending)]

    def stop(self) -> None:
        """End it soon."""
        self._stop()
