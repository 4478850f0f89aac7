"""Reads what a pane shows of a frame.  Runs in the worker's thread: the only place that reads states."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from vcr_core.diff import diff
from vcr_core.diff_render import render
from vcr_core.errors import VcrError
from vcr_core.frames import ErrorInfo, FrameRow
from vcr_core.json_pointer import kind_of
from vcr_core.player import VCRPlayer
from vcr_tui.cells import wrap
from vcr_tui.json_tree import Folds, JsonTree
from vcr_tui.pane_content import Content, DiffContent, NoteContent, PatchContent, TreeContent
from vcr_tui.session_view import Pane, Part, Pin, SessionView, state_part

_STATES_KEPT = 4


class Savepoint(NamedTuple):
    """The files that were kept together with a frame's state."""

    number: int | None
    commit: str
    changed: list[str]
    total: int


class FrameDetails(NamedTuple):
    """What stands above a frame's state.

    Attributes:
        frame: The frame.
        row: Its small fields.
        error: Why its step failed, or None.
        savepoint: Its files, if it has any.
        unreadable: Why its line cannot be read, or None.
    """

    frame: int
    row: FrameRow
    error: ErrorInfo | None = None
    savepoint: Savepoint | None = None
    unreadable: str | None = None


class Request(NamedTuple):
    """What is to be shown; two equal requests show the same.

    Attributes:
        before: The frame that a diff starts from; None compares with nothing.
        edit_version: Changes whenever an edit does.
        needle: Accepts the text of the place in the state that the cursor goes to.
    """

    pane: Pane
    frame: int
    width: int
    before: int | None = None
    pin: Pin | None = None
    edit_version: int = 0
    needle: Callable[[str], bool] | None = None


