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
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import msgspec

from vcr_core.continuation import goes_on
from vcr_core.delta import Delta, Op
from vcr_core.json_pointer import escape_token
from vcr_core.redaction import Redactor
from vcr_core.runtime_types import type_of
from vcr_core.snapshot import Probe, copy_snapshot
from vcr_core.values import BlobSink, to_wire
from vcr_core.values.encode import BLOB_SIZE
from vcr_core.wire_format import decode, encode

SMALL = 2048
"""States whose encoding is at most this long are written whole, in bytes."""
_OP_COST = 100
_ADD_COST = 45
_SLACK = 4096
_WORTH = 0.7
_MAX_CHAINS = 64
_MAX_TURNS = 4
"""Agents with states of their own that take turns in one line of states."""
_OWN_THREADS = 2
"""The agent's only thread, and the one that syncs files; where there are no more, nobody changes a state meanwhile."""
_NOTHING = object()

_BYTES = b'"$vcr":"bytes"'


_GROWING = frozenset({dict, list, str})
_anything = Probe()


def encode_clear(value: Any) -> bytes:
    """Return the encoding of any value, not redacted and with its large leaves in place."""
    if _anything.count_names(value) is not None:
        try:
            return encode(value)
        except (UnicodeEncodeError, OverflowError):
            pass  # a lone surrogate or 2**70: such values are tagged
    return encode(to_wire(value))


class ValueEncoder:
    """Encodes live values: redacted, large leaves put aside, plain ones at C speed.

    Args:
        redactor: Replaces secrets before anything is written or hashed; None writes them.
        blobs: Takes the large leaves.
    """

    def __init__(self, *, redactor: Redactor | None, blobs: BlobSink | None) -> None:
        self._redactor = redactor
        self._blobs = blobs
        self._thread = threading.local()

    def probe(self) -> Probe:
        """Return a probe that knows this encoder's secret keys."""
        redactor = self._redactor
        if redactor is None:
            return Probe()
        return Probe(redactor.is_secret_key, lambda text: redactor.may_contain(text.encode()))

    def encode(self, value: Any) -> bytes:
        """Return the encoding of any value."""
        probe: Probe | None = getattr(self._thread, "probe", None)
        if probe is None:  # one for each thread, since it remembers which keys announce nothing
            probe = self._thread.probe = self.probe()
        names = probe.count_names(value)
        encoded = self._encode_plain(value) if names is not None else None
        if encoded is None or names is None or len(encoded) >= BLOB_SIZE:
            return self._encode_any(value)
        redactor = self._redactor
        return self._redact(encoded) if redactor is not None and redactor.may_contain(encoded, names=names) else encoded

    def _encode_any(self, value: Any) -> bytes:
        return self._redact(encode(to_wire(value, blobs=self._blobs)))

    def encode_inline(self, value: Any) -> bytes:
        """Return the encoding of any value, its large leaves in place."""
        return self._redact(encode(to_wire(value)))

    def encode_probed(self, value: Any, probe: Probe, *, fresh: Any = None) -> tuple[bytes, bool]:
        """Return the encoding of a value, and True if it is plain JSON in which nothing looks like a secret.

        Args:
            value: Any live value.
            probe: What was noted about it.
            fresh: The part of `value` that is new, if the rest is known to be plain and without secrets.
        """
        encoded = self._encode_plain(value) if probe.plain else None
        if encoded is None:
            return self._encode_any(value), False
        redactor = self._redactor
        if redactor is None:
            return encoded, True
        if probe.secret or redactor.may_contain(encoded if fresh is None else encode(fresh), names=probe.names):
            return self._redact(encoded), False
        return encoded, True

    def measure(self, value: Any, *, plain: bool) -> int:
        """Return about how long the encoding of a value is, in bytes, with what is put aside for its size."""
        encoded = self._encode_plain(value) if plain else None
        return len(encode(to_wire(value)) if encoded is None else encoded)

    def encode_ops(self, delta: Delta, probe: Probe) -> bytes | None:
        """Return the encoded operations of a delta, or None if they cannot be written without showing a secret.

        Args:
            delta: The operations, their values live.
            probe: What was noted about the values.
        """
        ops, redactor = delta.ops, self._redactor
        encoded = self._encode_plain(ops) if probe.plain else None
        suspected = probe.secret or encoded is None
        if encoded is None:
            wired = [{**op, "value": to_wire(op["value"], blobs=self._blobs)} if "value" in op else op for op in ops]
            encoded = self._encode_plain(wired)
        if encoded is None or redactor is None:
            return encoded
        if delta.announced:
            return None
        if not suspected and not redactor.may_contain(encoded, names=probe.names + sum(map(len, ops))):
            return encoded
        wire = decode(encoded)
        for op in wire:
            if redactor.redact_text(op["path"]) != op["path"]:
                return None
            if "value" in op and op["op"] != "append":  # a longer text was looked at as a whole
                op["value"] = redactor.redact_tree(op["value"])
        return encode(wire)

    def _redact(self, encoded: bytes) -> bytes:
        redactor = self._redactor
        if redactor is None:
            return encoded
        wire = decode(encoded)
        if _BYTES not in encoded and not redactor.may_contain(encoded) and not redactor.announces(wire):
            return encoded
        redacted = redactor.redact_tree(wire)
        return encoded if redacted is wire else encode(redacted)

    @staticmethod
    def _encode_plain(value: Any) -> bytes | None:
        """Encode without a walk; None if something in it is not as plain as it looked (a lone surrogate, 2**70)."""
        try:
            return encode(value)
        except (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError):
            return None


