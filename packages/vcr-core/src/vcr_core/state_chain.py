"""How states are written: whole, or as the difference from the one before, so that a recording grows linearly.

A *chain* is a sequence of states of which each is written against its predecessor.  It bounds what a reader must do:
the bytes from the last whole state up to any frame are at most about twice that frame's own state (`_DUE`), however
long the run.  A state that only grows needs no second whole copy at all; one that keeps its size gets a whole copy
each time its differences add up to it.  Small states are always written whole, since people read them.

Two shapes:

* a *state* frame (node, checkpoint, error) takes a state and gives one: the input is written against the output of
  the chain's last frame, the output against the input;
* a *call* frame (LLM, tool, value) takes arguments and gives a result: the arguments are written against the last
  call's arguments (a prompt that grew), the result against the argument that it was made from, or the last result.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import msgspec

from vcr_core.continuation import goes_on
from vcr_core.delta import Delta, Op
from vcr_core.json_pointer import escape_token
from vcr_core.runtime_types import type_of
from vcr_core.snapshot import copy_snapshot
from vcr_core.value_encoder import ValueEncoder, encode_plain
from vcr_core.wire_format import encode

SMALL = 2048
"""States whose encoding is at most this long are written whole, in bytes."""
_OP_COST = 100
_ADD_COST = 45
_SLACK = 4096
_WORTH = 0.7
_OWN_THREADS = 2
"""The agent's only thread, and the one that syncs files; where there are no more, nobody changes a state meanwhile."""
_NOTHING = object()

_GROWING = frozenset({dict, list, str})


class FrameRef(msgspec.Struct, eq=False, gc=False):
    """A frame that later ones refer to; its index is known once its line is written."""

    index: int = -1


class EncodedStates(msgspec.Struct):
    """The states of one frame, ready to be written.

    Attributes:
        base: The frame that the input is written against, or None if it is whole.
        fields: Encoded ``"name":value`` pairs, joined.
        output_base: The frame that the output is written against, or None if it leans on nothing but the input.
    """

    base: FrameRef | None
    fields: bytes
    output_base: FrameRef | None = None


