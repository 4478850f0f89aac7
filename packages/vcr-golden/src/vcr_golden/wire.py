"""Values in the form in which golden runs compare them: as a packed recording holds them, secrets without their digest.

The digest in a placeholder is keyed per project, and a golden run is replayed where that key is not (in CI, with other
credentials): only that a secret stood there, and of what kind, is compared.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, cast

from vcr_core import Redactor
from vcr_core.engine.wire_input import WireInputs, without_reprs
from vcr_core.redaction.placeholders import PLACEHOLDER
from vcr_core.value_encoder import ValueEncoder


class PackedInputs(WireInputs):
    """Turns live inputs into what a packed recording holds of them: large leaves in place, secrets masked."""

    def __init__(self) -> None:
        super().__init__(None)
        self._encoder = ValueEncoder(redactor=Redactor(key=os.urandom(32)), blobs=None)

    def wire(self, live: Any) -> Any:
        """Return the wire form of a live value."""
        return masked(super().wire(live))

    def wire_like(self, recorded: Any, live: Any) -> Any:
        """As `wire`: a packed recording holds every leaf in place."""
        return self.wire(live)

    def equal(self, recorded: Any, now: Any) -> bool:
        """Compare two wire values."""
        return super().equal(masked(recorded), now)


def masked(wire: Any) -> Any:
    """Return a wire value whose placeholders name the kind of secret only."""
    if isinstance(wire, str):
        return PLACEHOLDER.sub(r"[REDACTED:\1]", wire) if "[REDACTED:" in wire else wire
    if isinstance(wire, dict):
        fields = cast("dict[str, Any]", wire)
        return {key: masked(item) for key, item in fields.items()}
    if isinstance(wire, list):
        items = cast("list[object]", wire)
        return [masked(item) for item in items]
    return wire


def digest_of(wire: Any) -> str:
    """Return the digest of a wire value: of an opaque object in it only the type counts."""
    text = _text(wire)
    if '"opaque"' in text or "[REDACTED:" in text:
        text = _text(without_reprs(masked(wire)))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _text(wire: Any) -> str:
    return json.dumps(wire, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
