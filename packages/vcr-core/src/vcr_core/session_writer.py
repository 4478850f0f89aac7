"""Writes the frames of one session; whatever happens, the agent goes on.

Rules:

* `SessionWriter.write` never raises an `Exception` into its caller.  What a state holds is described if it cannot be
  encoded; what the disk refuses is kept in memory, in order, and tried again with the next frame.
* The first trouble is told once, as a `RecordingWarning`; `SessionWriter.save` reports all of it.
* A written frame is in the kernel: killing the process loses nothing.  It is on the disk 200 ms later, or at once with
  ``durability="fsync"``.
"""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import partial
from typing import Any, Literal

import msgspec

from vcr_core import leaning
from vcr_core.blobs import BlobStore
from vcr_core.clock import Clock
from vcr_core.draft import Draft
from vcr_core.errors import VcrError
from vcr_core.frames import ErrorInfo, Frame, FrameRow, Totals
from vcr_core.log_file import Flusher, LogFile
from vcr_core.redaction import Redactor
from vcr_core.row_encoder import RowEncoder
from vcr_core.state_chain import EncodedStates, FrameRef, StateChain
from vcr_core.state_chains import StateChains
from vcr_core.totals import read_totals
from vcr_core.value_encoder import ValueEncoder
from vcr_core.wire_format import FormatError, encode, line_body

Durability = Literal["kernel", "fsync"]
FrameStyle = Literal["state", "call"]

MAX_WAITING = 64 << 20
"""Bytes of frames kept in memory while the disk refuses them; beyond it the oldest are given up."""


class RecordingWarning(UserWarning):
    """Something could not be recorded as it was; the agent was not disturbed."""


def warn_recording(problem: str) -> None:
    """Tell, without disturbing the agent, that something is not recorded as it was."""
    warnings.warn(f"recording is degraded: {problem}", RecordingWarning, stacklevel=4)


class RecordingError(VcrError):
    """A recording that is not complete on the disk.

    Attributes:
        path: The recording.
        problems: What went wrong, oldest first.
        lost: Frames that were given up.
        waiting: Frames still in memory; `save` may be called again.
    """

    def __init__(self, path: object, problems: list[str], *, lost: int, waiting: int) -> None:
        self.path = path
        self.problems = problems
        self.lost = lost
        self.waiting = waiting
        super().__init__(
            f"{path} is not complete on the disk: {lost} frames lost, {waiting} still in memory. "
            f"{'; '.join(problems[-3:]) or 'no further reason is known'}. Everything recorded before is intact; "
            "free the disk and call save() again, or save elsewhere."
        )


_flusher = Flusher()


