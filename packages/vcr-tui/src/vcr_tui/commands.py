"""What the keys do: a method for each action of `vcr_tui.key_table`."""

from __future__ import annotations

from collections.abc import Callable

from vcr_core.errors import VcrError
from vcr_tui.desk import Desk
from vcr_tui.going_on import GoingOn
from vcr_tui.session_view import PANES, Pane
from vcr_tui.terminal import Terminal


class Commands(GoingOn):
    """All of them: moving and looking are here, the rest comes from `vcr_tui.going_on`.

    Args:
        desk: What is changed.
        terminal: Where it is shown.
    """

    def __init__(self, desk: Desk, terminal: Terminal) -> None:
        super().__init__(desk, terminal)
        self._pane_before_count: Pane | None = None

    def run(self, action: str) -> None:
        """Do what a key says; an error becomes a message, whatever it is."""
        desk = self.desk
        desk.message = None
        if action != "last":
            self._end_count()
        method: Callable[[], None] = getattr(self, action)
        try:
            method()
        except (VcrError, OSError) as error:
            desk.fail(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours must not take the screen with it
            desk.fail(f"{action.replace('_', ' ')} failed ({type(error).__name__}: {error}); nothing was changed")

    # -- moving ------------------------------------------------------------------------------------------------------

    def previous_frame(self) -> None:
        """Look at the frame before."""
        self._move_frame(-1)

    def next_frame(self) -> None:
        """Look at the next frame."""
        self._move_frame(1)

    def up(self) -> None:
        """Move up by a line."""
        self._move(-1)

    def down(self) -> None:
        """Move down by a line."""
        self._move(1)

    def page_up(self) -> None:
        """Move up by a screen."""
        self._move(-self._page())

    def page_down(self) -> None:
        """Move down by a screen."""
        self._move(self._page())

    def first(self) -> None:
        """Go to the top."""
        self._move(-(1 << 60))

    def last(self) -> None:
        """Go to the end, or to the frame whose number was typed."""
        count = self.desk.count
        if not count:
            self._move(1 << 60)
            return
        self._end_count(restore=True)
        if self.session is not None:
            view = self.session.view
            view.goto(int(count))
            if int(count) >= len(view):
                self.desk.say(f"there is no frame {count}; this is the last one, {view.cursor}")

    def digit(self, digit: str) -> None:
        """Take a digit: of a frame's number, or of a pane."""
        desk, session = self.desk, self.session
        desk.message = None
        if session is None:
            return
        if not desk.count:
            self._pane_before_count = session.view.pane
        if digit in "12345":
            session.view.pane = PANES[int(digit) - 1]
        desk.count = (desk.count + digit)[:9]

    def _end_count(self, *, restore: bool = False) -> None:
        if restore:
            self._restore_pane()
        self._pane_before_count = None
        self.desk.count = ""

    def _restore_pane(self) -> None:
        if self._pane_before_count is not None and self.desk.session is not None:
            self.desk.session.view.pane = self._pane_before_count
        self._pane_before_count = None

    def _move_frame(self, frames: int) -> None:
        if self.session is not None:
            self.session.view.goto(self.session.view.cursor + frames)

    def _move(self, lines: int) -> None:
        desk = self.desk
        if desk.help_open:
            desk.help_top += max(-999, min(lines, 999))
        elif desk.picker is not None:
            desk.picker.wheel(lines)
        elif desk.session is not None and desk.focus == "pane":
            desk.session.pane.move(lines)
        else:
            self._move_frame(lines)

    def _page(self) -> int:
        desk = self.desk
        if desk.picker is not None:
            return desk.picker.viewport.page
        if desk.session is None:
            return 10
        return (desk.session.pane if desk.focus == "pane" else desk.session.list_lines).viewport.page

    # -- looking -----------------------------------------------------------------------------------------------------

    def switch_focus(self) -> None:
        """Move the focus between list and pane."""
        self.desk.focus = "pane" if self.desk.focus == "list" else "list"

    def next_pane(self) -> None:
        """Show the next pane."""
        if self.session is not None:
            view = self.session.view
            view.pane = PANES[(PANES.index(view.pane) + 1) % len(PANES)] if view.pane in PANES else PANES[0]

    def toggle_diff(self) -> None:
        """Show the diff against the frame before, or the state again."""
        if self.session is not None:
            view = self.session.view
            view.pane = "state" if view.pane == "diff" else "diff"

    def toggle_row(self) -> None:
        """Open what is at the cursor: a session, or a row of the state."""
        desk = self.desk
        if desk.help_open:
            desk.help_open = False
        elif desk.picker is not None:
            chosen = desk.picker.chosen
            if chosen is not None:
                desk.on_pick(chosen)
        elif desk.session is not None and desk.focus == "list":
            desk.focus = "pane"
        elif desk.session is not None:
            desk.session.pane.toggle()

    def close_row(self) -> None:
        """Go to what holds the row at the cursor."""
        if self.session is not None and self.desk.focus == "pane":
            self.session.pane.go_to_parent()

    def toggle_traceback(self) -> None:
        """Show all of a traceback, or its end."""
        self.desk.whole_traceback = not self.desk.whole_traceback

    def toggle_help(self) -> None:
        """Show the help page, or what was there before."""
        self.desk.help_open = not self.desk.help_open
        self.desk.help_top = 0

    # -- pins --------------------------------------------------------------------------------------------------------

    def pin(self) -> None:
        """Pin this frame; if another one is pinned, compare with it; the pinned one itself is let go."""
        if self.session is None or not len(self.session.view):
            return
        view = self.session.view
        here = view.pin is not None and view.pin.player is view.player and view.pin.frame == view.cursor
        if view.pin is not None and not here and view.pane != "compare":
            view.pane = "compare"
            self.desk.say(f"compared with {view.pin.name}; c pins this frame instead")
        else:
            pinned = view.toggle_pin()
            self.desk.say(f"pinned {pinned.name}; go to another frame and press c" if pinned else "nothing is pinned")

    def compare_session(self) -> None:
        """Choose a session and compare with the frame of the same place in it."""
        session = self.session
        if session is None:
            return
        view = session.view

        def pin_there(chosen: object) -> None:
            self.desk.pin_in(chosen, index=view.cursor)  # type: ignore[arg-type]

        self.desk.pick(on_pick=pin_there)

    # -- errors and matches ------------------------------------------------------------------------------------------

    def next_error(self) -> None:
        """Go to the next frame that failed."""
        self._to_error(1, "no error after this frame")

    def previous_error(self) -> None:
        """Go to the last frame before this one that failed."""
        self._to_error(-1, "no error before this frame")

    def _to_error(self, direction: int, nothing: str) -> None:
        session = self.session
        if session is not None and not session.view.next_error(direction):
            still = "" if session.loader.done else f" (the first {len(session.view.columns):,} frames were read so far)"
            self.desk.say(nothing + still)

    # -- program -----------------------------------------------------------------------------------------------------

    def open_session(self) -> None:
        """Choose a session of the directory."""
        self.desk.pick()

    def parent_session(self) -> None:
        """Open the session that this one was forked from, at the cut."""
        session = self.session
        if session is None:
            return
        info = session.view.player.session
        if info.parent_session_id is None:
            self.desk.say("this session was not forked from another")
            return
        self.desk.open_named(info.parent_session_id, frame=info.forked_from_frame or 0)

    def toggle_follow(self) -> None:
        """Follow the end of the file, or not."""
        self.desk.following = not self.desk.following
        self.desk.say("following the run as it is recorded" if self.desk.following else "not following any more")

    def stop(self) -> None:
        """Stop what runs, or close what is open."""
        desk = self.desk
        if desk.help_open:
            desk.help_open = False
        elif desk.running is not None:
            desk.running.stop()
        elif desk.picker is not None and desk.session is not None:
            desk.picker = None
        elif desk.focus == "pane":
            desk.focus = "list"

    def quit(self) -> None:
        """End the program; on the help page, close it."""
        if self.desk.help_open:
            self.desk.help_open = False
        elif self.desk.picker is not None and self.desk.session is not None:
            self.desk.picker = None
        else:
            self.terminal.exit()