class ContentBuilder:
    """Builds the content of panes for one session.

    Args:
        view: What is edited and opened; read only.
    """

    def __init__(self, view: SessionView) -> None:
        self._view = view
        self._folds: dict[Pane, Folds] = {"meta": {}}
        self._states: OrderedDict[tuple[int, int, Part], Any] = OrderedDict()

    def state(self, index: int, part: Part | None = None, *, player: VCRPlayer | None = None) -> Any:
        """Return a state in wire form, as recorded; it is not to be changed.

        Args:
            index: The frame.
            part: Which one; by default the one that is shown as its state.
            player: Of which session; by default of the one on the screen.

        Raises:
            VcrError: If it cannot be read.
        """
        player = player or self._view.player
        part = part or state_part(player.source.row(index))
        key = (id(player), index, part)
        if key not in self._states:
            self._states[key] = player.wire_state(index, part)
            if len(self._states) > _STATES_KEPT:
                self._states.popitem(last=False)
        self._states.move_to_end(key)
        return self._states[key]

    def edited_state(self, index: int, part: Part | None = None) -> Any:
        """Return a state with what was edited in it."""
        edits = self._view.edits
        part = part or state_part(self._view.player.source.row(index))
        return edits[index, part] if (index, part) in edits else self.state(index, part)

    def forget(self) -> None:
        """Read every state anew, for a file that was replaced."""
        self._states.clear()

    def build(self, request: Request) -> Content:
        """Return what a pane shows; what cannot be read becomes a note that says why."""
        try:
            return self._build(request)
        except VcrError as error:
            return self._note(f"This cannot be shown: {error}", request.width)
        except Exception as error:  # noqa: BLE001  # foreign bytes may break a decoder in any way; the person is told
            return self._note(f"This cannot be shown ({type(error).__name__}: {error})", request.width)

    def _build(self, request: Request) -> Content:
        if request.pane == "diff":
            return self._diff(request)
        if request.pane == "compare":
            return self._compare(request)
        if request.pane == "files":
            return self._files(request)
        if request.pane == "meta":
            return self._tree(self._meta(request.frame), request, self._folds["meta"])
        value = self.edited_state(request.frame, "input" if request.pane == "input" else None)
        return self._tree(value, request, self._view.folds)

    def _tree(self, value: Any, request: Request, folds: Folds) -> Content:
        text_width = max(20, request.width - 6)
        tree = JsonTree(value, folds=folds, read_blob=self.read_blob, text_width=text_width)
        found = tree.find(request.needle) if request.needle is not None else None
        return TreeContent(tree, start=None if found is None else tree.reveal(found))

    @staticmethod
    def _note(text: str, width: int) -> Content:
        return NoteContent(wrap(text, max(10, width - 1), limit=200), style="class:err")

    # -- comparing ---------------------------------------------------------------------------------------------------

    def operations(self, index: int, before: int | None) -> int:
        """Return how many operations lead from the frame before to a frame."""
        return 0 if before is None else len(diff(self.state(before), self.edited_state(index)))

    def _diff(self, request: Request) -> Content:
        if request.before is None:
            text = "This is the first frame of its kind: there is nothing before it to compare with."
            return NoteContent(wrap(text, request.width - 1, limit=9))
        title = f"frame {request.before} → frame {request.frame}"
        return self._difference(title, self.state(request.before), self.edited_state(request.frame), request.width)

    def _compare(self, request: Request) -> Content:
        pin = request.pin
        if pin is None:
            text = "Press c on a frame to pin it; go to another frame, of this session or another (o), and look here."
            return NoteContent(wrap(text, request.width - 1, limit=9))
        old = self.state(pin.frame, player=pin.player)
        title = f"{pin.name} → {self._view.name}#{request.frame}"
        return self._difference(title, old, self.edited_state(request.frame), request.width)

    @staticmethod
    def _difference(title: str, old: Any, new: Any, width: int) -> Content:
        operations = diff(old, new)
        count = len(operations)
        title = f"{title}   {f'{count:,} change' + ('' if count == 1 else 's') if count else 'no difference'}"
        return DiffContent(title, render(operations, width=width), operations=count)

    def _files(self, request: Request) -> Content:
        from vcr_tui.actions import savepoint_diff  # noqa: PLC0415  # most recordings have no files

        metadata = self._view.player.body(request.frame).metadata
        savepoint = read_savepoint(metadata)
        if savepoint is None:
            return NoteContent(["No files were saved with this frame."])
        text = savepoint_diff(self._view.path, metadata, savepoint.commit)
        return PatchContent(text) if text.strip() else NoteContent(["No file differs from the savepoint before."])

    # -- what is beside the states -----------------------------------------------------------------------------------

    def details(self, index: int) -> FrameDetails:
        """Return what stands above a frame's state; a frame that cannot be read says so."""
        row = self._view.player.source.row(index)
        try:
            body = self._view.player.body(index)
        except VcrError as error:
            return FrameDetails(index, row, unreadable=str(error))
        return FrameDetails(index, row, body.error, read_savepoint(body.metadata))

    def _meta(self, index: int) -> dict[str, Any]:
        source = self._view.player.source
        row, body = source.row(index), self._view.player.body(index)
        found: dict[str, Any] = msgspec.to_builtins(row)
        if body.metadata:
            found["metadata"] = body.metadata
        if body.error is not None:
            found["error"] = msgspec.to_builtins(body.error)
        found["recorded"] = {"line_bytes": len(source.line(index)), "state_from_frame": source.states(index)[0].base}
        return found

    def read_blob(self, wire: dict[str, Any]) -> str | None:
        """Return the text of a large leaf, or None if its file is missing."""
        value = self._view.player.decode(wire)
        if isinstance(value, str):
            return value
        return repr(value) if isinstance(value, bytes) else None


def read_savepoint(metadata: dict[str, Any]) -> Savepoint | None:
    """Return the savepoint that a frame's metadata tells of, whatever else it holds."""
    found: Any = metadata.get("savepoint")
    if kind_of(found) is int:
        found = {**metadata, "number": found}
    if kind_of(found) is not dict:
        return None
    number, changed = found.get("number"), found.get("changed")
    paths = [str(path) for path in changed] if kind_of(changed) is list else []
    count = found.get("changed_count")
    return Savepoint(
        number if kind_of(number) is int else None,
        str(found.get("commit") or ""),
        paths,
        count if kind_of(count) is int else len(paths),
    )