class SessionWriter:
    """The writing end of one session.

    Args:
        log: The file.
        blobs: Where large leaves go.
        encoder: Encodes values, redacted.
        redactor: Redacts the small fields; None writes them as they are.
        diff_mode: None adaptive, True patches, False whole states.
        durability: ``kernel`` or ``fsync``.
        clock: Gives the time of the end line.
        totals: What the session holds already, if it is continued.
    """

    def __init__(  # noqa: PLR0913  # what it stands on is injected
        self,
        log: LogFile,
        *,
        blobs: BlobStore,
        encoder: ValueEncoder,
        redactor: Redactor | None = None,
        diff_mode: bool | None = None,
        durability: Durability = "kernel",
        clock: Clock | None = None,
        totals: Totals | None = None,
    ) -> None:
        self.log = log
        self._blobs = blobs
        self._encoder = encoder
        self._row_encoder = RowEncoder(redactor)
        self._durability = durability
        self._clock = clock or Clock()
        self._chains = StateChains(lambda: StateChain(encoder, diff_mode=diff_mode))
        # Reentrant, since a finalizer or a signal handler may run within any call.
        self._lock = threading.RLock()
        self._sync_lock = threading.RLock()
        self._flush_due = False
        self._waiting: deque[Draft] = deque()
        self._waiting_bytes = 0
        self._problems: list[str] = []
        self._refusals: list[str] = []
        self._warned = False
        self._closed = False
        self._busy = False
        self._late: deque[Callable[[], None]] = deque()
        self._latest: Hashable = None
        self.status = "ok"
        self.runs = 0
        self._totals = totals or Totals()
        self._cost = None if self._totals.cost_usd is None else Decimal(str(self._totals.cost_usd))
        _open_writers.add(self)

    @property
    def frames(self) -> int:
        """Number of frames written, and waiting to be."""
        return self.log.frames + len(self._waiting)

    def write(
        self,
        frame: Frame,
        style: FrameStyle,
        chain: Hashable = None,
        extra: dict[str, Any] | None = None,
        mutated: dict[str, Any] | None = None,
    ) -> None:
        """Record one frame; its row then has the index that it has, or is expected to have.

        Args:
            frame: The frame; of its metadata only the user's own fields are looked at.
            style: ``state`` if the output is the state that the next step takes, ``call`` for arguments and result.
            chain: Which line of states the frame belongs to; None for the current thread's.
            extra: More fields of the frame, each with its value.
            mutated: Arguments that the step changed in place, by name, as they are now; "" is the whole input.
        """
        tool = (frame.row.node_name, frame.row.label) if style == "call" else None
        line = (style, tool, threading.get_ident() if chain is None else chain)
        self._do(self._write_frame, line, frame, extra, mutated)

    def _write_frame(
        self,
        line: tuple[FrameStyle, Hashable, Hashable],
        frame: Frame,
        extra: dict[str, Any] | None,
        mutated: dict[str, Any] | None,
    ) -> None:
        row, before, custom, error = frame.row, frame.input_state, frame.metadata.custom, frame.error
        ref = FrameRef()
        try:
            try:
                chain = self._chains.get(line, before)
                encode_states = chain.state_frame if line[0] == "state" else chain.call_frame
                states = encode_states(before, frame.output_state, ref, mutated)
                head = self._encode_head(custom, error, extra) if custom or error or extra else b"{}"
            except Exception as problem:  # noqa: BLE001  # the agent's values may do anything; it must go on
                self._chains.drop(line)
                states = self._encode_again(frame, problem)
                head = self._encode_head(None, error, None)
            self._send(row, head, states, ref)
            if row.parent is None:
                self._latest = line
        except BaseException:
            self._chains.drop(line)
            raise

    def _do(self, act: Callable[..., None], *args: Any) -> None:
        """Do one thing at a time; what a signal handler asks for meanwhile is done right after."""
        with self._lock:
            if self._busy:
                self._late.append(partial(act, *args))
                return
            self._busy = True
            try:
                act(*args)
            finally:
                self._busy = False
                if self._late:
                    self._do(self._late.popleft())

    def write_reference(self, row: FrameRow, session: str, frame: int) -> FrameRow:
        """Record a frame whose states stand in another session (a step served from its tape)."""
        states = EncodedStates(None, b'"tape":' + encode({"session": session, "frame": frame}))
        self._do(self._send, row, b"{}", states, FrameRef())
        return row

    def write_line(self, kind: str, data: Any, *, sync: bool = False) -> None:
        """Record a line that is not a frame.

        Args:
            kind: Type of the line.
            data: A dict of any values, or a struct of them; it is redacted.
            sync: Have it on the disk before this returns.
        """
        if isinstance(data, msgspec.Struct):
            fields = {name: getattr(data, name) for name in data.__struct_fields__}
            data = {name: value for name, value in fields.items() if value is not None}

        def act() -> None:
            try:
                encoded = self._encode_line(kind, data)
                self.log.append(lambda _index: b'{"type":%b,"data":%b' % (encode(kind), encoded))
            except OSError as problem:
                self._trouble(f"a {kind} line could not be written: {problem}")

        self._do(act)
        if sync:
            self.sync()
        else:
            self._sync_later()

    def _encode_line(self, kind: str, data: dict[str, Any]) -> bytes:
        field = leaning.FIELDS.get(kind)
        latest = None if self._waiting else self._chains.find(self._latest)
        if field is not None and latest is not None:
            encoded = leaning.encode_leaning(data.get(field), latest, self._encoder)
            if encoded is not None:
                rest = self._encoder.encode({name: value for name, value in data.items() if name != field})
                return b"%b,%b:%b}" % (rest[:-1], encode(field), encoded)
        return self._encoder.encode(data)

    def _encode_head(
        self, metadata: dict[str, Any] | None, error: ErrorInfo | None, extra: dict[str, Any] | None
    ) -> bytes:
        """Return the encoded metadata, error and other fields."""
        head = self._encoder.encode(metadata) if metadata else b"{}"
        if error is not None:
            head += b',"error":' + self._encoder.encode_inline(msgspec.to_builtins(error))
        for name, value in (extra or {}).items():
            head += b',"%b":%b' % (name.encode(), self._encoder.encode(value))
        return head

    def _encode_again(self, frame: Frame, problem: Exception) -> EncodedStates:
        """Encode states that failed at first, by themselves: another thread may have changed them under the walk."""
        fields: list[bytes] = []
        for name, value in ((b"input_state", frame.input_state), (b"output_state", frame.output_state)):
            try:
                encoded = self._encoder.encode(value)
            except Exception as again:  # noqa: BLE001  # described instead
                where = f"frame {self.frames} ({frame.node_name})"
                self._trouble(f"{where}: a state cannot be encoded: {again!r}, {problem!r}")
                kind = type(value).__qualname__
                encoded = encode({"$vcr": "opaque", "type": kind, "repr": f"<{kind}>"})
            fields.append(b'"%b":%b' % (name, encoded))
        return EncodedStates(None, b",".join(fields))

    def _send(self, row: FrameRow, head: bytes, states: EncodedStates, ref: FrameRef) -> None:
        """Append a frame after those that still wait; keep it if the disk refuses it.  The lock is held."""
        draft = Draft(row, self._row_encoder.encode(row), head, states, ref)
        self._count(row)
        try:
            if self._closed:
                self._reopen()
            if self._waiting:
                self._drain()
            self.log.append(draft.body)
        except (OSError, FormatError) as problem:
            self._waiting.append(draft)
            self._waiting_bytes += draft.size()
            row.index = self.frames - 1
            self._trouble(self._tell_refusal(problem), self._refusals)
            self._give_up_oldest()
        else:
            if self._durability == "fsync":
                self.sync()
            elif not self._flush_due:
                self._sync_later()

    def _drain(self) -> None:
        waiting = self._waiting
        while waiting:
            self.log.append(waiting[0].body)
            self._waiting_bytes -= waiting.popleft().size()
        self._waiting_bytes = 0
        self._refusals.clear()

    def _tell_refusal(self, problem: Exception) -> str:
        return f"{getattr(problem, 'strerror', None) or problem} ({self.log.path})"

    def _give_up_oldest(self) -> None:
        """Bound the memory: give up the oldest waiting frames, and with them those that lean on them."""
        if self._waiting_bytes <= MAX_WAITING:
            return
        lost: set[FrameRef] = set()
        while self._waiting_bytes > MAX_WAITING:
            oldest = self._waiting.popleft()
            self._waiting_bytes -= oldest.size()
            lost.add(oldest.ref)
        kept: deque[Draft] = deque()
        for draft in self._waiting:
            if draft.states.base in lost or draft.states.output_base in lost:
                lost.add(draft.ref)
            else:
                kept.append(draft)
        self._totals.lost += len(lost)
        self._waiting = kept
        self._waiting_bytes = sum(draft.size() for draft in kept)
        self._chains = StateChains(self._chains.make)

    def _reopen(self) -> None:
        self.log, self._closed = self.log.open_again(), False
        _open_writers.add(self)

    def _count(self, row: FrameRow) -> None:
        totals = self._totals
        totals.frames += 1
        if row.status == "error":
            totals.errors += 1
        if row.parent is None:
            totals.latency_ms += row.latency_ms
        if row.tokens:
            totals.tokens += row.tokens
        if row.cost_usd is not None:
            self._cost = (self._cost or Decimal(0)) + Decimal(str(row.cost_usd))

    def _trouble(self, problem: str, problems: list[str] | None = None) -> None:
        kept = self._problems if problems is None else problems
        kept.append(problem)
        del kept[:-100]
        if not self._warned:
            self._warned = True
            warn_recording(f"{problem}. The agent goes on; save() will report what is missing")

    def _sync_later(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            _flusher.soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self.sync()

    def sync(self) -> None:
        """Have all that was written on the disk, or note that it may not be."""
        with self._sync_lock:
            if self._closed:
                return
            try:
                self._blobs.sync()
                self.log.sync()
            except OSError as problem:
                self._problems.append(f"fsync: {problem.strerror or problem} ({self.log.path})")

    def save(self, *, status: str | None = None) -> Totals:
        """Finish the recording with its ``end`` line, on the disk; more frames may follow, and another `save`.

        In a signal handler that interrupted the recording of a frame it takes effect after that frame.

        Args:
            status: How it ended; by default as its last run did.

        Raises:
            RecordingError: If frames were lost, still wait, or may not have reached the disk.
        """
        with self._lock:
            self._do(self._finish, status or self.status, self.sync)
            if self._closed or self._busy:
                return self._totals
            problems, self._problems, self._refusals = [*self._problems, *self._refusals], [], []
            self._warned = False
            if problems or self._waiting or self._totals.lost:
                raise RecordingError(self.log.path, problems, lost=self._totals.lost, waiting=len(self._waiting))
        return self._totals

    def finish(self, status: str, failed_at: int | None = None) -> None:
        """Write the ``end`` line as frames are written: soon on the disk, and what goes wrong is told by `save`.

        Args:
            status: How the run ended.
            failed_at: The frame of the step whose exception ended it.
        """
        self.status, self._totals.failed_at = status, failed_at
        self._do(self._finish, status, self.sync if self._durability == "fsync" else self._sync_later)

    def _finish(self, status: str, sync: Callable[[], None]) -> None:
        if self._closed:
            return
        try:
            self._drain()
            if not self.log.ended or self._totals.status != status:
                self._end(status)
        except OSError as problem:
            self._trouble(self._tell_refusal(problem), self._refusals)
        sync()

    def _end(self, status: str) -> None:
        totals = self._totals
        totals.status = status
        totals.ended_at = self._clock.timestamp()
        totals.cost_usd = None if self._cost is None else float(self._cost)

        def body(index: int) -> bytes:
            whole = totals
            if index != totals.frames:  # others wrote frames of this session, or some were lost
                whole = read_totals(self.log.path)
                whole.status, whole.failed_at = totals.status, totals.failed_at
                whole.ended_at, whole.lost = totals.ended_at, totals.lost
            return line_body("end", whole)

        self.log.append(body)

    def close(self) -> None:
        """Give the file back without an end line; frames written later open it again."""
        with self._lock, self._sync_lock:
            if not self._closed:
                self._closed = True
                self.log.close()
        _open_writers.discard(self)


_open_writers: weakref.WeakSet[SessionWriter] = weakref.WeakSet()


def _new_locks_after_fork() -> None:
    """A child process may inherit locks held by threads that it does not have."""
    global _flusher  # the child's own; the parent's thread and lock did not come along
    _flusher = Flusher()
    for writer in list(_open_writers):
        writer._lock = threading.RLock()  # pyright: ignore[reportPrivateUsage]  # same module
        writer._sync_lock = threading.RLock()  # pyright: ignore[reportPrivateUsage]
        writer._flush_due = False  # pyright: ignore[reportPrivateUsage]
        writer.log.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_locks_after_fork)