class StateChain:
    """The last state written, and what it takes to read it back."""

    def __init__(self, encoder: ValueEncoder, *, diff_mode: bool | None) -> None:
        self._encoder = encoder
        self._mode = diff_mode
        self._probe = encoder.probe()
        self._snapshot: Any = _NOTHING
        self._small: bytes | None = None
        self._plain = False
        self._only_grew = False
        self._base: FrameRef | None = None
        self._holds_arguments = False
        self._results: StateChain | None = None
        self._size = 0
        self._chained = 0
        self._due = 0

    def state_frame(
        self, input_state: Any, output_state: Any, ref: FrameRef, mutated: dict[str, Any] | None = None
    ) -> EncodedStates:
        """Encode a frame whose input follows on the last output, and whose output follows on its input."""
        base = self._base
        patched, fields = self._next(b"input", input_state)
        if mutated:
            fields += b"," + self._encode_mutated(mutated, input_state)
        if output_state is input_state:
            fields += b',"output_patch":[]'
        else:
            fields += b"," + self._next(b"output", output_state, input_state)[1]
        self._base = ref
        return EncodedStates(base if patched else None, fields)

    def call_frame(
        self, arguments: Any, result: Any, ref: FrameRef, mutated: dict[str, Any] | None = None
    ) -> EncodedStates:
        """Encode a frame whose arguments follow on the last arguments, and whose result may follow on one of them."""
        base = self._base
        patched, fields = self._next(b"input", arguments)
        if patched:
            fields = b'"base_part":"input",' + fields
        if mutated:
            fields += b"," + self._encode_mutated(mutated, arguments)
        output_base, output = self._encode_result(result, ref)
        fields += b"," + output
        self._base = ref
        self._holds_arguments = True
        return EncodedStates(base if patched else None, fields, output_base)

    def _encode_mutated(self, mutated: dict[str, Any], given: Any) -> bytes:
        """Encode what a body made of its arguments in place."""
        after = mutated.get("", _NOTHING)
        after = {**given, **mutated} if after is _NOTHING else after
        ops = self._changes_to(after, self._snapshot)
        return b'"mutated":' + self._encoder.encode(mutated) if ops is None else b'"mutated_patch":' + ops

    def _encode_result(self, result: Any, ref: FrameRef) -> tuple[FrameRef | None, bytes]:
        """Encode a result: after the argument that it was made from, or after the last one, or whole."""
        for pointer, snapshot in self._members_behind(result):
            ops = self._changes_to(result, snapshot, {"op": "move", "from": pointer, "path": ""})
            if ops is not None:
                return None, b'"output_patch":' + ops
        last = self._results
        if last is not None and last._size > SMALL and last.may_take(result):
            base = last._base
            patched, field = last._next(b"output", result)
            last._base = ref
            return base if patched else None, field
        # What is small is written whole, and makes nothing forgotten.
        chain = last if last is not None and last._size <= SMALL else StateChain(self._encoder, diff_mode=self._mode)
        _, field = chain._whole(b"output", result)
        chain._base = ref
        if last is None or chain._size > SMALL:
            self._results = chain
        return None, field

    def _members_behind(self, value: Any) -> Iterator[tuple[str, Any]]:
        """Yield pointer and snapshot of the members of the last state that `value` was, by its looks, made from."""
        snapshot, cls = self._snapshot, type_of(value)
        if cls not in _GROWING or not value or type_of(snapshot) is not dict:
            return
        for name, part in snapshot.items():
            if type_of(part) is not cls or not part or self._probe.announces(name) or not _goes_on(value, part):
                continue
            if not self._encoder.shows_secret(name):
                yield f"/{escape_token(name)}", part

    def reference(self, value: Any) -> bytes | None:
        """Return a value written as what differs from the last state, or a member of it; None if that saves nothing."""
        base = self._base
        if base is None or base.index < 0:
            return None
        candidates = [("", self._snapshot)] if type_of(self._snapshot) is type_of(value) else []
        for pointer, snapshot in [*candidates, *self._members_behind(value)]:
            ops = self._changes_to(value, snapshot)
            if ops is not None:
                part = b"input" if self._holds_arguments else b"output"
                return b'{"$vcr":"state","frame":%d,"part":"%b","at":%b,"patch":%b}' % (
                    base.index, part, encode(pointer), ops,
                )  # fmt: skip
        return None

    def _changes_to(self, live: Any, snapshot: Any, *first: Op) -> bytes | None:
        """Encode the operations from a snapshot, which stays as it is, to `live`; None if a whole copy is as good."""
        if self._mode is False or self._size <= SMALL or snapshot is _NOTHING:
            return None
        try:
            probe = self._probe
            probe.reset()
            delta = Delta(probe)
            changed = delta.run(live, copy_snapshot(snapshot))
            delta.ops[:0] = first
            ops = self._encoder.encode_ops(delta, probe)
            if ops is None or not _is_still(changed, live):
                return None
            worth = delta.only_adds or len(ops) <= _WORTH * self._encoder.measure(live, plain=probe.plain)
        except Exception:  # noqa: BLE001  # an agent's object may raise when it is compared; it is written whole
            return None
        return ops if worth else None

    def may_take(self, live: Any) -> bool:
        """Tell whether a state may go on from the last one; a small one is written whole anyway."""
        return self._snapshot is _NOTHING or self._size <= SMALL or _goes_on(live, self._snapshot) is not False

    def _next(self, part: bytes, live: Any, twin: Any = _NOTHING) -> tuple[bool, bytes]:
        """Encode one state after the last one; True with it if it is written as a patch.

        `twin` is a live state that is known to be equal to the last one.
        """
        if self._small is not None:
            found = encode_plain(live, self._probe)
            if found is not None and found[0] == self._small:
                return True, b'"%b_patch":[]' % part
            return self._whole_as(part, live, found)
        snapshot, self._snapshot = self._snapshot, _NOTHING
        if snapshot is _NOTHING or self._mode is False:
            return self._whole(part, live)
        try:
            small = self._mode is None and self._size <= SMALL
            if (small or twin is _NOTHING) and snapshot == live:
                self._snapshot = snapshot
                return True, b'"%b_patch":[]' % part
            if small:
                return self._whole(part, live)
            return self._difference(part, live, snapshot, twin)
        except Exception:  # noqa: BLE001  # an agent's object may raise when it is compared; its state is still written
            return self._whole(part, live)

    def _difference(self, part: bytes, live: Any, snapshot: Any, twin: Any) -> tuple[bool, bytes]:
        probe = self._probe
        probe.reset()
        delta = Delta(probe)
        changed = delta.run(live, snapshot, twin)
        if not delta.ops:
            self._snapshot = changed
            return True, b'"%b_patch":[]' % part
        self._plain = self._plain and probe.plain
        ops = self._encoder.encode_ops(delta, probe)
        if ops is None or not _is_still(changed, live):
            return self._whole(part, live)
        self._note_growth(delta, len(ops))
        if not self._worth(len(ops), live):
            return self._whole(part, live)
        self._snapshot = changed
        self._chained += len(ops) + _OP_COST
        return True, b'"%b_patch":%b' % (part, ops)

    def _note_growth(self, delta: Delta, length: int) -> None:
        """Keep the size of a state that only grows, so that it need not be encoded to be measured."""
        if delta.only_adds:
            self._size += max(0, length - _ADD_COST * len(delta.ops))
        else:
            self._only_grew = False

    def _worth(self, length: int, live: Any) -> bool:
        """Decide between a patch of that length and a whole copy; measures the whole copy only when it must."""
        if length <= _WORTH * self._size and self._chained + length <= self._due:
            return True
        if not self._only_grew:
            self._size = self._encoder.measure(live, plain=self._plain)
            self._only_grew = True
        if self._mode is None and length > _WORTH * self._size:
            return False
        chained = self._chained + length
        if chained > 2 * self._size + _SLACK:
            return False
        self._due = 2 * chained
        return True

    def _whole(self, part: bytes, live: Any) -> tuple[bool, bytes]:
        """Encode a state whole."""
        return self._whole_as(part, live, encode_plain(live, self._probe) if self._mode is None else None)

    def _whole_as(self, part: bytes, live: Any, found: tuple[bytes, int] | None) -> tuple[bool, bytes]:
        """Encode a state whole; `found` is what `encode_plain` made of it, None where it is not asked."""
        if found is not None and len(found[0]) <= SMALL:
            # Its encoding tells all that a snapshot of it would, and is there already.
            encoded, names = found
            self._small, self._snapshot = encoded, _NOTHING
            self._size = len(encoded)
            return False, b'"%b_state":' % part + self._encoder.redact_plain(encoded, names)
        probe = self._probe
        probe.reset()
        probe.only_text = True
        snapshot = probe.take(live)
        encoded = self._encoder.encode_probed(live, probe)
        self._small, self._plain = None, probe.plain
        self._snapshot = snapshot if _is_still(snapshot, live) else _NOTHING
        self._size = self._chained = len(encoded) + probe.large
        self._only_grew = True
        self._due = 2 * self._size + _SLACK
        return False, b'"%b_state":%b' % (part, encoded)


def _goes_on(live: Any, snapshot: Any) -> bool | None:
    try:
        return goes_on(live, snapshot)
    except Exception:  # noqa: BLE001  # an agent's object may raise when it is compared; it tells nothing then
        return None


def _is_still(snapshot: Any, live: Any) -> bool:
    """Tell whether a state is as its snapshot, where another thread may have changed it between two looks at it."""
    return threading.active_count() <= _OWN_THREADS or bool(snapshot == live)
