"""Which steps changed the value at a place of the state, found in one pass over a recording.

A history that grows is not built anew for each frame: one document per line of states is carried along, and the
recorded patches are applied to it.  So the work is linear in the file, however large the states are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from vcr_core.blobs import BlobStore
from vcr_core.diff import first_difference
from vcr_core.frames import CALLS
from vcr_core.json_pointer import parse, value_at
from vcr_core.state_reader import apply_stored, copy_wire

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer
    from vcr_core.wire_format import FrameStates

MISSING: Any = object()
"""Stands for the value at a place where the state has none."""

_OPEN_LINES = 16
Ops = list[dict[str, Any]]
Keep = Callable[[Any], Any]


class Change(NamedTuple):
    """A frame whose step changed the value.

    ``frame`` is its index; ``old`` and ``new`` are what `keep` made of the values, in wire form; `MISSING` where there
    was none.
    """

    frame: int
    old: Any
    new: Any


def find_changes(
    player: VCRPlayer, pointer: str, *, before: int | None = None, keep: Keep = copy_wire
) -> Iterator[Change]:
    """Yield the changes of the value at a JSON pointer, oldest first.

    Args:
        player: The recording.
        pointer: RFC 6901.
        before: Look at the frames before this one only.
        keep: Makes of a value what a change tells of it; a value may be changed later, so it has to copy.

    Raises:
        PointerSyntaxError: If `pointer` is none.
        VcrError: If a state cannot be read.
    """
    walk = _Walk(player, pointer, keep)
    for index in range(len(player) if before is None else before):
        if player.source.row(index).kind not in CALLS:
            change = walk.step(index)
            if change is not None:
                yield change


class _Walk:
    """Goes from frame to frame and carries the state of each line of states along."""

    def __init__(self, player: VCRPlayer, pointer: str, keep: Keep) -> None:
        self._player = player
        self._pointer = pointer
        self._tokens = parse(pointer)
        self._keep = keep
        self._read_blob = BlobStore(player.path.parent).get
        self._documents: OrderedDict[int, Any] = OrderedDict()

    def step(self, index: int) -> Change | None:
        states, _ = self._player.source.states(index)
        if states.tape is not None:
            after = self._player.wire_state(index)
            return self._told(index, after, self._compare(index, self._player.wire_state(index, "input"), after))
        document = self._input(index, states)
        ops = states.output_patch
        if ops is None or states.output_base is not None:
            after = copy_wire(states.output_state) if ops is None else self._player.wire_state(index)
            return self._told(index, after, self._compare(index, document, after))
        if not any(self._touches(op) for op in ops):
            return self._told(index, apply_stored(document, ops, self._read_blob), None)
        value = self._value(document)
        surely = any(self._is_inside(op) for op in ops)
        old = value if surely or value is MISSING else copy_wire(value)
        kept = MISSING if value is MISSING else self._keep(value)
        document = apply_stored(document, ops, self._read_blob)
        new = self._value(document)
        changed = surely or _differ(old, new)
        told = Change(index, kept, MISSING if new is MISSING else self._keep(new)) if changed else None
        return self._told(index, document, told)

    def _told(self, index: int, document: Any, change: Change | None) -> Change | None:
        self._documents[index] = document
        if len(self._documents) > _OPEN_LINES:
            self._documents.popitem(last=False)
        return change

    def _input(self, index: int, states: FrameStates) -> Any:
        """Return the state that the step took; the caller may change it."""
        if states.input_patch is None:
            return copy_wire(states.input_state)
        base = states.base
        if base is not None and base in self._documents and states.base_part == "output":
            return apply_stored(self._documents.pop(base), states.input_patch, self._read_blob)
        return self._player.wire_state(index, "input")

    def _value(self, document: Any) -> Any:
        return value_at(document, self._pointer, MISSING)

    def _compare(self, index: int, before: Any, after: Any) -> Change | None:
        old, new = self._value(before), self._value(after)
        if not _differ(old, new):
            return None
        return Change(index, *(value if value is MISSING else self._keep(value) for value in (old, new)))

    def _is_inside(self, op: dict[str, Any]) -> bool:
        """True if an operation changes something within the value."""
        tokens = parse(op["path"])
        return len(tokens) > len(self._tokens) and tokens[: len(self._tokens)] == self._tokens

    def _touches(self, op: dict[str, Any]) -> bool:
        """True if an operation may change the value: within it, at it, above it, or before it in a list."""
        tokens, wanted = parse(op["path"]), self._tokens
        shared = min(len(tokens), len(wanted))
        if tokens[:shared] == wanted[:shared] or op["op"] in ("move", "copy"):
            return True
        shifts = (
            op["op"] in ("add", "remove") and (tokens[-1].isdigit() or tokens[-1] == "-") and len(tokens) <= len(wanted)
        )
        return shifts and tokens[:-1] == wanted[: len(tokens) - 1]


def _differ(old: Any, new: Any) -> bool:
    if old is MISSING or new is MISSING:
        return old is not new
    return first_difference(old, new) is not None
