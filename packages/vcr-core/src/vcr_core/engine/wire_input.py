"""The inputs of steps in the form in which they are compared with a tape."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

import msgspec

from vcr_core.blobs import content_hash
from vcr_core.redacted_blobs import redact_leaf
from vcr_core.redaction import Redactor
from vcr_core.runtime_types import type_of
from vcr_core.value_encoder import ValueEncoder, encode_clear
from vcr_core.wire_format import decode, encode

if TYPE_CHECKING:
    from vcr_core.recorder import VCRRecorder

_encode = msgspec.json.Encoder(order="deterministic").encode


class _Hashes:
    """Names large leaves without storing them."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def put(self, kind: str, content: bytes) -> str:
        return content_hash(redact_leaf(kind, content, redactor=self._redactor))


class WireInputs:
    """Turns live inputs into what a tape would hold of them: typed, redacted, large leaves by their hash."""

    def __init__(self, recorder: VCRRecorder | None) -> None:
        redactor = recorder.redactor if recorder is not None else None
        self._encoder = ValueEncoder(redactor=redactor, blobs=_Hashes(redactor))

    def wire(self, live: Any) -> Any:
        """Return the wire form of a live value."""
        return decode(self._encoder.encode(live))

    def wire_like(self, recorded: Any, live: Any) -> Any:
        """Return the wire form of a live value with its large leaves where `recorded` has its own: aside, or in place.

        In place they are in a packed recording.
        """
        if b'"$vcr":"blob"' in encode(recorded):
            return self.wire(live)
        return decode(self._encoder.encode_inline(live))

    def same(self, recorded: Any, live: Any) -> bool:
        """True if a live value is, byte for byte, what was recorded; False if that takes a closer look.

        What equals a recorded value without being redacted holds no secret that was taken out of it.
        """
        return encode_clear(live) == encode(recorded)

    def digest(self, value: Any) -> str:
        """Return a short digest of a value, of what is opaque in it only the type and name."""
        encoded = _encode(self.wire(value))
        return hashlib.blake2b(encoded, digest_size=6).hexdigest()

    def equal(self, recorded: Any, now: Any) -> bool:
        """Compare two wire values, blind to the order of keys and to what an opaque object says of itself."""
        first, second = _encode(recorded), _encode(now)
        if first == second:
            return True
        if b'"opaque"' in first and b'"opaque"' in second:
            return _encode(without_reprs(recorded)) == _encode(without_reprs(now))
        return False


def without_reprs(wire: Any) -> Any:
    """Return a wire value in which opaque objects have a type only: what they say of themselves may hold an address."""
    if isinstance(wire, dict):
        fields = cast("dict[str, Any]", wire)
        if fields.get("$vcr") == "opaque":
            return {"$vcr": "opaque", "type": fields.get("type")}
        return {key: without_reprs(item) for key, item in fields.items()}
    return [without_reprs(item) for item in wire] if type_of(wire) is list else wire