class FrameRef:
    """A frame that later ones refer to; its index is known once its line is written."""

    __slots__ = ("index",)

    def __init__(self) -> None:
        self.index = -1


class EncodedStates(msgspec.Struct):
    """The states of one frame, ready to be written.

    Attributes:
        base: The frame that the input is written against, or None if it is whole.
        fields: Encoded ``"name":value`` pairs.
        output_base: The frame that the output is written against, or None if it leans on nothing but the input.
    """

    base: FrameRef | None
    fields: list[bytes]
    output_base: FrameRef | None = None


class StateChain:
    """The last state written, and what it takes to read it back."""

    def __init__(self, encoder: ValueEncoder, *, diff_mode: bool | None) -> None:
        self._encoder = encoder
        self._mode = diff_mode
        self._probe = encoder.probe()
        self._snapshot: Any = _NOTHING
        self._plain = False
        self._clean = False
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
        patched, field = self._next(b"input", input_state)
        fields = [field]
        if mutated:
            fields.append(self._encode_mutated(mutated, input_state))
        if output_state is input_state:
            fields.append(b'"output_patch":[]')
        else:
            fields.append(self._next(b"output", output_state, twin=input_state)[1])
        self._base = ref
        return EncodedStates(base if patched else None, fields)

    def call_frame(
        self, arguments: Any, result: Any, ref: FrameRef, mutated: dict[str, Any] | None = None
    ) -> EncodedStates:
        """Encode a frame whose arguments follow on the last arguments, and whose result may follow on one of them."""
        base = self._base
        patched, field = self._next(b"input", arguments)
        fields = [b'"base_part":"input"', field] if patched else [field]
        if mutated:
            fields.append(self._encode_mutated(mutated, arguments))
        output_base, field = self._encode_result(arguments, result, ref)
        fields.append(field)
        self._base = ref
        self._holds_arguments = True
        return EncodedStates(base if patched else None, fields, output_base)

    def _encode_mutated(self, mutated: dict[str, Any], given: Any) -> bytes:
        """Encode what a body made of its arguments in place."""
        after = mutated.get("", _NOTHING)
        after = {**given, **mutated} if after is _NOTHING else after
        ops = self._changes_to(after, self._snapshot)
        return b'"mutated":' + self._encoder.encode(mutated) if ops is None else b'"mutated_patch":' + ops

    def _encode_result(self, arguments: Any, result: Any, ref: FrameRef) -> tuple[FrameRef | None, bytes]:
        """Encode a result: after the argument that it was made from, or after the last one, or whole."""
        for pointer, snapshot in self._parts_like(result, arguments):
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

    def _parts_like(self, value: Any, whole: Any) -> Iterator[tuple[str, Any]]:
        """Yield pointer and snapshot of the members of the last state that `value` may have been made from."""
        snapshot, cls = self._snapshot, type_of(value)
        if cls not in _GROWING or type_of(snapshot) is not dict:
            return
        for name, part in snapshot.items():
            if type_of(part) is cls and part and not self._probe.announces(name):
                if cls is list:
                    alike = bool(value) and any(known == value[0] for known in part)
                elif cls is dict:
                    alike = not part.keys().isdisjoint(value)
                else:
                    alike = value.startswith(part)
                if alike and (whole is None or type_of(whole.get(name)) is cls):
                    yield f"/{escape_token(name)}", part

    def reference(self, value: Any) -> bytes | None:
        """Return a value written as what differs from the last state, or a member of it; None if that saves nothing."""
        base = self._base
        if base is None or base.index < 0 or self._snapshot is _NOTHING:
            return None
        candidates = [("", self._snapshot)] if type_of(self._snapshot) is type_of(value) else []
        for pointer, snapshot in [*candidates, *self._parts_like(value, None)]:
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
        if self._snapshot is _NOTHING or self._size <= SMALL:
            return True
        try:
            return goes_on(live, self._snapshot) is not False
        except Exception:  # noqa: BLE001  # an agent's object may raise when it is compared
            return True

    def _next(self, part: bytes, live: Any, twin: Any = _NOTHING) -> tuple[bool, bytes]:
        """Encode one state after the last one; True with it if it is written as a patch.

        `twin` is a live state that is known to be equal to the last one.
        """
        snapshot, self._snapshot = self._snapshot, _NOTHING
        if snapshot is _NOTHING or self._mode is False:
            return self._whole(part, live)
        try:
            small = self._mode is None and self._size <= SMALL
            if (small or twin is _NOTHING) and snapshot == live:
                self._snapshot = snapshot
                return True, b'"%b_patch":[]' % part
            if small:
                return self._whole(part, live, snapshot)
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
        self._clean = False
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

    def _whole(self, part: bytes, live: Any, old: Any = _NOTHING) -> tuple[bool, bytes]:
        """Encode a state whole; `old` is the snapshot of the last one, if its equal parts are to be trusted again."""
        probe = self._probe
        probe.reset()
        fresh = None
        if self._clean and type_of(live) is dict and type_of(old) is dict:
            snapshot, fresh = probe.retake(live, old)
            fresh = None if fresh is live else fresh
        else:
            probe.only_text = True
            snapshot = probe.take(live)
        large = probe.large
        self._plain, self._clean = probe.plain, False
        encoded, self._clean = self._encoder.encode_probed(live, probe, fresh=fresh)
        self._snapshot = snapshot if _is_still(snapshot, live) else _NOTHING
        self._size = self._chained = len(encoded) + large
        self._only_grew = True
        self._due = 2 * self._size + _SLACK
        return False, b'"%b_state":%b' % (part, encoded)


