"""What is known and chosen about the session on the screen: cursor, pane, edits, pin, matches.  Pure.

Frames are immutable: an edit is laid over a state and is what resume and fork are given.  Nothing is drawn here, and
no state is read; see `pane_content`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from pathlib import Path
from typing import Any, Literal, NamedTuple

from vcr_core.frames import KINDS, FrameRow
from vcr_core.player import VCRPlayer
from vcr_tui.json_tree import Folds
from vcr_tui.row_columns import RowColumns
from vcr_tui.tape import Tape

Pane = Literal["state", "input", "diff", "meta", "compare", "files"]
"""``files`` has no tab: it is shown for frames that have files."""
Part = Literal["input", "output"]
PANES: tuple[Pane, ...] = ("state", "input", "diff", "meta", "compare")
PANE_TITLES: dict[Pane, str] = {
    "state": "State",
    "input": "Input",
    "diff": "Diff",
    "meta": "Meta",
    "compare": "Compare",
    "files": "Files",
}
_CALLS = {KINDS.index(kind) for kind in ("llm", "tool", "value")}
_ROWS_KEPT = 1024


def state_part(row: FrameRow) -> Part:
    """Return which state of a frame is shown as its state: what its step gave or, if it failed, what it was given."""
    return "input" if row.status == "error" else "output"


class Pin(NamedTuple):
    """The frame that others are compared with; its player may be of another session."""

    player: VCRPlayer
    frame: int

    @property
    def name(self) -> str:
        """Session and frame, as people write it."""
        return f"{self.player.path.stem}#{self.frame}"


class SessionView:
    """The session on the screen.

    Args:
        player: The recording.

    Attributes:
        cursor: The frame that is looked at.
        pane: What of it is shown.
        edits: Edited states in wire form, by frame and part.
        folds: What was opened and closed by hand.
        matches: Frames that hold what was searched for, in order.
        rows_asked: How many rows were asked for since the caller set it to 0; a redraw is bounded by the window.
    """

    def __init__(self, player: VCRPlayer) -> None:
        self.player = player
        self.columns = RowColumns()
        self.tape = Tape(self.columns)
        self.cursor = 0
        self.pane: Pane = "state"
        self.edits: dict[tuple[int, Part], Any] = {}
        self.folds: Folds = {}
        self.pin: Pin | None = None
        self.matches: list[int] = []
        self.rows_asked = 0
        self._rows: OrderedDict[int, FrameRow] = OrderedDict()

    @property
    def name(self) -> str:
        """The session's name, with its take."""
        return self.player.path.stem

    @property
    def path(self) -> Path:
        """The file."""
        return self.player.path

    def __len__(self) -> int:
        return len(self.player)

    def row(self, index: int) -> FrameRow:
        """Return the small fields of a frame."""
        self.rows_asked += 1
        found = self._rows.get(index)
        if found is None:
            found = self._rows[index] = self.player.source.row(index)
            if len(self._rows) > _ROWS_KEPT:
                self._rows.popitem(last=False)
        return found

    def forget_rows(self) -> None:
        """Read everything anew, for a file that was replaced by another."""
        self._rows.clear()
        self.columns.clear()
        self.edits.clear()
        self.matches = []
        self.goto(self.cursor)

    # -- moving ------------------------------------------------------------------------------------------------------

    def goto(self, index: int) -> bool:
        """Look at a frame, or the nearest there is; False if that changed nothing."""
        before = self.cursor
        self.cursor = max(0, min(index, len(self) - 1))
        return self.cursor != before

    def next_error(self, direction: int) -> bool:
        """Go to the next frame that failed, or the one before; False if there is none."""
        return self._jump(self.columns.errors, direction)

    def next_match(self, direction: int) -> bool:
        """Go to the next frame found, or the one before, around the ends; False if none was found."""
        if not self.matches:
            return False
        if not self._jump(self.matches, direction):
            self.goto(self.matches[0 if direction > 0 else -1])
        return True

    def _jump(self, places: Any, direction: int) -> bool:
        at = bisect_right(places, self.cursor) if direction > 0 else bisect_left(places, self.cursor) - 1
        if not 0 <= at < len(places):
            return False
        self.goto(int(places[at]))
        return True

    def match_number(self) -> int:
        """Return which match the cursor is on, from 1, or 0."""
        at = bisect_left(self.matches, self.cursor)
        return at + 1 if at < len(self.matches) and self.matches[at] == self.cursor else 0

    # -- what is compared --------------------------------------------------------------------------------------------

    def frame_before(self, index: int) -> int | None:
        """Return the frame whose output a frame's is compared with: the last one that holds a state too.

        The output of a call (a model, a tool) is a result, not a state, so a call is compared with the last call of
        its kind.
        """
        kind = self._kind(index)
        for before in range(index - 1, -1, -1):
            other = self._kind(before)
            if other == kind if kind in _CALLS else other not in _CALLS:
                return before
        return None

    def _kind(self, index: int) -> int:
        kinds = self.columns.kind
        if index < len(kinds):
            return kinds[index]
        kind = self.player.source.row(index).kind
        return KINDS.index(kind) if kind in KINDS else 0  # a newer writer may know others

    def toggle_pin(self) -> Pin | None:
        """Pin the frame at the cursor; the pinned frame itself is let go."""
        here = Pin(self.player, self.cursor)
        self.pin = None if self.pin == here else here
        return self.pin

    # -- edits -------------------------------------------------------------------------------------------------------

    def state_part(self, index: int) -> Part:
        """Return which state of a frame is its state: what its step gave or, if it failed, what it was given."""
        return state_part(self.row(index))

    @property
    def edited_part(self) -> Part:
        """Which state of the frame at the cursor `e` edits in the pane that is shown."""
        return "input" if self.pane == "input" else self.state_part(self.cursor)

    def is_edited(self, index: int) -> bool:
        """True if one of a frame's states was edited."""
        return (index, "output") in self.edits or (index, "input") in self.edits
