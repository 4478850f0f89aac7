"""The player: goes to any step of a recording and shows the state there, lazily."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vcr_core import diff as structural
from vcr_core.blobs import BlobStore
from vcr_core.errors import VcrError
from vcr_core.frames import Frame, FrameMetadata, FrameRow, SessionInfo, Totals
from vcr_core.json_pointer import parse
from vcr_core.lazy_sequence import LazySequence, check_index
from vcr_core.legacy import LegacyFile, is_legacy
from vcr_core.session_file import SessionFile, SessionSource
from vcr_core.state_reader import Part, StateReader, apply_stored, expand
from vcr_core.store import Store
from vcr_core.totals import sum_rows
from vcr_core.values import Allowed, Decoder, to_wire
from vcr_core.verify import VerifyReport, verify_file
from vcr_core.wire_format import FormatError, FrameBody, FrameStates

if TYPE_CHECKING:
    from vcr_core.engine.plan import ResumeConfig


class CheckpointNotFoundError(VcrError, KeyError):
    """There is no checkpoint of that name.

    Attributes:
        label: What was asked for.
        known: The labels there are.
    """

    def __init__(self, label: str, known: list[str]) -> None:
        self.label = label
        self.known = known
        super().__init__(f"no checkpoint {label!r}; there are: {', '.join(known) or 'none'}")

    def __str__(self) -> str:
        return str(self.args[0])


class VCRPlayer:
    """A recording, open for looking.

    Opening finds the lines; a state is put together when it is asked for, in time bounded by its own size.  What a
    player returns is the caller's own: changing it changes nothing here or on disk.

    Attributes:
        source: What is read from.
        path: The file.
    """

    def __init__(
        self,
        source: SessionSource,
        *,
        allow: Iterable[str | type] | Allowed = (),
        integrity_key: bytes = b"",
    ) -> None:
        self.source = source
        self.path = source.path
        self._allowed = allow if isinstance(allow, Allowed) else Allowed(allow)
        self._key = integrity_key
        self._read_blob = BlobStore(self.path.parent).get
        self._decoder = Decoder(self._allowed, read_blob=self._read_blob)
        self._reader = StateReader(source, open_parent=self._open_parent)
        self._parents: dict[str, StateReader] = {}

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, allow: Iterable[str | type] | Allowed = (), integrity_key: bytes = b""
    ) -> VCRPlayer:
        """Open a recording of this or an older format.

        Args:
            path: The file.
            allow: Classes, ``module:Class`` or ``module:*`` that may be restored; see `vcr_core.values.Allowed`.
            integrity_key: Key of the chain of hashes, for `verify`.

        Raises:
            FileNotFoundError: If there is no such file.
            FormatError: If it is not a recording, or of a newer major format.
        """
        path = Path(path)
        return cls(open_source(path), allow=allow, integrity_key=integrity_key)

    @classmethod
    def load_by_id(
        cls, session_id: str, vcr_dir: str | os.PathLike[str] = ".vcr", *, allow: Iterable[str | type] | Allowed = ()
    ) -> VCRPlayer:
        """Open the latest take of a session of a directory, or the take that is named (``my_run~2``).

        Raises:
            SessionNotFoundError: If there is none.
        """
        return cls.load(Store(vcr_dir).path(session_id), allow=allow)

    def _open_parent(self, session_id: str) -> StateReader:
        reader = self._parents.get(session_id)
        if reader is None:
            source = open_source(Store(self.path.parent).exact(session_id))
            reader = self._parents[session_id] = StateReader(source, open_parent=self._open_parent)
        return reader

    @property
    def session(self) -> SessionInfo:
        """The first line of the recording."""
        return self.source.info

    @property
    def name(self) -> str:
        """The name under which `load_by_id` finds this recording: the file's name without its suffix."""
        return self.path.stem

    @property
    def end(self) -> Totals | None:
        """The totals of a finished recording; None while it goes on, or if it died."""
        return self.source.end

    @property
    def torn(self) -> bytes:
        """A torn line at the end, left by a writer that died; it is no frame."""
        return self.source.torn

    @property
    def damage(self) -> list[str]:
        """What is wrong with the file as far as it was read; `verify` looks at every byte."""
        return self.source.damage

    @property
    def frames(self) -> Sequence[Frame]:
        """The frames, each read when it is asked for."""
        return LazySequence(self.__len__, self.get_frame, self.path)

    @property
    def rows(self) -> Sequence[FrameRow]:
        """The small fields of the frames; no state is read for them."""
        return LazySequence(self.__len__, self.source.row, self.path, self.source.rows)

    def __len__(self) -> int:
        return len(self.source)

    def refresh(self) -> int:
        """Take in what was recorded since; return the number of new frames."""
        before = len(self)
        new = self.source.refresh()
        if len(self) != before + new:
            self._reader.forget()
        return new

    def follow(self, *, interval: float = 0.05, timeout: float | None = None) -> Iterator[Frame]:
        """Yield the frames that are there, then each new one as it is recorded, until the recording is finished.

        Args:
            interval: Seconds between two looks at the file.
            timeout: Stop after so many seconds without a new frame; None waits for ever.
        """
        at, idle_since = 0, time.monotonic()
        while True:
            # Taken before the look, so that the file is looked at once more when the time is over.
            over = timeout is not None and time.monotonic() - idle_since > timeout
            self.refresh()
            while at < len(self):
                yield self.get_frame(at)
                at, idle_since, over = at + 1, time.monotonic(), False
            if over or self.end is not None:
                return
            time.sleep(interval)

    def raw_line(self, index: int) -> bytes:
        """Return the bytes of a frame's line, without its newline."""
        return self.source.line(self._check(index))

    def list_nodes(self) -> list[str]:
        """Return the names of the steps, in the order of their first frame."""
        return list(dict.fromkeys(row.node_name for row in self.rows))

    def get_errors(self) -> list[Frame]:
        """Return the frames whose step failed."""
        return [self.get_frame(row.index) for row in self.rows if row.status == "error"]

    def list_checkpoints(self) -> list[dict[str, Any]]:
        """Return the checkpoints in order, each as ``{"label", "index", "timestamp"}``."""
        return [
            {"label": row.label, "index": row.index, "timestamp": row.timestamp}
            for row in self.rows
            if row.kind == "checkpoint"
        ]

    def get_total_latency(self) -> float:
        """Return the time of all steps in milliseconds; steps inside others are part of those."""
        return self.totals().latency_ms

    def get_total_tokens(self) -> int:
        """Return the sum of the known tokens."""
        return self.totals().tokens

    def get_total_cost(self) -> float | None:
        """Return the sum of the known costs in US dollars, or None if no cost is known."""
        return self.totals().cost_usd

    def get_exact_cost(self) -> Decimal | None:
        """Return the sum of the known costs, exact, or None if no cost is known."""
        costs = [Decimal(str(row.cost_usd)) for row in self.rows if row.cost_usd is not None]
        return sum(costs, Decimal(0)) if costs else None

    def totals(self) -> Totals:
        """Return what the frames add up to: as recorded at the end, else added up now."""
        return self.end or sum_rows(self.rows)

    def verify(self, *, finished: bool = True) -> VerifyReport:
        """Check every line of the file against the chain of hashes; `finished` also asks for an ``end`` line."""
        if isinstance(self.source, LegacyFile):
            raise FormatError("recordings of ai-agent-vcr 1.x carry no hashes to verify", path=self.path)
        return verify_file(self.path, key=self._key, finished=finished)

    verify_integrity = verify  # the name it had in ai-agent-vcr 1.x

    def _check(self, index: int) -> int:
        count = len(self.source)
        return index if 0 <= index < count else check_index(self.path, index, count)

    def state(self, index: int, part: Part = "output") -> Any:
        """Return the output or the input of a frame, its types restored as far as allowed."""
        wire, tagged = self._reader.read(self._check(index), part)
        return self._decoder.decode(wire) if tagged else wire

    def wire_state(self, index: int, part: Part = "output") -> Any:
        """Return a state in wire form: JSON-able, typed values as tags."""
        return self._reader.read(self._check(index), part)[0]

    def wire_mutated(self, index: int) -> dict[str, Any]:
        """Return, in wire form, the arguments that a step changed in place, by name; "" stands for its whole input."""
        states = self.written_states(index)
        if states.mutated_patch is None:
            return states.mutated or {}
        after = apply_stored(self.wire_state(index, "input"), states.mutated_patch, self._read_blob)
        if self.source.row(self._check(index)).call == "state":
            return {"": after}
        names = dict.fromkeys(parse(operation["path"])[0] for operation in states.mutated_patch)
        return {name: after[name] for name in names}

    def expand(self, wire: Any) -> Any:
        """Return what a run was called with, or returned, as the wire value it is; a line may lean on states.

        Raises:
            VcrError: If a state that it leans on cannot be read.
        """
        try:
            return expand(wire, self.wire_state, self._read_blob)
        except (LookupError, TypeError, AttributeError) as error:
            raise FormatError(f"a line leans on a state and does not fit it: {error}", path=self.path) from error

    def decode(self, wire: Any) -> Any:
        """Restore a wire value as this player restores states."""
        return self._decoder.decode(wire)

    def body(self, index: int) -> FrameBody:
        """Return metadata, error and states of a frame as they are written; of one served from a tape, those there.

        Raises:
            FrameIndexError: If there is no such frame.
            VcrError: If its line, or the recording it was served from, cannot be read.
        """
        source, at = self._reader.home(self._check(index))
        return source.body(at)

    def written_states(self, index: int) -> FrameStates:
        """Return the states of a frame as they are written, as `body`; they are not to be changed."""
        return self._reader.written(self._check(index))

    def goto_frame(self, index: int) -> Any:
        """Return the state after a frame.

        Raises:
            FrameIndexError: If there is no such frame.
            DamagedFrameError: If its line cannot be decoded.
        """
        return self.state(index)

    def get_input_state(self, index: int) -> Any:
        """Return the state before a frame."""
        return self.state(index, "input")

    def get_frame(self, index: int) -> Frame:
        """Return a frame with its states."""
        index = self._check(index)
        body, row = self.body(index), self.source.row(index)
        metadata = FrameMetadata(
            model=row.model,
            latency_ms=row.latency_ms,
            tokens_used=row.tokens,
            tokens_input=row.tokens_input,
            tokens_output=row.tokens_output,
            cost_usd=row.cost_usd,
            error_type=row.error_type,
            error_message=row.error_message,
            custom=self._decoder.decode(body.metadata),
        )
        return Frame(row, metadata, self.state(index, "input"), self.state(index, "output"), body.error)

    def goto_checkpoint(self, label: str) -> Any:
        """Return the state of the last checkpoint of that name.

        Raises:
            CheckpointNotFoundError: If there is none.
        """
        return self.goto_frame(self.find_checkpoint(label))

    def find_checkpoint(self, label: str) -> int:
        """Return the index of the last checkpoint of that name.

        Raises:
            CheckpointNotFoundError: If there is none.
        """
        checkpoints = self.list_checkpoints()
        for checkpoint in reversed(checkpoints):
            if checkpoint["label"] == label:
                return int(checkpoint["index"])
        raise CheckpointNotFoundError(label, [str(checkpoint["label"]) for checkpoint in checkpoints])

    def compare_frames(self, a: int, b: int) -> dict[str, dict[str, Any]]:
        """Return what differs between the states after two frames, by JSON pointer.

        Returns:
            ``{"added": {pointer: value}, "removed": {pointer: value}, "modified": {pointer: {"old", "new"}}}``
        """
        return structural.summarize(structural.diff(self.wire_state(a), self.wire_state(b)))

    def blame(self, pointer: str, *, before: int | None = None) -> list[Frame]:
        """Return the frames whose step changed the value at a JSON pointer, newest first.

        The first one gave the value that stands there last (or before the frame `before`).

        Args:
            pointer: RFC 6901, such as ``/plan/steps/0``.
            before: Look at the frames before this one only.
        """
        from vcr_core.blame import find_changes  # noqa: PLC0415  # most who look do not ask who it was

        last = None if before is None else self._check(before)
        return [self.get_frame(change.frame) for change in find_changes(self, pointer, before=last)][::-1]

    def resume(self, agent: Any, config: ResumeConfig | None = None) -> str:
        """Run the recorded run again up to the cut from the tape, and live from there on, into a new session.

        Args:
            agent: The agent that was recorded, perhaps mended; or another callable, which is called with the state
                before the cut.
            config: Where to cut, and what to change; see `vcr_core.ResumeConfig`.  Without one, the run goes on where
                it ended or failed.

        Returns:
            The id of the new session.  This recording stays as it is.

        Raises:
            DivergenceError: If the agent takes other steps before the cut than were recorded; nothing ran live.
            Exception: What the agent raises; the new session holds it.
        """
        from vcr_core.engine.resume import raise_failure, run_again  # noqa: PLC0415  # looking needs no engine

        return raise_failure(run_again(self, agent, config))

    async def aresume(self, agent: Any, config: ResumeConfig | None = None) -> str:
        """As `resume`, in the running event loop."""
        from vcr_core.engine.resume import arun_again, raise_failure  # noqa: PLC0415  # looking needs no engine

        return raise_failure(await arun_again(self, agent, config))

    def to_dict(self) -> dict[str, Any]:
        """Return the whole recording as JSON-able data; it reads every state."""
        frames = [
            {
                **msgspec.to_builtins(row),
                "metadata": self.body(row.index).metadata,
                "input_state": self.wire_state(row.index, "input"),
                "output_state": self.wire_state(row.index),
            }
            for row in self.rows
        ]
        return {"session": to_wire(msgspec.to_builtins(self.session)), "frames": frames}

    def close(self) -> None:
        """Give the file back."""
        self.source.close()
        for reader in self._parents.values():
            reader.source.close()


def open_source(path: Path) -> SessionSource:
    """Open a recording of this format or of the predecessor's.

    Raises:
        FileNotFoundError: If there is no such file.
        FormatError: If it is neither.
    """
    with path.open("rb") as file:
        first = file.readline(16 << 20)
    return LegacyFile(path) if is_legacy(first) else SessionFile(path)