def _is_still(snapshot: Any, live: Any) -> bool:
    """Tell whether a state is as its snapshot, where another thread may have changed it between two looks at it."""
    return threading.active_count() <= _OWN_THREADS or bool(snapshot == live)


class StateChains:
    """The chains of one recorder: some for each line of states that runs beside others (a thread, a branch, a tool).

    Agents that take turns in one line have states of their own: each gets the chain that it goes on from.
    """

    def __init__(self, make: Callable[[], StateChain]) -> None:
        self.make = make
        self._chains: OrderedDict[Hashable, list[StateChain]] = OrderedDict()

    def get(self, key: Hashable, live: Any) -> StateChain:
        """Return the chain of that key that a state goes on from, a new one if there is none."""
        chains = self._chains.get(key)
        if chains is None:
            chains = self._chains[key] = [self.make()]
            if len(self._chains) > _MAX_CHAINS:
                self._chains.popitem(last=False)
            return chains[0]
        self._chains.move_to_end(key)
        for place, chain in enumerate(chains):
            if chain.may_take(live):
                if place:
                    chains.insert(0, chains.pop(place))
                return chain
        del chains[_MAX_TURNS - 1 :]
        chains.insert(0, self.make())
        return chains[0]

    def find(self, key: Hashable) -> StateChain | None:
        """Return the chain of that key that was used last, if there is one."""
        chains = self._chains.get(key)
        return chains[0] if chains else None

    def drop(self, key: Hashable) -> None:
        """Forget the chains of a key whose last state may not have been written."""
        self._chains.pop(key, None)
