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
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vcr_core.log_file import LogFile
from vcr_core.wire_format import FORMAT
from vcr_langgraph.checkpoint_values import encode, from_line, to_line

Typed = tuple[str, bytes]
_PREFIX = b'{"type":"checkpoint:'


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
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.threads: dict[str, dict[str, Namespace]] = {}
        self.blobs: dict[tuple[str, str, str, Any], Typed] = {}
        self.writes: dict[tuple[str, str, str], dict[tuple[str, int], Write]] = {}
        self.lock = threading.RLock()
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
                if line.startswith(_PREFIX):
                    found = _decode_line(line)
                    self._apply(found.type.partition(":")[2], msgspec.json.decode(found.data, type=list[msgspec.Raw]))
            self._read_to += len(whole) + 1

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
        self.threads.setdefault(thread, {}).setdefault(namespace, {})[checkpoint_id] = stored
        for entry in msgspec.json.decode(fields[7], type=list[list[msgspec.Raw]]):
            self.blobs[thread, namespace, _plain(entry[0]), _plain(entry[1])] = _typed(entry[2])

    def _apply_writes(self, fields: list[msgspec.Raw]) -> None:
        thread, namespace, checkpoint_id, task, path = (_plain(field) for field in fields[:5])
        known = self.writes.setdefault((thread, namespace, checkpoint_id), {})
        for entry in msgspec.json.decode(fields[5], type=list[list[msgspec.Raw]]):
            number, channel = _plain(entry[0]), _plain(entry[1])
            if number < 0 or (task, number) not in known:
                known[task, number] = Write(task, channel, _typed(entry[2]), path)

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
