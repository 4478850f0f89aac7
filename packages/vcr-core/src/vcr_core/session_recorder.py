"""The lifetime of a recording: it starts, is continued, forked, saved and closed.

What is recorded meanwhile is said in `vcr_core.recorder`.
"""

from __future__ import annotations

import os
import threading
import types
import weakref
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from vcr_core.clock import Clock
from vcr_core.error_info import describe_error, text_of
from vcr_core.errors import UsageError
from vcr_core.file_ops import FileOps
from vcr_core.frames import Frame, FrameMetadata, FrameRow, SessionInfo
from vcr_core.log_file import LogFile
from vcr_core.redacted_blobs import RedactedBlobs
from vcr_core.redaction import Redactor, load_or_create_project_key
from vcr_core.session_file import SessionFile
from vcr_core.session_ids import check_session_id, new_session_id, split_take
from vcr_core.session_writer import Durability, FrameStyle, RecordingError, SessionWriter, warn_recording
from vcr_core.store import Store
from vcr_core.totals import read_totals
from vcr_core.value_encoder import ValueEncoder
from vcr_core.wire_format import FORMAT, line_body

OnFrame = Callable[[Frame], None]
R = TypeVar("R", bound="SessionRecorder")
_MESSAGE = 500
"""Characters of an error's message that stand in the row of a frame."""


