"""One self-contained file of a recording: states of its parent and blobs inside it, every line sealed anew.

What it holds is equal, frame by frame, to what the recording holds; that is checked before the file gets its name.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.delta import Delta
from vcr_core.errors import VcrError
from vcr_core.exporters.inlining import blob_hashes, inline_blobs
from vcr_core.frames import CALLS, Frame, FrameMetadata
from vcr_core.legacy import LegacyFile
from vcr_core.log_file import LogFile
from vcr_core.player import VCRPlayer
from vcr_core.session_writer import FrameStyle, SessionWriter
from vcr_core.snapshot import Probe
from vcr_core.value_encoder import ValueEncoder
from vcr_core.values import to_wire
from vcr_core.verify import verify_file
from vcr_core.wire_format import END_START, FORMAT, FRAME_START, decode_line, encode, line_body, unseal

T = TypeVar("T")


class PackError(VcrError):
    """A recording that could not be packed; no file was made.

    Attributes:
        path: The recording.
        reason: Why not.
    """

    def __init__(self, path: object, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} could not be packed: {reason}")


class PackReport(msgspec.Struct):
    """What was packed.

    Attributes:
        path: The new file.
        frames: Frames in it; all were read back and compared.
        foreign_frames: Those whose states stood in another recording.
        blobs: Large values that stood in files of their own.
        size: Bytes of the new file.
    """

    path: str
    frames: int
    foreign_frames: int
    blobs: int
    size: int


class _WireEncoder(ValueEncoder):
    """Encodes what is in wire form already."""

    def __init__(self) -> None:
        super().__init__(redactor=None, blobs=None)

    def encode(self, value: Any) -> bytes:
        return encode(value)

    def encode_probed(self, value: Any, probe: Probe) -> bytes:
        return encode(value)

    def encode_ops(self, delta: Delta, probe: Probe) -> bytes | None:
        return encode(delta.ops)

    def measure(self, value: Any, *, plain: bool) -> int:
        return len(encode(value))


def _no_watch(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    yield from items


def pack_session(
    player: VCRPlayer, target: Path, *, watch: Callable[[Iterable[int], int, str], Iterator[int]] = _no_watch
) -> PackReport:
    """Write a recording as one file that needs no other, and check it.

    Args:
        player: The recording.
        target: The new file; it is complete under this name or not there.
        watch: Called with the frames to come, their number and what is done with them; yields them on.

    Raises:
        FileExistsError: If `target` exists.
        PackError: If the new file does not hold what the recording holds.
        VcrError: If a state or blob of the recording cannot be read.
    """
    if target.exists():
        raise FileExistsError(17, "the file exists already", str(target))
    passing = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        report = _Packing(player, passing).run(watch)
        _check(player, passing, watch)
        passing.replace(target)
    finally:
        passing.unlink(missing_ok=True)
    report.path = str(target)
    return report


class _Packing:
    """One recording on its way into one file."""

    def __init__(self, player: VCRPlayer, path: Path) -> None:
        self._player = player
        self._blobs = BlobStore(player.path.parent)
        self._path = path
        self._inlined: set[str] = set()
        self._foreign = 0

    def run(self, watch: Callable[[Iterable[int], int, str], Iterator[int]]) -> PackReport:
        player = self._player
        info = msgspec.structs.replace(player.session, format=FORMAT, keyed=False)
        first = line_body("session", self._inline(to_wire(msgspec.to_builtins(info))))
        log = LogFile.create(self._path, first)
        writer = SessionWriter(log, blobs=self._blobs, encoder=_WireEncoder())
        try:
            frames = watch(range(len(player)), len(player), "packing: frame")
            for body in self._bodies():
                if body is None:
                    self._frame(writer, next(frames))
                else:
                    _append(log, body)
            log.sync()
        finally:
            writer.close()
        size = self._path.stat().st_size
        return PackReport(str(self._path), len(player), self._foreign, len(self._inlined), size)

    def _bodies(self) -> Iterator[bytes | None]:
        """Yield the lines after the first: None for a frame, the unsealed line for any other."""
        if isinstance(self._player.source, LegacyFile):
            yield from (None for _ in range(len(self._player)))
            return
        with self._player.path.open("rb") as file:
            next(file)
            for line in file:
                if line.startswith(FRAME_START):
                    yield None
                elif (opened := unseal(line)) is not None:
                    yield self._other(line, opened[0])

    def _other(self, line: bytes, body: bytes) -> bytes:
        if b'"$vcr":"blob"' not in line or line.startswith(END_START):
            return body
        decoded = decode_line(line)
        return line_body(decoded.type, self._inline(msgspec.json.decode(decoded.data)))

    def _inline(self, wire: Any) -> Any:
        self._inlined.update(blob_hashes(wire))
        return inline_blobs(wire, self._blobs.get)

    def _frame(self, writer: SessionWriter, index: int) -> None:
        player = self._player
        states, _ = player.source.states(index)
        self._foreign += states.tape is not None
        body, row = player.body(index), player.source.row(index)
        before = self._inline(player.wire_state(index, "input"))
        after = self._inline(player.wire_state(index))
        style: FrameStyle = "call" if row.kind in CALLS else "state"
        error = (
            None
            if body.error is None
            else msgspec.convert(self._inline(msgspec.to_builtins(body.error)), type(body.error))
        )
        metadata = FrameMetadata(custom=self._inline(body.metadata))
        writer.write(
            Frame(row, metadata, before, before if after == before else after, error),
            style,
            extra=None if body.returned is None else {"returned": body.returned},
            mutated=self._inline(player.wire_mutated(index)),
        )


def _append(log: LogFile, body: bytes) -> None:
    log.append(lambda _index: body)


def _check(player: VCRPlayer, path: Path, watch: Callable[[Iterable[int], int, str], Iterator[int]]) -> None:
    report = verify_file(path, finished=False)
    if not report.ok:
        raise PackError(player.path, f"the new file does not verify ({report.problems[0].message})")
    read_blob = BlobStore(player.path.parent).get
    packed = VCRPlayer.load(path)
    try:
        if len(packed) != len(player):
            raise PackError(player.path, f"the new file has {len(packed)} frames instead of {len(player)}")
        for index in watch(range(len(player)), len(player), "checking: frame"):
            for part in ("input", "output"):
                before = inline_blobs(player.wire_state(index, "input" if part == "input" else "output"), read_blob)
                after = packed.wire_state(index, "input" if part == "input" else "output")
                if encode(before) != encode(after) and not _equal(before, after):
                    raise PackError(player.path, f"the {part} of frame {index} reads back differently")
    finally:
        packed.close()


def _equal(a: Any, b: Any) -> bool:
    from vcr_core.diff import exact_equal  # noqa: PLC0415  # only where the order of keys differs

    return exact_equal(a, b)
