"""A control that shows some of many lines: it asks for the lines in the window and for no other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from prompt_toolkit.data_structures import Point
from prompt_toolkit.formatted_text import OneStyleAndTextTuple, StyleAndTextTuples
from prompt_toolkit.layout.controls import UIContent, UIControl
from prompt_toolkit.mouse_events import MouseButton, MouseEvent, MouseEventType

from vcr_tui.cells import columns, cut, printable
from vcr_tui.glyphs import Glyphs
from vcr_tui.viewport import Viewport

WHEEL = 3


if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_bindings import NotImplementedOrNone


class Lines(Protocol):
    """What a control shows."""

    viewport: Viewport

    def total(self) -> int:
        """Return the number of lines."""
        ...

    def cursor(self) -> int:
        """Return the line of the cursor."""
        ...

    def line(self, at: int, width: int) -> list[tuple[str, str]]:
        """Return a line of at most `width` columns."""
        ...

    def cursor_style(self) -> str:
        """Return how the line of the cursor is marked."""
        ...

    def click(self, at: int) -> None:
        """Take a click on a line."""
        ...

    def wheel(self, lines: int) -> None:
        """Take a turn of the wheel."""
        ...


class LinesControl(UIControl):
    """Draws lines with a cursor and a scroll bar.

    The content it gives to the window is as high as the window, so the cost of a redraw does not depend on how many
    lines there are.

    Args:
        lines: Returns what is shown now.
        glyphs: What the terminal can show.
        show: Makes a line one that the terminal can show, as wide as it was.
        on_mouse: Called after a click or a turn of the wheel was handled.
    """

    def __init__(
        self,
        lines: Callable[[], Lines],
        glyphs: Glyphs,
        *,
        show: Callable[[Sequence[OneStyleAndTextTuple]], StyleAndTextTuples],
        on_mouse: Callable[[], None],
    ) -> None:
        self._lines = lines
        self._glyphs = glyphs
        self._show = show
        self._on_mouse = on_mouse

    def is_focusable(self) -> bool:
        """It takes the focus."""
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        """Return the lines of the window."""
        lines = self._lines()
        viewport = lines.viewport
        shown = viewport.place(cursor=lines.cursor(), total=lines.total(), height=height)
        thumb = viewport.thumb()
        drawn = [self._draw(lines, at, row, width, thumb) for row, at in enumerate(shown)]
        cursor = Point(0, max(0, min(lines.cursor() - viewport.top, len(drawn) - 1)))
        return UIContent(
            get_line=lambda row: drawn[row] if row < len(drawn) else [],
            line_count=max(1, len(drawn)),
            cursor_position=cursor,
            show_cursor=False,
        )

    def _draw(self, lines: Lines, at: int, row: int, width: int, thumb: range | None) -> StyleAndTextTuples:
        room = width - 1
        try:
            fragments = lines.line(at, room)
        except Exception as error:  # noqa: BLE001  # foreign data that cannot be drawn costs its line, not the screen
            fragments = [("class:err", cut(printable(f" line {at}: {type(error).__name__}: {error}"), room))]
        style = lines.cursor_style() if at == lines.cursor() else ""
        if style:
            used = sum(columns(text) for _, text in fragments)
            fragments = [(f"{name} {style}", text) for name, text in fragments]
            fragments.append((style, " " * max(0, room - used)))
        else:
            used = sum(columns(text) for _, text in fragments) if thumb is not None else room
            fragments = [*fragments, ("", " " * max(0, room - used))]
        if thumb is not None:
            fragments.append(("class:thumb", self._glyphs.thumb) if row in thumb else ("class:rule", " "))
        return self._show(fragments)

    def mouse_handler(self, mouse_event: MouseEvent) -> NotImplementedOrNone:
        """Move the cursor to a click, and turn with the wheel."""
        kind, lines = mouse_event.event_type, self._lines()
        if kind == MouseEventType.SCROLL_DOWN:
            lines.wheel(WHEEL)
        elif kind == MouseEventType.SCROLL_UP:
            lines.wheel(-WHEEL)
        elif kind == MouseEventType.MOUSE_DOWN and mouse_event.button == MouseButton.LEFT:
            lines.click(lines.viewport.top + mouse_event.position.y)
        else:
            return NotImplemented
        self._on_mouse()
        return None