class SessionRecorder:
    """The open session of a recorder.  Use `vcr_core.VCRRecorder`, which adds the ways to record.

    Attributes:
        store: The directory of the recordings.
        functions: The functions behind the steps that ran with this recorder, by step name, for those who compare code
            with what was recorded; the last one where several share a name.
    """

    def __init__(  # noqa: PLR0913  # options, all with a default
        self,
        output_dir: str | Path = ".vcr",
        *,
        auto_save: bool = True,
        diff_mode: bool | None = None,
        durability: Durability = "kernel",
        on_frame_recorded: OnFrame | None = None,
        redact: bool = True,
        redactor: Redactor | None = None,
        integrity_key: bytes = b"",
        clock: Clock | None = None,
        file_ops: FileOps | None = None,
    ) -> None:
        self.store = Store(output_dir)
        self.functions: dict[str, Any] = {}
        self.auto_save = auto_save
        self.on_frame_recorded = on_frame_recorded
        self.clock = clock or Clock()
        self._diff_mode = diff_mode
        self._durability: Durability = durability
        self._redact = redact
        self._redactor = redactor
        self._integrity_key = integrity_key
        self._file_ops = file_ops
        self._start_lock = threading.RLock()
        self._last_frame = threading.local()
        self._lanes: set[int] = set()
        self._writer: SessionWriter | None = None
        self._forgotten: weakref.finalize[..., SessionRecorder]
        self._info: SessionInfo | None = None

    def start_session(
        self,
        session_id: str | None = None,
        *,
        parent_session_id: str | None = None,
        forked_from_frame: int | None = None,
        metadata: dict[str, Any] | None = None,
        tags: Iterable[str] = (),
        agent: str | None = None,
    ) -> SessionInfo:
        """Begin a recording; one that is open is saved first.

        Args:
            session_id: A plain name; one that was used before begins a new take of it.  Made up if None.
            parent_session_id: The session that this one continues.
            forked_from_frame: The frame of the parent from which on this one is its own.
            metadata: Anything to keep with the run.
            tags: Words to find it by.
            agent: ``module:function`` of the agent.

        Returns:
            The first line of the recording.

        Raises:
            SessionIdError: If an id is not a plain name; nothing was touched.
            OSError: If the directory or file cannot be made.
        """
        name = new_session_id() if session_id is None else check_session_id(session_id)
        if parent_session_id is not None:
            split_take(parent_session_id)
        with self._start_lock:
            self.close()
            info = SessionInfo(
                name,
                FORMAT,
                self.clock.timestamp(),
                1,
                parent_session_id,
                forked_from_frame,
                list(tags),
                dict(metadata or {}),
                agent,
                bool(self._integrity_key),
            )
            self.store.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            encoder = self._encoder()

            def make(path: Path, take: int) -> LogFile:
                info.take = take
                first = line_body("session", None)[: -len(b"null")] + encoder.encode(_plain_info(info))
                return LogFile.create(path, first, ops=self._file_ops, key=self._integrity_key)

            log, _ = self.store.create(name, make)
            self._open(log, info, encoder)
            return info

    def attach(self, session_id: str) -> SessionInfo:
        """Continue a recorded session, the latest take of that name or the one named (``my_run~2``).

        A torn last line, left by a process that died, is cut off; its bytes are in ``recorder.torn``.

        Raises:
            SessionNotFoundError: If there is none.
            FormatError: If it is not a recording that can be continued (recordings of older formats cannot).
        """
        path = self.store.path(session_id)
        with self._start_lock:
            self.close()
            log = LogFile.open(path, ops=self._file_ops, key=self._integrity_key)
            source = SessionFile(path)
            self._open(log, source.info, self._encoder())
            source.close()
            return source.info

    def _encoder(self) -> ValueEncoder:
        if self._redact and self._redactor is None:
            self._redactor = Redactor(key=load_or_create_project_key(self.store.directory))
        redactor = self._redactor if self._redact else None
        return ValueEncoder(redactor=redactor, blobs=RedactedBlobs(self.store.blobs, redactor))

    def _open(self, log: LogFile, info: SessionInfo, encoder: ValueEncoder) -> None:
        self._info = info
        self._writer = SessionWriter(
            log,
            blobs=self.store.blobs,
            encoder=encoder,
            redactor=self._redactor if self._redact else None,
            diff_mode=self._diff_mode,
            durability=self._durability,
            clock=self.clock,
            totals=read_totals(log.path) if log.frames else None,
        )
        self._forgotten = weakref.finalize(self, _finish_forgotten, self._writer, os.getpid(), save=self.auto_save)

    @property
    def writer(self) -> SessionWriter:
        """The writing end of the session; the first use starts one."""
        writer = self._writer
        if writer is None:
            with self._start_lock:
                if self._writer is None:
                    self.start_session()
                writer = self._writer
        assert writer is not None
        return writer

    @property
    def session(self) -> SessionInfo | None:
        """The first line of the open recording, or None."""
        return self._info

    @property
    def session_id(self) -> str | None:
        """The name of the open recording, with its take if it is not the first (``my_run~2``), or None."""
        if self._info is None:
            return None
        return self._info.session_id if self._info.take == 1 else f"{self._info.session_id}~{self._info.take}"

    @property
    def path(self) -> Path | None:
        """The file of the open recording, or None."""
        return None if self._writer is None else self._writer.log.path

    @property
    def frame_count(self) -> int:
        """Number of frames recorded so far."""
        return 0 if self._writer is None else self._writer.frames

    @property
    def torn(self) -> list[bytes]:
        """Torn lines that were cut off the file, left by processes that died."""
        return [] if self._writer is None else self._writer.log.torn

    @property
    def redactor(self) -> Redactor | None:
        """The redactor in use, or None."""
        return self._redactor if self._redact else None

    def record_frame(  # noqa: PLR0913  # all that a frame is made of
        self,
        row: FrameRow,
        input_state: Any,
        output_state: Any,
        style: FrameStyle = "state",
        metadata: FrameMetadata | dict[str, Any] | None = None,
        *,
        error: BaseException | None = None,
        chain: Hashable = None,
        extra: dict[str, Any] | None = None,
        mutated: dict[str, Any] | None = None,
    ) -> Frame:
        """Record a frame whose small fields are made up already; all other methods end here.

        Args:
            row: The small fields; `index` and, if it is empty, `timestamp` are filled in.
            input_state: What the step took.
            output_state: What it gave.
            style: ``state`` if the output is a state that the next step takes, ``call`` for arguments and a result.
            metadata: What else is known; it fills the fields of `row` that are empty.
            error: The exception that ended the step.
            chain: Which line of states it belongs to; by default the thread's.
            extra: More fields of the frame, each with its value.
            mutated: Arguments that the step changed in place, by name, as they are now; "" is the whole input.
        """
        known = FrameMetadata.of(metadata) if metadata else FrameMetadata()
        if error is not None:
            row.status = row.status if row.status != "ok" else "error"
            row.error_type, row.error_message = type(error).__name__, self._shorten(text_of(error))
        if metadata or row.tokens_input is not None or row.tokens_output is not None:
            _complete(row, known)
        if not row.timestamp:
            row.timestamp = self.clock.timestamp()
        frame = Frame(row, known, input_state, output_state, None if error is None else describe_error(error))
        (self._writer or self.writer).write(frame, style, chain, extra, mutated)
        if self.on_frame_recorded is not None:
            self._tell(self.on_frame_recorded, frame)
        return frame

    def _shorten(self, text: str) -> str:
        """Return the first characters of a text, its secrets replaced before: a part of one would not be known."""
        _ = self.writer  # the first use makes the redactor
        redactor = self.redactor
        head = (redactor.redact_text(text) if redactor else text)[:_MESSAGE]
        placeholder = head.rfind("[REDACTED:")
        return head if placeholder < 0 or "]" in head[placeholder:] else head[:placeholder]

    @staticmethod
    def _tell(listener: OnFrame, frame: Frame) -> None:
        try:
            listener(frame)
        except Exception as problem:  # noqa: BLE001  # a listener's fault must not become the agent's
            warn_recording(f"on_frame_recorded raised {problem!r} for frame {frame.index}")

    def next_run(self) -> int:
        """Return the number of a run that begins in the open session, counted from 0."""
        writer = self.writer
        writer.runs += 1
        return writer.runs - 1

    def take_lane(self) -> int:
        """Return the lowest number that no run has which is going on, for the run that begins.

        Runs that follow each other have the same, so the states of one are written after those of the one before.
        """
        with self._start_lock:
            lane = next(number for number in range(len(self._lanes) + 1) if number not in self._lanes)
            self._lanes.add(lane)
        return lane

    def free_lane(self, lane: int) -> None:
        """Give a number back at the end of a run."""
        with self._start_lock:
            self._lanes.discard(lane)

    def finish_run(self, status: str, failed_at: int | None = None) -> None:
        """Write the totals at the end of a run; what is missing on the disk is told by `save` and `close`.

        Args:
            status: ``ok`` or ``error``.
            failed_at: The frame of the step whose exception ended the run.
        """
        self.writer.finish(status, failed_at)

    def save(self, *, status: str | None = None) -> Path:
        """Finish the recording with its totals and have it on the disk; recording may go on, and be saved again.

        Args:
            status: ``ok`` or ``error``; by default as its last run ended, or ``ok`` for what was recorded by hand.

        Returns:
            The file.

        Raises:
            RecordingError: If frames could not be written; all that was written before is intact.
        """
        writer = self.writer
        writer.save(status=status)
        return writer.log.path

    def close(self) -> None:
        """Save what is open, and give the file back.

        Raises:
            RecordingError: As `save`; the file is given back all the same.
        """
        writer = self._writer
        if writer is None:
            return
        self._forgotten.detach()
        try:
            writer.save()
        finally:
            writer.close()
            self._writer = None

    def fork(self: R, from_frame: int, *, session_id: str | None = None, **start: Any) -> R:
        """Begin a new session that shares the frames before `from_frame` with this one.

        The new recording refers to those frames, it does not copy them; this one stays as it is.

        Args:
            from_frame: Number of frames that are shared.
            session_id: Name of the new session.
            start: More arguments of `start_session`.

        Returns:
            A recorder of the new session, with the same settings.
        """
        parent = self.session_id
        if parent is None or not 0 <= from_frame <= self.frame_count:
            raise UsageError(
                f"cannot fork from frame {from_frame}: the session has {self.frame_count} frames; "
                "from_frame is the number of frames that the fork shares"
            )
        other = type(self)(
            self.store.directory,
            auto_save=self.auto_save,
            diff_mode=self._diff_mode,
            durability=self._durability,
            on_frame_recorded=self.on_frame_recorded,
            redact=self._redact,
            redactor=self._redactor,
            integrity_key=self._integrity_key,
            clock=self.clock,
            file_ops=self._file_ops,
        )
        other.start_session(session_id, parent_session_id=parent, forked_from_frame=from_frame, **start)
        other.share_frames(parent, from_frame)
        return other

    def share_frames(self, parent: str, count: int) -> None:
        """Record references to the first `count` frames of another session of this directory."""
        source = SessionFile(self.store.exact(parent))
        try:
            for index in range(count):
                row = source.row(index)
                row.origin = "tape"
                self.writer.write_reference(row, parent, index)
        finally:
            source.close()

    def __enter__(self: R) -> R:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        writer = self._writer
        if writer is None:
            return
        if error is not None:
            writer.status = "error"
            _close_quietly(self)
        else:
            self.close()


