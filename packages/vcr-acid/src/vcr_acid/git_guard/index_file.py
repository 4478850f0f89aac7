"""git's index file: reading it, and writing a changed copy of one.

Versions 2 to 4, SHA-1 and SHA-256. Entries keep their stat bytes untouched. A split or sparse index is reported as
unsupported; nothing here decides *what* to change.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_FIXED = 40
_EXTENDED = 0x4000
#: Among the extended flags of an entry: ``git add -N`` announced the file, nothing of it is staged.
INTENT_TO_ADD = 0x2000


class IndexUnsupported(ValueError):
    """The index uses a feature that cannot be rewritten safely."""


class IndexEntry(NamedTuple):
    """One entry: path, stage, 40 bytes of stat data, object id, flag words."""

    path: bytes
    stage: int
    stat: bytes
    object_id: bytes
    flags: int
    extended: int

    @property
    def mode(self) -> int:
        """The git mode."""
        return int(struct.unpack_from(">I", self.stat, 24)[0])


@dataclass
class IndexFile:
    """A parsed index. ``complete`` is False for a split or sparse index."""

    version: int
    entries: list[IndexEntry]
    complete: bool = True
    extensions: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])


def _read_compressed_name(data: bytes, position: int, previous: bytes) -> tuple[bytes, int]:
    """A name of version 4: how many bytes of the previous name to drop, and what to put there instead."""
    byte = data[position]
    position += 1
    strip = byte & 0x7F
    while byte & 0x80:
        byte = data[position]
        position += 1
        strip = ((strip + 1) << 7) | (byte & 0x7F)
    end = data.index(b"\0", position)
    return previous[: len(previous) - strip] + data[position:end], end + 1


def parse_index(data: bytes, id_length: int = 20) -> IndexFile:
    """Parse the bytes of an index.

    Raises:
        ValueError: Not an index this can read.
    """
    if data[:4] != b"DIRC":
        raise ValueError("not an index file")
    version, count = struct.unpack_from(">II", data, 4)
    if version not in (2, 3, 4):
        raise ValueError(f"index version {version}")
    position = 12
    entries: list[IndexEntry] = []
    name = b""
    read_flags = struct.Struct(">H").unpack_from
    for _ in range(count):
        start = position
        stat = data[start : start + _FIXED]
        object_id = data[start + _FIXED : start + _FIXED + id_length]
        position = start + _FIXED + id_length
        flags = read_flags(data, position)[0]
        position += 2
        extended = 0
        if flags & _EXTENDED:
            extended = read_flags(data, position)[0]
            position += 2
        if version < 4:
            end = data.index(b"\0", position)
            name = data[position:end]
            position = end + 8 - (end - start) % 8
        else:
            name, position = _read_compressed_name(data, position, name)
        entries.append(IndexEntry(name, (flags >> 12) & 3, stat, object_id, flags, extended))
    index = IndexFile(version, entries)
    end = len(data) - id_length
    while position + 8 <= end:
        signature = data[position : position + 4]
        size = struct.unpack_from(">I", data, position + 4)[0]
        index.extensions[signature] = data[position + 8 : position + 8 + size]
        if signature in (b"link", b"sdir"):
            index.complete = False
        position += 8 + size
    return index


def same_entries(one: bytes, other: bytes, id_length: int = 20) -> bool:
    """Whether two indexes stage the same: paths, stages, modes, ids and flags; stat data and extensions aside."""

    def staged(data: bytes) -> list[tuple[bytes, int, bytes, bytes, int, int]]:
        index = parse_index(data, id_length)
        if not index.complete:
            raise IndexUnsupported("entries in another file")
        assumed = 0x8000
        return [(e.path, e.stage, e.stat[24:28], e.object_id, e.flags & assumed, e.extended) for e in index.entries]

    if one == other:
        return True
    try:
        return staged(one) == staged(other)
    except (ValueError, struct.error, IndexError):  # not readable here: different bytes count as a change
        return False


def encode_index(entries: Iterable[IndexEntry], hash_function: Callable[[], Any] = hashlib.sha1) -> bytes:
    """The bytes of an index with these entries (version 2 or 3), without optional extensions."""
    ordered = sorted(entries, key=lambda entry: (entry.path, entry.stage))
    version = 3 if any(entry.extended for entry in ordered) else 2
    chunks = [b"DIRC" + struct.pack(">II", version, len(ordered))]
    for entry in ordered:
        flags = (entry.flags & 0x8000) | (entry.stage << 12) | min(len(entry.path), 0xFFF)
        body = entry.stat + entry.object_id
        if entry.extended:
            body += struct.pack(">HH", flags | _EXTENDED, entry.extended)
        else:
            body += struct.pack(">H", flags)
        body += entry.path
        chunks.append(body + b"\0" * (8 - len(body) % 8))
    data = b"".join(chunks)
    return data + bytes(hash_function(data).digest())  # type: ignore[call-arg]  # hashlib constructors take data


def make_entry(path: bytes, mode: int, object_id: bytes, status: os.stat_result | None) -> IndexEntry:
    """An entry for a file; without a status git will look at the file itself."""
    if status is None:
        stat = struct.pack(">10I", 0, 0, 0, 0, 0, 0, mode, 0, 0, 0)
    else:
        cut = 0xFFFFFFFF
        stat = struct.pack(
            ">10I",
            int(status.st_ctime_ns // 10**9) & cut,
            status.st_ctime_ns % 10**9,
            int(status.st_mtime_ns // 10**9) & cut,
            status.st_mtime_ns % 10**9,
            status.st_dev & cut,
            status.st_ino & cut,
            mode,
            status.st_uid & cut,
            status.st_gid & cut,
            status.st_size & cut,
        )
    return IndexEntry(path, 0, stat, object_id, 0, 0)
