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
        return self._redact(encode(to_wire(value, blobs=self._blobs)))

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
        encoded = _encode_trusted(ops) if probe.plain else None
        suspected = probe.secret or encoded is None
        if encoded is None:
            wired = [{**op, "value": to_wire(op["value"], blobs=self._blobs)} if "value" in op else op for op in ops]
            encoded = _encode_trusted(wired)
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
