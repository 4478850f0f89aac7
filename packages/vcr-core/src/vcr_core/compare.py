"""Two sessions side by side: aligned step by step, with what differs and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from vcr_core.diff import Op, diff, exact_equal
from vcr_core.diff.alignment import align_keys
from vcr_core.frames import FrameRow, Totals
from vcr_core.session_file import SessionFile
from vcr_core.totals import sum_rows

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer

PairStatus = Literal["same", "changed", "only_a", "only_b"]


class StepPair(msgspec.Struct):
    """One step of either session, or of both.

    Attributes:
        status: ``same``, ``changed``, ``only_a`` or ``only_b``.
        name: Name of the step.
        a: Its frame in the first session, or None.
        b: Its frame in the second, or None.
        input: Differences between the inputs.
        output: Differences between the outputs.
    """

    status: PairStatus
    name: str
    a: int | None
    b: int | None
    input: list[Op] = []
    output: list[Op] = []


class SessionComparison(msgspec.Struct):
    """What two sessions have in common and what not.

    Attributes:
        a: Name of the first session.
        b: Name of the second.
        pairs: All steps, in order.
        totals_a: What the first adds up to.
        totals_b: What the second adds up to.
    """

    a: str
    b: str
    pairs: list[StepPair]
    totals_a: Totals
    totals_b: Totals

    @property
    def same(self) -> bool:
        """True if every step is the same in both."""
        return all(pair.status == "same" for pair in self.pairs)

    def count(self, status: PairStatus) -> int:
        """Return the number of steps of that status."""
        return sum(pair.status == status for pair in self.pairs)

    @property
    def first_change(self) -> StepPair | None:
        """The first step that is not the same in both."""
        return next((pair for pair in self.pairs if pair.status != "same"), None)


def compare_sessions(a: VCRPlayer, b: VCRPlayer, *, states: bool = True) -> SessionComparison:
    """Align two sessions step by step and compare their inputs and outputs.

    Steps are aligned by their keys where the engine recorded both sessions, else by name and kind in order.  A frame
    that a fork took from its tape is the frame of its parent, and is not read twice.

    Args:
        a: The first session.
        b: The second.
        states: Compare inputs and outputs; False compares how the steps ended only.
    """
    rows_a, rows_b = list(a.rows), list(b.rows)
    pairs = [_pair(a, b, first, second, states=states) for first, second in _align(rows_a, rows_b)]
    return SessionComparison(a.name, b.name, pairs, sum_rows(rows_a), sum_rows(rows_b))


def _align(a: list[FrameRow], b: list[FrameRow]) -> Iterator[tuple[FrameRow | None, FrameRow | None]]:
    """Pair rows in an order that respects both sessions."""
    at_a = at_b = 0
    for i, j in [*align_keys([_identity(row) for row in a], [_identity(row) for row in b]), (len(a), len(b))]:
        for row in a[at_a:i]:
            yield row, None
        for row in b[at_b:j]:
            yield None, row
        if i < len(a) and j < len(b):
            yield a[i], b[j]
        at_a, at_b = i + 1, j + 1


def _identity(row: FrameRow) -> tuple[str, ...]:
    return (row.key,) if row.key is not None else (row.kind, row.node_name)


def _pair(a: VCRPlayer, b: VCRPlayer, first: FrameRow | None, second: FrameRow | None, *, states: bool) -> StepPair:
    if first is None or second is None:
        row = first or second
        assert row is not None
        if first is None:
            return StepPair("only_b", row.node_name, None, row.index)
        return StepPair("only_a", row.node_name, row.index, None)
    pair = StepPair("same", first.node_name, first.index, second.index)
    if states and not _one_frame(a, b, first, second):
        pair.input = _difference(a.wire_state(first.index, "input"), b.wire_state(second.index, "input"))
        pair.output = _difference(a.wire_state(first.index), b.wire_state(second.index))
    if pair.input or pair.output or (first.status, first.error_type) != (second.status, second.error_type):
        pair.status = "changed"
    return pair


def _difference(old: Any, new: Any) -> list[Op]:
    return [] if exact_equal(old, new) else diff(old, new)


def _one_frame(a: VCRPlayer, b: VCRPlayer, first: FrameRow, second: FrameRow) -> bool:
    """True if both rows show the very same recorded frame."""
    return _origin(a, first) == _origin(b, second)


def _origin(player: VCRPlayer, row: FrameRow) -> tuple[str, int]:
    if row.origin == "tape" and isinstance(player.source, SessionFile):
        tape = player.source.states(row.index)[0].tape
        if tape is not None:
            return tape.session, tape.frame
    return player.name, row.index
