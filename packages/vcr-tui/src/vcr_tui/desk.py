"""Everything that is open on the screen, without the screen: the session, the picker, what runs, what is said.

Commands change it, widgets draw it.  It knows no terminal library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from vcr_core.errors import VcrError
from vcr_core.file_identity import FileIdentity, identify
from vcr_core.player import VCRPlayer
from vcr_core.session_ids import SUFFIX
from vcr_core.store import SessionSummary, Store
from vcr_tui.fork_tree import PickerLines, fork_tree
from vcr_tui.frame_list import FrameListLines
from vcr_tui.glyphs import UNICODE, Glyphs
from vcr_tui.pane_content import Fragments, TreeContent
from vcr_tui.right_pane import RightPane
from vcr_tui.row_columns import ColumnLoader
from vcr_tui.session_view import Pin, SessionView
from vcr_tui.state_worker import StateWorker
from vcr_tui.viewport import Viewport


class Message(NamedTuple):
    """What the status line says until the next key."""

    text: str
    kind: Literal["info", "error"] = "info"


class Prompt(NamedTuple):
    """A line that the person is asked to fill in."""

    label: str
    text: str
    accept: Callable[[str], None]


class Running(Protocol):
    """Something that goes on in the background and is shown in the status line."""

    def status(self, width: int, glyphs: Glyphs) -> Fragments:
        """Return what the status line shows of it."""
        ...

    def stop(self) -> None:
        """End it soon."""
        ...


class PaneLines:
    """The right side as lines for `LinesControl`."""

    def __init__(self, pane: RightPane, desk: Desk) -> None:
        self._pane = pane
        self._desk = desk
        self.viewport = pane.viewport

    def total(self) -> int:
        """Return the number of lines."""
        return len(self._pane.content)

    def cursor(self) -> int:
        """Return the line of the cursor."""
        return min(self._pane.cursor, max(0, len(self._pane.content) - 1))

    def cursor_style(self) -> str:
        """Return how the line of the cursor is marked: while the list has the focus, only if it was searched for."""
        if self._desk.focus == "pane":
            return "class:cursor"
        content = self._pane.content
        found = isinstance(content, TreeContent) and content.start == self._pane.cursor
        return "class:cursor.dim" if found else ""

    def line(self, at: int, width: int) -> Fragments:
        """Return a line."""
        return self._pane.content.line(at, width, self._desk.glyphs)

    def click(self, at: int) -> None:
        """Move the cursor to a line; a second click opens or closes it."""
        again = self._desk.focus == "pane" and at == self._pane.cursor
        self._desk.focus = "pane"
        self._pane.move(at - self._pane.cursor)
        if again:
            self._pane.toggle()

    def wheel(self, lines: int) -> None:
        """Move the cursor by lines."""
        self._pane.move(lines)


class OpenSession:
    """One session with what is shown of it.

    Attributes:
        identity: The file that was opened; None once it is known to be away.
    """

    def __init__(self, player: VCRPlayer, desk: Desk, identity: FileIdentity | None) -> None:
        self.identity = identity
        self.view = SessionView(player)
        self.pane = RightPane(self.view, desk.worker)
        self.list_lines = FrameListLines(self.view, desk.glyphs)
        self.pane_lines = PaneLines(self.pane, desk)
        self._invalidate = desk.invalidate
        self.loader = ColumnLoader(player.source, self.view.columns, on_progress=desk.invalidate)

    def begin_anew(self) -> None:
        """Read everything again, after the file was replaced by another."""
        self.loader.close()
        self.view.forget_rows()
        self.pane.forget()
        self.loader = ColumnLoader(self.view.player.source, self.view.columns, on_progress=self._invalidate)

    def close(self, *, keep_player: bool) -> None:
        """Stop reading; the player is kept open where a pin holds it."""
        self.loader.close()
        if not keep_player:
            self.view.player.close()


class Desk:
    """What is open.

    Args:
        directory: Where the sessions lie that can be chosen.
        glyphs: What the terminal can show.
        invalidate: Asks for a redraw, from any thread.
        agent: ``module:function`` to resume with, or None.

    Attributes:
        session: The open session, or None.
        picker: The list of sessions where one is chosen, or None.
        focus: Which side moves.
        message: What the status line says.
        prompt: What the person is asked, or None.
        running: What goes on in the background, or None.
        whole_traceback: True to show all of a traceback.
        help_open: True while the help page is shown.
        following: True while the end of the file is followed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        glyphs: Glyphs = UNICODE,
        invalidate: Callable[[], None] = lambda: None,
        agent: str | None = None,
    ) -> None:
        self.directory = directory
        self.glyphs = glyphs
        self.invalidate = invalidate
        self.agent = agent
        self.worker = StateWorker(on_done=invalidate)
        self.session: OpenSession | None = None
        self.picker: PickerLines | None = None
        self.on_pick: Callable[[SessionSummary], None] = self._open_chosen
        self.focus: Literal["list", "pane"] = "list"
        self.message: Message | None = None
        self.prompt: Prompt | None = None
        self.running: Running | None = None
        self.whole_traceback = False
        self.help_open = False
        self.help_view = Viewport()
        self.help_top = 0
        self.following = False
        self.count = ""

    # -- sessions ----------------------------------------------------------------------------------------------------

    def open(self, path: Path, *, frame: int = 0) -> OpenSession:
        """Open a recording in place of the one that is open; a pinned frame stays pinned.

        Raises:
            VcrError: If it is no recording.
            OSError: If it cannot be read.
        """
        identity = identify(path)
        player = VCRPlayer.load(path)
        before = self.session
        pin: Pin | None = None
        if before is not None:
            pin = before.view.pin
            before.close(keep_player=pin is not None and pin.player is before.view.player)
        session = OpenSession(player, self, identity)
        session.view.pin = pin
        session.view.goto(frame)
        if before is not None:
            session.view.pane = before.view.pane
        self.session, self.picker = session, None
        self.directory = path.parent
        fault = describe_fault(player)
        self.message = Message(fault, "error") if fault else None
        session.loader.start()
        return session

    def pick(self, *, on_pick: Callable[[SessionSummary], None] | None = None) -> None:
        """Show the sessions of the directory to choose one."""
        current = self.session.view.name if self.session is not None else None
        self.on_pick = on_pick or self._open_chosen
        self.picker = PickerLines(fork_tree(Store(self.directory).sessions()), self.glyphs, current=current)

    def _open_chosen(self, chosen: SessionSummary) -> None:
        self.open(chosen.path)

    def open_named(self, name: str, *, frame: int = 0) -> None:
        """Open a session of the directory by its name.

        Raises:
            VcrError: If there is none.
        """
        exact = self.directory / f"{name}{SUFFIX}"  # a recording names its parent by the stem of its file
        self.open(exact if exact.is_file() else Store(self.directory).path(name), frame=frame)

    def pin_in(self, chosen: SessionSummary, *, index: int) -> None:
        """Pin the frame of that index, or the nearest, in another session, and compare with it."""
        if self.session is None:
            return
        view = self.session.view
        player = view.player if chosen.path == view.path else VCRPlayer.load(chosen.path)
        self.picker = None
        if not len(player):
            self.fail(f"{chosen.name} has no frame to compare with")
            return
        view.pin = Pin(player, min(index, len(player) - 1))
        view.pane = "compare"

    def close(self) -> None:
        """Stop all threads and give the files back."""
        if self.running is not None:
            self.running.stop()
        if self.session is not None:
            self.session.close(keep_player=False)
        self.worker.close()

    def take_in_new_frames(self) -> None:
        """Read on in a file that grows; the cursor stays on the last frame if it was there.

        A recording that took the place of the one on the screen is opened in its place.
        """
        if self.session is None or self._meet_another_file(self.session):
            return
        view, source = self.session.view, self.session.view.player.source
        before, torn = len(view), bool(view.player.torn)
        at_end = view.cursor >= before - 1
        source.refresh()
        if len(view) < before:
            self.session.begin_anew()
        if len(view) != before:
            self.session.loader.start()
            if at_end:
                view.goto(len(view) - 1)
        if len(view) != before or bool(view.player.torn) != torn:
            self.invalidate()

    def _meet_another_file(self, session: OpenSession) -> bool:
        """Open what took the place of the file of a session; False if it is still that file, or there is none."""
        path, now = session.view.path, identify(session.view.path)
        if now == session.identity:
            return False
        session.identity = now
        if now is None:
            self.fail(f"{path} is gone; what was read of it is still shown, and a new one is opened when it is there")
            self.invalidate()
            return False
        try:
            self._open_again(session)
        except (VcrError, OSError) as error:
            self.fail(error)
        self.invalidate()
        return True

    def _open_again(self, session: OpenSession) -> None:
        view, picker = session.view, self.picker
        at_end = view.cursor >= len(view) - 1
        if view.pin is not None and view.pin.player is view.player:
            view.pin = None  # its frame is of the recording that is no more
        reopened = self.open(view.path, frame=view.cursor)
        if at_end:
            reopened.view.goto(len(reopened.view) - 1)
        self.picker = picker
        if self.message is None:
            self.say(f"{view.name} was recorded anew; this is the new recording")

    # -- saying ------------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Show a message until the next key."""
        self.message = Message(text)

    def fail(self, error: BaseException | str) -> None:
        """Show what went wrong until the next key; the screen stays as it is."""
        text = str(error) or type(error).__name__
        self.message = Message(text, "error")


def describe_fault(player: VCRPlayer) -> str:
    """Return what is wrong with a file as far as it was read, or ""."""
    faults = list(player.damage)
    if player.torn:
        faults.append(f"the last line is torn ({len(player.torn):,} bytes): the run died, or is being written")
    if not faults:
        return ""
    more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
    return f"{faults[0]}{more}; all else is shown"
