"""Encodes live values for a recording: redacted before anything is written, and at C speed where they are plain."""

from __future__ import annotations

from typing import Any

from vcr_core.delta import Delta
from vcr_core.redaction import Redactor
from vcr_core.snapshot import Probe
from vcr_core.values import BlobSink, to_wire
from vcr_core.values.encode import BLOB_SIZE
from vcr_core.wire_format import decode, encode

_BYTES = b'"$vcr":"bytes"'
_anything = Probe()


def encode_clear(value: Any) -> bytes:
    """Return the encoding of any value, not redacted and with its large leaves in place."""
    found = encode_plain(value, _anything)
    return encode(to_wire(value)) if found is None else found[0]


def encode_plain(value: Any, probe: Probe) -> tuple[bytes, int] | None:
    """Return the encoding of a plain value, not redacted, and how many names are in it.

    None for a value that is not plain JSON, or in which a name announces a secret.
    """
    names = probe.count_names(value)
    encoded = None if names is None else _encode_trusted(value)
    return None if names is None or encoded is None else (encoded, names)


def _encode_trusted(value: Any) -> bytes | None:
    """Encode without a walk; None if something in it is not as plain as it looked (a lone surrogate, 2**70)."""
    try:
        return encode(value)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError):
        return None


class _Leaves:
    """Numbers large leaves, and stores none."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bytes]] = []

    def put(self, kind: str, content: bytes) -> str:
        self.found.append((kind, content))
        return str(len(self.found) - 1)


class _Unnamed:
    """Passes large leaves on, but for some that are to stay in their place."""

    def __init__(self, blobs: BlobSink, named: set[tuple[str, bytes]]) -> None:
        self._blobs = blobs
        self._named = named

    def put(self, kind: str, content: bytes) -> str | None:
        return None if (kind, content) in self._named else self._blobs.put(kind, content)


class ValueEncoder:
    """Encodes live values: redacted, large leaves put aside, plain ones at C speed.

    Args:
        redactor: Replaces secrets before anything is written or hashed; None writes them.
        blobs: Takes the large leaves.
    """

    def __init__(self, *, redactor: Redactor | None, blobs: BlobSink | None) -> None:
        self._redactor = redactor
        self._blobs = blobs
        # Any thread may ask it: all that it remembers then is which keys announce nothing.
        self._counter = self.probe()

    def probe(self) -> Probe:
        """Return a probe that knows this encoder's secret keys."""
        redactor = self._redactor
        if redactor is None:
            return Probe()
        return Probe(redactor.is_secret_key, lambda text: redactor.may_contain(text.encode()))

    def encode(self, value: Any) -> bytes:
        """Return the encoding of any value."""
        found = encode_plain(value, self._counter)
        if found is None or len(found[0]) >= BLOB_SIZE:
            return self._encode_any(value)
        return self.redact_plain(found[0], found[1])

    def redact_plain(self, encoded: bytes, names: int) -> bytes:
        """Redact what `encode_plain` returned."""
        redactor = self._redactor
        return self._redact(encoded) if redactor is not None and redactor.may_contain(encoded, names) else encoded

    def _encode_any(self, value: Any) -> bytes:
        return self._redact(encode(self._to_wire(value)))

    def _to_wire(self, value: Any) -> Any:
        """Return the wire form of a value; its large leaves are put aside, but for those that a name announces."""
        blobs, redactor = self._blobs, self._redactor
        if blobs is None or redactor is None:
            return to_wire(value, blobs=blobs)
        leaves = _Leaves()
        wire = to_wire(value, blobs=leaves)
        if not leaves.found:
            return wire
        named = redactor.named_blobs(wire) if redactor.announces(wire) else ()
        return to_wire(
            value, blobs=_Unnamed(blobs, {leaves.found[int(number)] for number in named}) if named else blobs
        )

    def encode_inline(self, value: Any) -> bytes:
        """Return the encoding of any value, its large leaves in place."""
        return self._redact(encode(to_wire(value)))

    def encode_probed(self, value: Any, probe: Probe) -> bytes:
        """Return the encoding of any value, of which `probe` was noted."""
        encoded = _encode_trusted(value) if probe.plain else None
        if encoded is None:
            return self._encode_any(value)
        return self._redact(encoded) if probe.secret else self.redact_plain(encoded, probe.names)

    def measure(self, value: Any, *, plain: bool) -> int:
        """Return about how long the encoding of a value is, in bytes, with what is put aside for its size."""
        encoded = _encode_trusted(value) if plain else None
        return len(encode(to_wire(value)) if encoded is None else encoded)

    def encode_ops(self, delta: Delta, probe: Probe) -> bytes | None:
        """Return the encoded operations of a delta, or None if they cannot be written without showing a secret.

        Args:
            delta: The operations, their values live.
            probe: What was noted about the values.
        """
        ops, redactor = delta.ops, self._redactor
        if redactor is not None and (delta.announced or any(map(self.shows_secret, delta.hidden_keys))):
            return None
        encoded = _encode_trusted(ops) if probe.plain else None
        suspected = probe.secret or encoded is None
        if encoded is None:
            wired = [{**op, "value": self._to_wire(op["value"])} if "value" in op else op for op in ops]
            encoded = _encode_trusted(wired)
        if encoded is None or redactor is None:
            return encoded
        if not suspected and not redactor.may_contain(encoded, names=probe.names + sum(map(len, ops))):
            return encoded
        wire = decode(encoded)
        for op in wire:
            if self.shows_secret(op["path"]):
                return None
            if "value" in op and op["op"] != "append":  # a longer text was looked at as a whole
                op["value"] = redactor.redact_tree(op["value"])
        return encode(wire)

    def shows_secret(self, text: str) -> bool:
        """Tell whether a text would be redacted."""
        return self._redactor is not None and self._redactor.redact_text(text) != text

    def _redact(self, encoded: bytes) -> bytes:
        redactor = self._redactor
        if redactor is None:
            return encoded
        wire = decode(encoded)
        if _BYTES not in encoded and not redactor.may_contain(encoded) and not redactor.announces(wire):
            return encoded
        redacted = redactor.redact_tree(wire)
        return encoded if redacted is wire else encode(redacted)
