"""The checkpoints of a file: its sealed lines, and what they add up to.

Each change is one line, ``{"type":"checkpoint:<kind>","data":[…]}``, appended to a recording as `vcr_core` writes them:
whole or not at all, sealed into the chain of hashes, safe against other processes that append.  What other processes
appended is taken in before each read.  What the values mean is not known here.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import datetime
import os
import threading
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vcr_core.errors import VcrError
from vcr_core.log_file import LogFile
from vcr_core.wire_format import FORMAT
from vcr_langgraph.checkpoint_values import encode, from_line, to_line

Typed = tuple[str, bytes]
_PREFIX = b'{"type":"checkpoint:'
_ANY_PREFIX = b'{"type":"'


class DamagedCheckpointWarning(UserWarning):
    """A file of checkpoints has lines that cannot be read; all others are there."""


class DamagedCheckpointError(VcrError):
    """A checkpoint needs a value that stood in a line that cannot be read.

    Attributes:
        path: The file.
        thread: The thread.
        checkpoint: The id of the checkpoint.
        part: The channel whose value is lost, or ``checkpoint`` or ``metadata``.
    """

    def __init__(self, path: Path, thread: str, checkpoint: str, part: str) -> None:
        self.path = path
        self.thread = thread
        self.checkpoint = checkpoint
        self.part = part
        super().__init__(
            f"checkpoint {checkpoint} of thread {thread!r} in {path} cannot be read: {part!r} stood in a damaged "
            f"line. `vcr verify {path}` names it; other checkpoints can be named by their ids."
        )


class Stored(NamedTuple):
    """One checkpoint: serialized but for its channels' versions.

    Attributes:
        checkpoint: The checkpoint without its values.
        metadata: Its metadata.
        parent: Id of the one before it.
        run_id: The run that made it.
    """

    checkpoint: Typed
    metadata: Typed
    parent: str | None
    run_id: str | None


class Write(NamedTuple):
    """One pending write of a task."""

    task: str
    channel: str
    value: Typed
    path: str


class _Line(msgspec.Struct):
    type: str
    data: msgspec.Raw


Namespace = dict[str, Stored]
_decode_line = msgspec.json.Decoder(_Line).decode


class CheckpointLog:
    """Checkpoints, blobs and writes of a file, in memory and appended to.

    Args:
        path: The file; made if it does not exist.

    Attributes:
        threads: Checkpoints by thread, namespace and id.
        blobs: Values of channels by thread, namespace, channel and version.
        writes: Pending writes by thread, namespace and checkpoint, each by task and number.
        lock: Held around every use.
        damaged: True if there was a line that could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.threads: dict[str, dict[str, Namespace]] = {}
        self.blobs: dict[tuple[str, str, str, Any], Typed] = {}
        self.writes: dict[tuple[str, str, str], dict[tuple[str, int], Write]] = {}
        self.lock = threading.RLock()
        self.damaged = False
        self._read_to = 0
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._log = LogFile.create(path, _first_line(path))
        except FileExistsError:
            self._log = LogFile.open(path)
        self._descriptor = os.open(path, os.O_RDONLY)
        self.refresh()

    def refresh(self) -> None:
        """Take in what was appended since."""
        size = os.fstat(self._descriptor).st_size
        while self._read_to < size:
            block = os.pread(self._descriptor, size - self._read_to, self._read_to)
            whole, newline, _torn = block.rpartition(b"\n")
            if not newline:
                return
            for line in whole.split(b"\n"):
                try:
                    self._take_in(line)
                except (msgspec.DecodeError, ValueError, TypeError) as error:
                    self._tell_damage(error)
            self._read_to += len(whole) + 1

    def _take_in(self, line: bytes) -> None:
        if not line.startswith(_ANY_PREFIX):
            raise ValueError("it does not begin as a line does")
        if line.startswith(_PREFIX):
            found = _decode_line(line)
            self._apply(found.type.partition(":")[2], msgspec.json.decode(found.data, type=list[msgspec.Raw]))

    def _tell_damage(self, error: Exception) -> None:
        """Go on without a line that cannot be read; told once for each file that is opened."""
        if not self.damaged:
            self.damaged = True
            warnings.warn(
                f"{self.path} has a line that cannot be read ({error}); what it held is left out, and a checkpoint "
                f"that needs it raises DamagedCheckpointError. `vcr verify {self.path}` names every such line.",
                DamagedCheckpointWarning,
                stacklevel=2,
            )

    def append(self, kind: str, *fields: Any) -> None:
        """Write one change; it is in memory once it is written."""
        body = b'{"type":"checkpoint:%b","data":%b' % (kind.encode(), encode(fields))
        self._log.append(lambda _index: body)
        self.refresh()

    def _apply(self, kind: str, fields: list[msgspec.Raw]) -> None:
        getattr(self, f"_apply_{kind}", self._skip)(fields)

    def _skip(self, fields: list[msgspec.Raw]) -> None:
        """Lines of kinds that a later version writes are kept and skipped."""

    def _apply_put(self, fields: list[msgspec.Raw]) -> None:
        thread, namespace, checkpoint_id, parent, run_id = (_plain(field) for field in fields[:5])
        stored = Stored(_typed(fields[5]), _typed(fields[6]), parent, run_id)
        entries = msgspec.json.decode(fields[7], type=list[tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw]])
        blobs = {(thread, namespace, _plain(channel), _plain(n)): _typed(value) for channel, n, value in entries}
        self.threads.setdefault(thread, {}).setdefault(namespace, {})[checkpoint_id] = stored
        self.blobs.update(blobs)

    def _apply_writes(self, fields: list[msgspec.Raw]) -> None:
        thread, namespace, checkpoint_id, task, path = (_plain(field) for field in fields[:5])
        entries = msgspec.json.decode(fields[5], type=list[tuple[int, str, msgspec.Raw]])
        writes = {(task, number): Write(task, channel, _typed(value), path) for number, channel, value in entries}
        known = self.writes.setdefault((thread, namespace, checkpoint_id), {})
        known.update({place: write for place, write in writes.items() if place[1] < 0 or place not in known})

    def _apply_drop(self, fields: list[msgspec.Raw]) -> None:
        thread, namespace, checkpoint_id = (_plain(field) for field in fields)
        self.threads.get(thread, {}).get(namespace, {}).pop(checkpoint_id, None)
        self.writes.pop((thread, namespace, checkpoint_id), None)

    def _apply_forget(self, fields: list[msgspec.Raw]) -> None:
        thread = _plain(fields[0])
        self.threads.pop(thread, None)
        self.writes = {key: value for key, value in self.writes.items() if key[0] != thread}
        self.blobs = {key: value for key, value in self.blobs.items() if key[0] != thread}

    def sync(self) -> None:
        """Return once all that was appended is on the disk."""
        self._log.sync()

    def close(self) -> None:
        """Give the file back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._log.close()


def put_fields(key: tuple[str, str, str], stored: Stored, blobs: list[tuple[str, Any, Typed]]) -> list[Any]:
    """Return the fields of a ``put`` line."""
    values = [[channel, version, to_line(value)] for channel, version, value in blobs]
    head = [*key, stored.parent, stored.run_id]
    return [*head, to_line(stored.checkpoint), to_line(stored.metadata), values]


def write_fields(key: tuple[str, str, str], task: str, path: str, writes: list[tuple[int, str, Typed]]) -> list[Any]:
    """Return the fields of a ``writes`` line."""
    return [*key, task, path, [[number, channel, to_line(value)] for number, channel, value in writes]]


def _plain(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw)


def _typed(raw: msgspec.Raw) -> Typed:
    kind, content = msgspec.json.decode(raw, type=tuple[str, msgspec.Raw])
    return from_line(kind, content)


def _first_line(path: Path) -> bytes:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    created = now.replace("+00:00", "Z")
    info = {"session_id": path.stem, "format": FORMAT, "created_at": created, "tags": ["checkpoints"]}
    return b'{"type":"session","data":%b' % encode(info)