def _complete(row: FrameRow, known: FrameMetadata) -> None:
    """Fill the empty fields of a row from the metadata."""
    if known.latency_ms is not None and not row.latency_ms:
        row.latency_ms = known.latency_ms
    row.tokens_input = known.tokens_input if row.tokens_input is None else row.tokens_input
    row.tokens_output = known.tokens_output if row.tokens_output is None else row.tokens_output
    if row.tokens is None:
        row.tokens = known.tokens_used
    if row.tokens is None and (row.tokens_input is not None or row.tokens_output is not None):
        known_parts = [part for part in (row.tokens_input, row.tokens_output) if isinstance(part, (int, float))]
        row.tokens = sum(known_parts)  # of what callers gave; the writer makes numbers of the rest
    row.cost_usd = known.cost_usd if row.cost_usd is None else row.cost_usd
    row.model = row.model or known.model
    row.error_type = row.error_type or known.error_type
    row.error_message = row.error_message or known.error_message


def _plain_info(info: SessionInfo) -> dict[str, Any]:
    fields = {name: getattr(info, name) for name in SessionInfo.__struct_fields__}
    return {name: value for name, value in fields.items() if value or type(value) is int}


def _close_quietly(recorder: SessionRecorder) -> None:
    """Close a recorder where an exception would hide the agent's own, or has nobody to go to."""
    try:
        recorder.close()
    except (RecordingError, OSError) as problem:
        warn_recording(str(problem))


def _finish_forgotten(writer: SessionWriter, owner: int, *, save: bool) -> None:
    """Finish a recording whose recorder is gone, or whose program ends; not in a child process that inherited it."""
    if owner != os.getpid():
        return
    try:
        if save:
            writer.save()
    except (RecordingError, OSError) as problem:
        warn_recording(str(problem))
    finally:
        writer.close()
