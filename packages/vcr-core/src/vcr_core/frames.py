"""What a recording is made of: sessions, frames and their small fields.

Plain data only.  How it is written is `vcr_core.wire_format`; how values keep their types is `vcr_core.values`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

FrameKind = Literal["node", "llm", "tool", "value", "error", "checkpoint"]
FrameStatus = Literal["ok", "error", "cancelled", "interrupt", "command", "cached"]
Origin = Literal["live", "tape", "edit", "mock"]

KINDS: tuple[FrameKind, ...] = ("node", "llm", "tool", "value", "error", "checkpoint")
CALLS: tuple[FrameKind, ...] = ("llm", "tool", "value")
"""Kinds of frames that have arguments and a result instead of a state."""
STATUSES: tuple[FrameStatus, ...] = ("ok", "error", "cancelled", "interrupt", "command", "cached")


class FrameMetadata(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known about a step besides its states.  Every field may be left out.

    Attributes:
        model: Name of the model that answered.
        latency_ms: The step's own time in milliseconds.
        tokens_used: Tokens in all; derived from input and output where only those are given.
        tokens_input: Tokens sent.
        tokens_output: Tokens received.
        cost_usd: Cost in US dollars; None means unknown, never zero.
        error_type: Class name of the error that ended the step.
        error_message: Its message.
        custom: Anything else, kept as it is.
    """

    model: str | None = None
    latency_ms: float | None = None
    tokens_used: int | None = None
    tokens_input: int | None = None
    tokens_output: int | None = None
    cost_usd: float | None = None
    error_type: str | None = None
    error_message: str | None = None
    custom: dict[str, Any] = {}

    @classmethod
    def of(cls, value: FrameMetadata | dict[str, Any] | None) -> FrameMetadata:
        """Return metadata from a dict: known names become fields, the rest becomes `custom`."""
        if isinstance(value, FrameMetadata):
            return value
        if not value:
            return cls()
        given: dict[str, Any] = value
        if _METADATA_FIELDS.isdisjoint(given):
            return cls(custom=dict(given))
        known = {name: item for name, item in given.items() if name in _METADATA_FIELDS}
        custom = dict(known.pop("custom", None) or {})
        custom.update((name, item) for name, item in given.items() if name not in _METADATA_FIELDS)
        return cls(**known, custom=custom)


_METADATA_FIELDS = frozenset(FrameMetadata.__struct_fields__)


class FrameRow(msgspec.Struct, omit_defaults=True, gc=False):
    """The small fields of a frame, as a list or a table needs them; no state is decoded for one.

    Attributes:
        index: Position among the session's frames, from 0.
        node_name: Name of the step.
        kind: What sort of step it was.
        status: How it ended.
        timestamp: When it ended, UTC, ISO 8601 with microseconds.
        latency_ms: The step's own time in milliseconds.
        tokens: Tokens in all.
        key: The engine's identity of the step, ``branch:name#ordinal``; None for frames recorded by hand.
        parent: Key of the enclosing step.
        origin: Where the output came from.
        label: Name of a checkpoint, or of the tool of a tool frame.
        call: ``state`` if the step takes one dict as its state, ``args`` if its arguments are recorded by name.
        gap: Iterations of the event loop since the frame before, where they were few (see `engine.order`).
        asked: Number of frames when the step was asked for; beside `gap`.
        spawn: Digest of what the task or thread of this frame was created with; on the first frame of each.
        effect: ``write`` for a step with effects outside the agent.
    """

    index: int
    node_name: str
    kind: str = "node"
    status: str = "ok"
    timestamp: str = ""
    latency_ms: float = 0.0
    tokens: int | None = None
    tokens_input: int | None = None
    tokens_output: int | None = None
    cost_usd: float | None = None
    model: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    key: str | None = None
    parent: str | None = None
    origin: str = "live"
    label: str | None = None
    call: str | None = None
    gap: int | None = None
    asked: int | None = None
    spawn: str | None = None
    effect: str | None = None


