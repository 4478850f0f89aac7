"""The one place that touches the recorder: state in, frames out.

Uses only public names of ``vcr_core``. A workspace without a recorder works the same, with savepoints but no frames.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

from vcr_acid.transaction.session_state import Savepoint
from vcr_core.values import Decoder, to_wire

if TYPE_CHECKING:
    from vcr_core.redaction import Redactor


class CheckpointRecorder(Protocol):
    """What a recorder must offer; ``vcr_core.VCRRecorder`` does."""

    def record_checkpoint(self, state: dict[str, Any], label: str, *, metadata: dict[str, Any] | None = None) -> Any:
        """Record a named checkpoint and return its frame."""
        ...


class StateCodec:
    """The agent state as JSON for a savepoint: types tagged as in recordings, secrets replaced before they are stored.

    Args:
        key: Makes placeholders of equal secrets equal within one repository.
        secrets: Finds values besides the environment's, e.g. those of ``.env`` files.
    """

    def __init__(self, key: Callable[[], bytes], secrets: Callable[[], dict[str, str]]) -> None:
        self._key = key
        self._secrets = secrets
        self._redactor: Redactor | None = None
        self._known: tuple[dict[str, str], dict[str, str]] = ({}, {})

    def _redacted(self, state: dict[str, Any]) -> Any:
        secrets = self._secrets()
        environment = dict(os.environ)
        if self._redactor is None or (secrets, environment) != self._known:
            from vcr_core.redaction import Redactor

            self._redactor = Redactor(key=self._key(), env={**environment, **secrets})
            self._known = (secrets, environment)
        return self._redactor.redact_tree(to_wire(state))

    def encode(self, state: dict[str, Any] | None) -> bytes | None:
        """The encoded state; None stays None."""
        if state is None:
            return None
        return json.dumps(self._redacted(state), ensure_ascii=True, separators=(",", ":")).encode()

    def for_recorder(self, state: dict[str, Any] | None) -> dict[str, Any] | None:
        """The state as the recorder may see it: without values of protected ``.env`` files, which it cannot know."""
        if state is None or not self._secrets():
            return state
        value = Decoder().decode(self._redacted(state))
        return _as_state(value)

    @staticmethod
    def decode(data: bytes | None) -> dict[str, Any] | None:
        """The state with the types that can be restored without running anything."""
        if data is None:
            return None
        value = Decoder().decode(json.loads(data))
        return _as_state(value)


def _as_state(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"value": value}


def parse_dotenv(text: bytes) -> dict[str, str]:
    """``NAME=value`` lines of a ``.env`` file."""
    found: dict[str, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found


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
