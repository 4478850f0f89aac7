"""The layout: which widget stands where.  What the widgets show comes from the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import OneStyleAndTextTuple, StyleAndTextTuples
from prompt_toolkit.layout import (
    ConditionalContainer,
    Container,
    Dimension,
    DynamicContainer,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType

from vcr_tui import chrome
from vcr_tui.cells import cut, encodable, printable
from vcr_tui.desk import Desk, OpenSession
from vcr_tui.help_page import help_lines
from vcr_tui.lines_control import Lines, LinesControl
from vcr_tui.pane_content import Fragments
from vcr_tui.session_view import PANES
from vcr_tui.tape import stretch

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_bindings import NotImplementedOrNone

ONE_SIDE_BELOW = 50
"""Columns below which list and pane take turns."""


class Screen:
    """The widgets of a desk.

    Args:
        desk: What is shown.
        encoding: What the terminal can show.
        accept_prompt: Takes the person's answer to a prompt.

    Attributes:
        layout: For the application.
        prompt_buffer: Where the person answers a prompt.
    """

    def __init__(self, desk: Desk, *, encoding: str, accept_prompt: Callable[[Buffer], bool]) -> None:
        self.desk = desk
        self._encoding = encoding
        self.prompt_buffer = Buffer(multiline=False, accept_handler=accept_prompt)
        self._list = self._lines(lambda: self._session().list_lines, "list")
        self._pane = self._lines(lambda: self._session().pane_lines, "pane")
        self._picker = self._lines(lambda: self._picker_lines(), "list")
        self._prompt_window = Window(
            BufferControl(self.prompt_buffer, focusable=True), height=1, style="class:foot.msg"
        )
        self._frames = self._frames_container()
        self._sessions = self._sessions_container()
        self._help = self._help_container()
        self._home = Window(FormattedTextControl("", focusable=True), height=0)
        self.layout = Layout(
            HSplit([DynamicContainer(self._body), self._foot(), self._home]), focused_element=self._home
        )

    # -- state the widgets ask for -----------------------------------------------------------------------------------

    def _session(self) -> OpenSession:
        assert self.desk.session is not None
        return self.desk.session

    def _picker_lines(self) -> Lines:
        assert self.desk.picker is not None
        return self.desk.picker

    @staticmethod
    def width() -> int:
        """Return the columns of the terminal."""
        return get_app().output.get_size().columns

    @staticmethod
    def height() -> int:
        """Return the rows of the terminal."""
        return get_app().output.get_size().rows

    def _list_width(self) -> int:
        width = self.width()
        if width < ONE_SIDE_BELOW:
            return width
        return max(24, min(52, width * 45 // 100))

    def pane_width(self) -> int:
        """Return the columns of the right side."""
        width = self.width()
        return width if width < ONE_SIDE_BELOW else width - self._list_width() - 1

    def sync(self) -> None:
        """Before a redraw: ask for the states that it shows."""
        desk = self.desk
        if desk.session is not None and desk.picker is None:
            desk.session.pane.sync(self.pane_width() - 1)
            desk.session.list_lines.focused = desk.focus == "list"

    def focus_prompt(self, text: str) -> None:
        """Let the person type."""
        self.prompt_buffer.text = text
        self.prompt_buffer.cursor_position = len(text)
        self.layout.focus(self._prompt_window)

    def focus_home(self) -> None:
        """Let the keys be commands again."""
        self.prompt_buffer.reset()
        self.layout.focus(self._home)

    # -- containers --------------------------------------------------------------------------------------------------

    def _lines(self, lines: Callable[[], Lines], side: str) -> Window:
        def on_mouse() -> None:
            if side == "list":
                self.desk.focus = "list"

        # Windows of a known size: where sizes are negotiated, prompt_toolkit deals them out cell by cell.
        return Window(
            LinesControl(lines, self.desk.glyphs, show=self._encodable, on_mouse=on_mouse),
            width=lambda: Dimension.exact(self._width_of(side)),
            height=lambda: Dimension.exact(self._height_of(side)),
            always_hide_cursor=True,
        )

    def _width_of(self, side: str) -> int:
        if self.desk.picker is not None or self.desk.session is None:
            return self.width()
        return self._list_width() if side == "list" else self.pane_width()

    def _height_of(self, side: str) -> int:
        if self.desk.picker is not None or self.desk.session is None:
            return max(1, self.height() - 2)
        return max(1, self.height() - 3 - (1 + len(self._banner_lines()) if side == "pane" else 0))

    def _body(self) -> Container:
        if self.desk.help_open:
            return self._help
        if self.desk.picker is not None or self.desk.session is None:
            return self._sessions
        return self._frames

    def _frames_container(self) -> Container:
        two = Condition(lambda: self.width() >= ONE_SIDE_BELOW)
        list_on = Condition(lambda: self.desk.focus == "list")
        left = HSplit([self._list], width=lambda: Dimension.exact(self._list_width()))
        right = HSplit(
            [self._text(self._tabs, on_click=self._click_tab), self._banner(), self._pane],
            width=lambda: Dimension.exact(self.pane_width()),
        )
        rule = Window(width=1, char=self.desk.glyphs.rule, style="class:rule")
        columns = VSplit(
            [
                ConditionalContainer(left, two | list_on),
                ConditionalContainer(rule, two),
                ConditionalContainer(right, two | ~list_on),
            ],
            height=lambda: Dimension.exact(max(1, self.height() - 3)),
        )
        return HSplit([self._text(self._header), self._text(self._tape, on_click=self._click_tape), columns])

    def _sessions_container(self) -> Container:
        return HSplit([self._text(self._picker_title), self._picker])

    def _help_container(self) -> Container:
        return HSplit([Window(FormattedTextControl(self._help_text), style="class:help", always_hide_cursor=True)])

    def _banner(self) -> Container:
        def text() -> StyleAndTextTuples:
            return self._encodable(_joined(self._banner_lines()))

        window = Window(FormattedTextControl(text), height=lambda: Dimension.exact(len(self._banner_lines())))
        return ConditionalContainer(window, Condition(lambda: bool(self._banner_lines())))

    def _foot(self) -> Container:
        asking = Condition(lambda: self.desk.prompt is not None)
        label = Window(
            FormattedTextControl(
                lambda: [("class:foot.key", f" {self.desk.prompt.label} " if self.desk.prompt else "")]
            ),
            height=1,
            dont_extend_width=True,
            style="class:foot",
        )
        prompt = ConditionalContainer(VSplit([label, self._prompt_window]), asking)
        status = ConditionalContainer(self._text(self._status, style="class:foot"), ~asking)
        return HSplit([prompt, status])

    def _text(
        self, get: Callable[[], Fragments], *, style: str = "", on_click: Callable[[int], None] | None = None
    ) -> Window:
        return Window(
            ClickableText(lambda: self._encodable(get()), on_click), height=1, style=style, always_hide_cursor=True
        )

    def _encodable(self, fragments: Sequence[OneStyleAndTextTuple]) -> StyleAndTextTuples:
        return [(part[0], encodable(part[1], self._encoding)) for part in fragments]

    # -- texts -------------------------------------------------------------------------------------------------------

    def _header(self) -> Fragments:
        desk, view = self.desk, self._session().view
        badges: Fragments = []
        if view.player.damage:
            badges.append(("class:badge.live", " DAMAGED "))
        elif view.player.torn and not desk.following:
            badges.append(("class:badge.live", " TORN "))
        if desk.following:
            badges.append(("class:badge.live", " LIVE "))
        if view.is_edited(view.cursor):
            badges.append(("class:badge.edit", " EDITED "))
        info = view.player.session
        return chrome.header(info, view.name, len(view), view.columns, desk.glyphs, badges=badges, width=self.width())

    def _tape(self) -> Fragments:
        view, width = self._session().view, self.width()
        cells = view.tape.cells(frames=len(view), width=width)
        return chrome.tape_line(cells, self.desk.glyphs, cursor=view.cursor, frames=len(view), width=width)

    def _tabs(self) -> Fragments:
        session, width = self._session(), self.pane_width()
        pin = session.view.pin
        name = None if pin is None else (f"#{pin.frame}" if pin.player is session.view.player else pin.name)
        return chrome.tabs(
            session.view.pane,
            operations=session.pane.operations,
            pinned=name,
            focused=self.desk.focus == "pane",
            width=width,
        )

    def _banner_lines(self) -> list[Fragments]:
        rows = self.height() - 4
        height = rows - 3 if self.desk.whole_traceback else min(8, rows // 3)
        return chrome.banner(
            self._session().pane.details,
            self.desk.glyphs,
            width=self.pane_width(),
            height=max(1, height),
            whole=self.desk.whole_traceback,
        )

    def _picker_title(self) -> Fragments:
        desk, width = self.desk, self.width()
        count = desk.picker.total() if desk.picker is not None else 0
        text = f" {desk.glyphs.play} {printable(str(desk.directory))}"
        number = f"  {count:,} session{'' if count == 1 else 's'}"
        name = cut(text, max(8, width - len(number)))
        return [("class:bar.name", name), ("class:bar.dim", number.ljust(max(0, width - len(name))))]

    def _help_text(self) -> StyleAndTextTuples:
        size = get_app().output.get_size()
        lines = help_lines(width=size.columns)
        desk, height = self.desk, size.rows - 1
        desk.help_top = max(0, min(desk.help_top, len(lines) - height))
        shown = lines[desk.help_top : desk.help_top + height]
        return self._encodable(_joined(shown))

    def _status(self) -> Fragments:
        desk, width = self.desk, self.width()
        if desk.running is not None:
            return desk.running.status(width, desk.glyphs)
        if desk.message is not None:
            failed = desk.message.kind == "error"
            mark = f" {desk.glyphs.status['error']} " if failed else " "
            text = cut(printable(desk.message.text), width - len(mark))
            return [("class:foot.err" if failed else "class:foot.msg", mark + text)]
        if desk.help_open:
            return chrome.hints([("↑↓", "scroll"), ("Esc", "close")])
        if desk.picker is not None:
            leave = ("q", "quit") if desk.session is None else ("Esc", "back")
            return chrome.hints([("↑↓", "session"), ("Enter", "open"), leave])
        if desk.count:
            return [("class:foot.msg", f" {desk.count}"), ("class:foot", f"   G goes to frame {desk.count}")]
        return chrome.footer_line(width)

    # -- mouse -------------------------------------------------------------------------------------------------------

    def _click_tape(self, column: int) -> None:
        view = self._session().view
        if len(view):
            view.goto(stretch(column, frames=len(view), width=self.width())[0])

    def _click_tab(self, column: int) -> None:
        at = 0
        for name, text in zip(PANES, self._tabs()[1::3], strict=False):
            at += len(text[1]) + 2
            if column < at:
                self._session().view.pane = name
                return


def _joined(lines: list[Fragments]) -> StyleAndTextTuples:
    parts: StyleAndTextTuples = []
    for number, line in enumerate(lines):
        parts += [("", "\n")] if number else []
        parts += line
    return parts


class ClickableText(FormattedTextControl):
    """A line of text that tells in which column it was clicked."""

    def __init__(self, get: Callable[[], StyleAndTextTuples], on_click: Callable[[int], None] | None) -> None:
        super().__init__(get)
        self._on_click = on_click

    def mouse_handler(self, mouse_event: MouseEvent) -> NotImplementedOrNone:
        """Tell the column of a click."""
        if self._on_click is None or mouse_event.event_type != MouseEventType.MOUSE_DOWN:
            return NotImplemented
        self._on_click(mouse_event.position.x)
        return None
