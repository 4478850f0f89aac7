"""The write-ahead log of one session: records with a chained checksum.

A record is the commit point of everything: what is in the log after a crash happened, what is not did not. Each record
is ``VCRL``, the lengths of its JSON part and its payload, a BLAKE2b-128 over the previous digest and both parts, the
JSON, the payload. A torn tail is dropped on opening. What the records mean does not belong here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vcr_acid.disk import Disk
from vcr_acid.errors import LogDamaged

_HEAD = struct.Struct("<4sIQ16s")
_MAGIC = b"VCRL"


@dataclass(frozen=True)
class Record:
    """One entry: a kind, its data, and where its payload lies in the file."""

    kind: str
    data: dict[str, Any]
    payload_offset: int = 0
    payload_length: int = 0


def _digest(previous: bytes, body: bytes, payload: bytes) -> bytes:
    state = hashlib.blake2b(previous, digest_size=16)
    state.update(body)
    state.update(payload)
    return state.digest()


def scan_records(path: str) -> Iterator[tuple[Record, int, bytes]]:
    """Yield whole records with the offset behind each and its digest; stops at the first that is not whole."""
    with open(path, "rb") as stream:
        previous, offset = b"", 0
        while True:
            head = stream.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            magic, body_length, payload_length, digest = _HEAD.unpack(head)
            if magic != _MAGIC:
                return
            body = stream.read(body_length)
            payload = stream.read(payload_length)
            if len(body) < body_length or len(payload) < payload_length:
                return
            if _digest(previous, body, payload) != digest:
                return
            start = offset + _HEAD.size + body_length
            offset = start + payload_length
            previous = digest
            value = json.loads(body)
            yield Record(value["kind"], value["data"], start, payload_length), offset, digest


def read_log(path: str) -> list[Record]:
    """All whole records of a log, without opening it for writing."""
    return [record for record, _, _ in scan_records(path)]


class SessionLog:
    """A log open for appending."""

    def __init__(self, path: str, disk: Disk, *, create: bool = False) -> None:
        self.path = path
        self._disk = disk
        self._digest = b""
        self._end = 0
        self.records: list[Record] = []
        self._fd = disk.open(path, os.O_RDWR | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)
        try:
            for record, end, digest in scan_records(path):
                self.records.append(record)
                self._end, self._digest = end, digest
            size = os.fstat(self._fd).st_size
            self._torn = size > self._end
            if create:
                disk.fsync_directory(os.path.dirname(path))
            elif not self.records and size:
                raise LogDamaged(path, "its first record is not whole")
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def size(self) -> int:
        """Bytes of whole records."""
        return self._end

    def append(self, kind: str, data: dict[str, Any], payload: bytes = b"", *, sync: bool = True) -> Record:
        """Write one record; durable on return unless ``sync`` is False.

        Raises:
            OSError: Nothing was recorded; the torn tail is cut before the next append.
        """
        body = json.dumps({"kind": kind, "data": data}, separators=(",", ":")).encode()
        digest = _digest(self._digest, body, payload)
        if self._torn:
            self._disk.truncate(self._fd, self._end, self.path)
            self._torn = False
        os.lseek(self._fd, self._end, os.SEEK_SET)
        self._torn = True
        try:
            self._disk.write(self._fd, _HEAD.pack(_MAGIC, len(body), len(payload), digest) + body + payload, self.path)
            if sync:
                self._disk.fdatasync(self._fd, self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._end)
                self._torn = False
            raise
        self._torn = False
        start = self._end + _HEAD.size + len(body)
        self._end = start + len(payload)
        self._digest = digest
        record = Record(kind, data, start, len(payload))
        self.records.append(record)
        return record

    def payload(self, record: Record) -> bytes:
        """The payload of a record of this log."""
        return os.pread(self._fd, record.payload_length, record.payload_offset)

    def compact(self, temporary: str) -> None:
        """Rewrite the log without payloads: new file, fsync, rename."""
        fd = self._disk.open(temporary, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        kept: list[Record] = []
        digest, end = b"", 0
        try:
            chunks: list[bytes] = []
            for record in self.records:
                body = json.dumps({"kind": record.kind, "data": record.data}, separators=(",", ":")).encode()
                digest = _digest(digest, body, b"")
                chunks.append(_HEAD.pack(_MAGIC, len(body), 0, digest) + body)
                end += len(chunks[-1])
                kept.append(Record(record.kind, record.data, end, 0))
            self._disk.write(fd, b"".join(chunks), temporary)
            self._disk.fsync(fd, temporary)
            self._disk.rename(temporary, self.path)
            self._disk.fsync_directory(os.path.dirname(self.path))
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._digest, self._end, self.records, self._torn = fd, digest, end, kept, False

    def close(self) -> None:
        """Close the file; the log stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