class ErrorInfo(msgspec.Struct, omit_defaults=True):
    """An exception as it was when it passed the recorder.

    Attributes:
        type: Qualified class name, ``module.Class``.
        message: ``str(error)``.
        traceback: The formatted traceback, or "".
        notes: Notes added with ``add_note``.
        cause: The error it was raised from, or raised while handling.
    """

    type: str
    message: str
    traceback: str = ""
    notes: list[str] = []
    cause: ErrorInfo | None = None


class Frame(msgspec.Struct):
    """One recorded step with its states.

    `input_state` and `output_state` are the values with their types restored as far as the reader allows; see
    `vcr_core.values`.  Changing them changes nothing on disk.
    """

    row: FrameRow
    metadata: FrameMetadata
    input_state: Any
    output_state: Any
    error: ErrorInfo | None = None

    @property
    def index(self) -> int:
        """Position among the session's frames, from 0."""
        return self.row.index

    @property
    def node_name(self) -> str:
        """Name of the step."""
        return self.row.node_name

    @property
    def kind(self) -> str:
        """What sort of step it was, one of `KINDS`."""
        return self.row.kind

    @property
    def status(self) -> str:
        """How it ended, one of `STATUSES`."""
        return self.row.status

    @property
    def timestamp(self) -> str:
        """When it ended, UTC, ISO 8601."""
        return self.row.timestamp

    @property
    def latency_ms(self) -> float:
        """The step's own time in milliseconds."""
        return self.row.latency_ms

    @property
    def key(self) -> str | None:
        """The engine's identity of the step, or None."""
        return self.row.key

    @property
    def parent(self) -> str | None:
        """Key of the enclosing step, or None."""
        return self.row.parent

    @property
    def origin(self) -> str:
        """Where the output came from: live, tape, edit or mock."""
        return self.row.origin

    @property
    def label(self) -> str | None:
        """Name of a checkpoint or of a tool."""
        return self.row.label

    def model_dump_json(self) -> str:
        """Return the frame as JSON text, under the name that pydantic models have for it.

        It holds the small fields, `metadata`, `error`, `input_state` and `output_state`; what JSON cannot hold is
        tagged as in a recording.
        """
        from vcr_core.values import to_wire  # noqa: PLC0415  # frames are known to what encodes them

        states = {"input_state": to_wire(self.input_state), "output_state": to_wire(self.output_state)}
        metadata = {**msgspec.to_builtins(self.metadata), "custom": to_wire(self.metadata.custom)}
        parts = {**msgspec.to_builtins(self.row), "metadata": metadata, "error": self.error, **states}
        return msgspec.json.encode(parts).decode()


class SessionInfo(msgspec.Struct, omit_defaults=True):
    """The first line of a recording; it is written once and never changed.

    Attributes:
        session_id: The name of the run.
        format: Version of the file format, ``major.minor``.
        created_at: UTC, ISO 8601.
        take: 1 for the first recording under this id, 2 for the next.
        parent_session_id: The session this one was forked from.
        forked_from_frame: The cut: the fork ran live from this frame on.
        tags: Free words to find the session by.
        metadata: Anything the user wants to keep with the run.
        agent: ``module:function`` of the recorded entry, if the engine ran it.
        keyed: True if the chain of hashes is keyed.
    """

    session_id: str
    format: str = ""
    created_at: str = ""
    take: int = 1
    parent_session_id: str | None = None
    forked_from_frame: int | None = None
    tags: list[str] = []
    metadata: dict[str, Any] = {}
    agent: str | None = None
    keyed: bool = False


class Totals(msgspec.Struct, omit_defaults=True):
    """What a finished recording adds up to; the data of its ``end`` line.

    Attributes:
        frames: Number of frames.
        errors: Frames whose status is ``error``.
        latency_ms: Sum over frames that are not inside another frame.
        tokens: Sum of the known tokens.
        cost_usd: Sum of the known costs; None if no cost is known.
        status: ``ok`` or ``error``, how the run ended.
        ended_at: UTC, ISO 8601.
        lost: Frames that could not be written.
        failed_at: The frame of the step whose exception ended the run; None if it ended otherwise.
    """

    frames: int = 0
    errors: int = 0
    latency_ms: float = 0.0
    tokens: int = 0
    cost_usd: float | None = None
    status: str = "ok"
    ended_at: str = ""
    lost: int = 0
    failed_at: int | None = None
