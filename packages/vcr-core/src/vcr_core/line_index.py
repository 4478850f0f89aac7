"""Where the lines of a recording begin, found once and kept beside it.

An index holds positions only, nothing of what a line says.  It is a cache: it is used only if it agrees with the file
(the hash of the last indexed line stands where it says), and may be deleted at any time.
"""

from __future__ import annotations

import os
import secrets
from array import array
from itertools import accumulate, repeat
from pathlib import Path

import msgspec

from vcr_core.wire_format import END_START, FRAME_START, unseal

DIRECTORY = ".index"
OTHER, FRAME, END, DAMAGED = 0, 1, 2, 3
_START = b'{"type":"'


class _Stored(msgspec.Struct):
    version: int
    end: int
    seal: str
    starts: bytes
    kinds: bytes


def _kind_of(line: bytes) -> int:
    if line.startswith(FRAME_START):
        return FRAME
    if not line.startswith(_START):
        return DAMAGED
    return END if line.startswith(END_START) else OTHER


def _length_with_newline(line: bytes) -> int:
    return len(line) + 1


class LineIndex:
    """The complete lines of one file, in order.

    Attributes:
        starts: Offset of each line.
        kinds: What each line is: a frame, an end, damaged, or other.
        end: Offset behind the last complete line.
    """

    def __init__(self) -> None:
        self.starts = array("Q")
        self.kinds = bytearray()
        self.end = 0
        self._last = b""

    def __len__(self) -> int:
        return len(self.starts)

    def span(self, number: int) -> tuple[int, int]:
        """Return the offsets of a line's begin and of its newline."""
        begin = self.starts[number]
        following = self.starts[number + 1] if number + 1 < len(self.starts) else self.end
        return begin, following - 1

    def extend(self, block: bytes) -> bytes:
        """Add the complete lines of `block`, which follows what is indexed; return the rest of it."""
        *lines, rest = block.split(b"\n")
        if lines:
            # The steps of a loop over lines are taken in C: a large file is mostly this.
            *starts, self.end = accumulate(map(_length_with_newline, lines), initial=self.end)
            self.starts.extend(starts)
            if all(map(bytes.startswith, lines, repeat(FRAME_START))):
                self.kinds.extend(bytes([FRAME]) * len(lines))
            else:
                self.kinds.extend(map(_kind_of, lines))
            self._last = lines[-1][-64:]
        return rest

    def save(self, path: Path) -> None:
        """Keep the index beside the file; a directory that cannot be written is no error, the index is a cache."""
        opened = unseal(self._last)
        if opened is None:
            return
        stored = _Stored(1, self.end, opened[1], self.starts.tobytes(), bytes(self.kinds))
        target = index_path(path)
        passing = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            passing.write_bytes(msgspec.msgpack.encode(stored))
            passing.replace(target)
        except OSError:
            passing.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path, descriptor: int) -> LineIndex:
        """Return the kept index of the open file if it agrees with it, else an empty one."""
        index = cls()
        try:
            stored = msgspec.msgpack.decode(index_path(path).read_bytes(), type=_Stored)
        except (OSError, msgspec.DecodeError):
            return index
        tail = os.pread(descriptor, 64, max(0, stored.end - 65)) if stored.end else b""
        opened = unseal(tail)
        if stored.version == 1 and opened is not None and opened[1] == stored.seal:
            index.starts.frombytes(stored.starts)
            index.kinds.extend(stored.kinds)
            index.end, index._last = stored.end, tail
        return index


def index_path(path: Path) -> Path:
    """Return where the index of a recording is kept."""
    return path.parent / DIRECTORY / f"{path.name}.idx"
