"""The right side: which content is shown, and where the cursor is in it."""

from __future__ import annotations

from collections.abc import Callable

from vcr_tui.content_builder import ContentBuilder, FrameDetails, Request
from vcr_tui.json_tree import Path, pointer
from vcr_tui.pane_content import Content, NoteContent, TreeContent
from vcr_tui.session_view import Pane, SessionView
from vcr_tui.state_worker import StateWorker, Ticket
from vcr_tui.viewport import Viewport

PATIENCE = 0.015
"""Seconds that a redraw waits for a state; most are there by then, and a large one is drawn when it is."""


class RightPane:
    """Keeps the content of the pane in step with the view.

    Args:
        view: What is looked at.
        worker: Reads the states.

    Attributes:
        content: What is shown now.
        details: The frame's error and files; None until they were read.
        operations: Number of changes against the frame before, or None if not known.
        cursor: Line of the content.
        viewport: Which lines are in the window.
    """

    def __init__(self, view: SessionView, worker: StateWorker) -> None:
        self.view = view
        self.builder = ContentBuilder(view)
        self.content: Content = NoteContent(["…"])
        self.details: FrameDetails | None = None
        self.operations: int | None = None
        self.cursor = 0
        self.viewport = Viewport()
        self.edit_version = 0
        self._worker = worker
        self._request: Request | None = None
        self._shown: Request | None = None
        self._ticket: Ticket[tuple[Content, FrameDetails]] | None = None
        self._count: Ticket[int] | None = None
        self._places: dict[Pane, Path] = {}
        self._needle: tuple[int, Callable[[str], bool]] | None = None

    @property
    def settled(self) -> bool:
        """True if what is shown is what was asked for last."""
        return self._shown == self._request and self._ticket is None

    def sync(self, width: int) -> None:
        """Ask for what is to be shown, and take it if it is there in good time."""
        view = self.view
        if not len(view):
            self.content, self.details, self._request, self._shown = NoteContent(["No frame yet."]), None, None, None
            return
        before = view.frame_before(view.cursor) if view.pane == "diff" else None
        pin = view.pin if view.pane == "compare" else None
        needle = self._needle[1] if self._needle is not None and self._needle[0] == view.cursor else None
        request = Request(view.pane, view.cursor, width, before, pin, self.edit_version, needle)
        if request != self._request:
            self._remember_place()
            self._request = request
            self._ticket = self._worker.submit(lambda: self._read(request), wanted=lambda: request == self._request)
            self._count, self.operations = None, None
            self._ticket.wait(PATIENCE)
        self._adopt()
        if self._count is not None and self._count.done.is_set():
            self.operations = self._count.value

    def _read(self, request: Request) -> tuple[Content, FrameDetails]:
        return self.builder.build(request), self.builder.details(request.frame)

    def _adopt(self) -> None:
        ticket, request = self._ticket, self._request
        assert request is not None
        if ticket is not None and ticket.done.is_set():
            self._ticket = None
            self.content, self.details = ticket.result()
            self._shown = request
            self._place_cursor(request.pane)
        elif ticket is not None:
            self.content, self.details = NoteContent([f"reading frame {request.frame} …"]), None
            self.cursor = 0

    def _remember_place(self) -> None:
        if self._shown is not None and isinstance(self.content, TreeContent) and self.content.tree.rows:
            self._places[self._shown.pane] = self.content.tree.rows[self.cursor].path

    def _place_cursor(self, pane: Pane) -> None:
        if not isinstance(self.content, TreeContent):
            self.cursor = 0
        elif self.content.start is not None:
            self.cursor = self.content.start
        else:
            self.cursor = self.content.tree.nearest(self._places.get(pane, ()))

    def forget(self) -> None:
        """Read everything anew."""
        self.builder.forget()
        self._request = None

    def count_operations(self) -> None:
        """Work out how many changes the diff of this frame has, for its tab; once for a frame, and when it is time."""
        request = self._shown
        if self._count is None and request is not None and self.settled:
            before = self.view.frame_before(request.frame)
            self._count = self._worker.submit(
                lambda: self.builder.operations(request.frame, before), wanted=lambda: request == self._request
            )
            self._count.late = True

    # -- moving in it ------------------------------------------------------------------------------------------------

    def move(self, lines: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(self.cursor + lines, len(self.content) - 1))

    def toggle(self) -> bool:
        """Open or close the row at the cursor; False if there is nothing to open."""
        return isinstance(self.content, TreeContent) and self.content.tree.toggle(self.cursor)

    def go_to_parent(self) -> None:
        """Go to the row that holds the one at the cursor."""
        if isinstance(self.content, TreeContent):
            self.cursor = self.content.tree.parent(self.cursor)

    def pointer(self) -> str | None:
        """Return the JSON pointer of the row at the cursor, or None where there is no tree."""
        if isinstance(self.content, TreeContent) and self.cursor < len(self.content.tree):
            return pointer(self.content.tree.rows[self.cursor].path)
        return None

    def look_for(self, accept: Callable[[str], bool]) -> None:
        """Show the first place in the state at the cursor whose text is accepted, as soon as that is read."""
        self._needle = (self.view.cursor, accept)
