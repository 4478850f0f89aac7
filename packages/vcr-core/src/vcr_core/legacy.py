"""Recordings of the predecessor, `ai-agent-vcr` 1.x, made to look like ours.

Its files hold whole frames without hashes.  In its diff mode the input states after the first are not in the file: it
writes ``{}`` and the difference to the output.  The output before is taken for the input where that difference leads
from it to the recorded output, every operation of it being needed; elsewhere the ``{}`` stays, and is told as damage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import msgspec

from vcr_core.errors import VcrError
from vcr_core.frames import ErrorInfo, FrameRow, SessionInfo, Totals
from vcr_core.json_patch import apply
from vcr_core.json_pointer import value_at
from vcr_core.wire_format import DECODE_ERRORS, FormatError, FrameBody, FrameStates

SCHEMA = b'"schema":"execution/'
_MISSING = object()
_KINDS = {"node": "node", "llm": "llm", "tool": "tool", "error": "error", "checkpoint": "checkpoint"}


def is_legacy(first_line: bytes) -> bool:
    """Tell from its first line whether a file was written by the predecessor."""
    return (
        first_line.startswith(b'{"type":"session"')
        and first_line.endswith(b"\n")
        and (SCHEMA in first_line[:200] or b'"hash":"' not in first_line[-48:])
    )


class LegacyFile:
    """A recording of the predecessor, read whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = b""
        self.damage: list[str] = []
        self._lines: list[bytes] = []
        self._rows: list[FrameRow] = []
        self._bodies: list[FrameBody] = []
        *lines, self.torn = path.read_bytes().split(b"\n")
        self.info = self._session(lines[0] if lines else b"")
        for number, line in enumerate(lines[1:], 2):
            if line.strip():
                self._add(number, line)

    def _session(self, line: bytes) -> SessionInfo:
        data = _data(line)
        if data is None or "session_id" not in data:
            raise FormatError("the session line is damaged", path=self.path, line=1)
        return SessionInfo(
            str(data["session_id"]),
            "1.0",
            str(data.get("created_at", "")),
            parent_session_id=data.get("parent_session_id"),
            forked_from_frame=data.get("forked_from_frame"),
            tags=list(data.get("tags") or []),
            metadata=dict(data.get("metadata") or {}),
        )

    def _add(self, number: int, line: bytes) -> None:
        data = _data(line)
        if data is None:
            self.damage.append(f"line {number} cannot be decoded")
            return
        if "node_name" not in data:
            return
        index = len(self._rows)
        row, body = _frame(index, data)
        if index and body.input_state == {} and data.get("state_diff"):
            before = self._bodies[-1].output_state
            if _leads(data["state_diff"], before, body.output_state):
                body.input_state = before
            else:
                self.damage.append(f"line {number} does not hold the input state of frame {index}")
        self._lines.append(line)
        self._rows.append(row)
        self._bodies.append(body)

    @property
    def end(self) -> Totals | None:
        """Always None: the predecessor writes no end."""
        return None

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, index: int) -> FrameRow:
        """Return the small fields of a frame."""
        return self._rows[index]

    def rows(self, first: int = 0) -> Iterator[FrameRow]:
        """Yield the small fields of the frames from `first` on."""
        return islice(self._rows, first, None)

    def line(self, index: int) -> bytes:
        """Return a frame's line as the predecessor wrote it."""
        return self._lines[index]

    def body(self, index: int) -> FrameBody:
        """Return metadata, error and states of a frame."""
        return self._bodies[index]

    def states(self, index: int) -> tuple[FrameStates, bool]:
        """Return the states of a frame; the predecessor knows no tagged values."""
        return self._bodies[index], False

    def other_lines(self) -> Iterable[tuple[str, msgspec.Raw]]:
        """Return nothing: the predecessor writes sessions and frames only."""
        return ()

    def refresh(self) -> int:
        """Return 0: such a file is read once."""
        return 0

    def close(self) -> None:
        """Do nothing; the file is closed already."""


def _data(line: bytes) -> dict[str, Any] | None:
    try:
        whole = msgspec.json.decode(line, type=dict[str, Any])
    except DECODE_ERRORS:
        return None
    data = whole.get("data")
    return cast("dict[str, Any]", data) if isinstance(data, dict) else None


def _leads(operations: Any, before: Any, after: Any) -> bool:
    """Tell whether operations, each of them needed, lead from one state to the other."""
    try:
        for operation in operations:
            old = value_at(before, operation["path"], _MISSING)
            if (old is _MISSING) != (operation["op"] == "add") or old == operation.get("value", _MISSING):
                return False
        return bool(apply(before, operations) == after)
    except (VcrError, LookupError, TypeError):
        return False


def _frame(index: int, data: dict[str, Any]) -> tuple[FrameRow, FrameBody]:
    known: dict[str, Any] = data.get("metadata") or {}
    custom = dict(known.get("custom") or {})
    kind = _KINDS.get(str(data.get("frame_type")), "node")
    error_type, message = known.get("error_type"), known.get("error_message")
    failed = kind == "error" or bool(error_type)
    node_name = str(data["node_name"])
    row = FrameRow(
        index,
        node_name,
        kind,
        "error" if failed else "ok",
        str(data.get("timestamp", "")),
        float(known.get("latency_ms") or 0.0),
        known.get("tokens_used"),
        known.get("tokens_input"),
        known.get("tokens_output"),
        known.get("cost_usd"),
        known.get("model"),
        error_type,
        message,
        label=custom.get("checkpoint_label") if kind == "checkpoint" else _tool_name(kind, node_name),
    )
    body = FrameBody(
        index=index,
        input_state=data.get("input_state"),
        output_state=data.get("output_state"),
        metadata=custom,
        error=ErrorInfo(str(error_type or "Exception"), str(message or "")) if failed else None,
    )
    return row, body


def _tool_name(kind: str, node_name: str) -> str | None:
    return node_name.removeprefix("tool:") if kind == "tool" else None
