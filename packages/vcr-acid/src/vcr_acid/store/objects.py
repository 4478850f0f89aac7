"""Git objects as bytes: hashing, loose files, look-ups in packs.

Ids are raw digests (20 or 32 bytes) everywhere in this package. New objects gather in ``pending`` until
:meth:`ObjectStore.write_pending` puts them on the disk. Does not know commits from blobs beyond their type word.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, RawObjectID

from vcr_acid.disk import Disk
from vcr_acid.store.layout import Layout
from vcr_acid.store.temporary import fresh_path

TYPE_NAMES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
#: Larger objects are made durable on their own instead of being repeated in the log.
LARGE = 1 << 20
#: Beyond these, objects are written and synced as a whole.
BULK_BYTES = 32 << 20
BULK_COUNT = 1500
_ITEM = struct.Struct("<I")


@dataclass(frozen=True)
class PendingObject:
    """One object that is not on the disk yet."""

    kind: bytes
    object_id: bytes
    packed: bytes

    @property
    def large(self) -> bool:
        """Too large to be repeated in the log."""
        return len(self.packed) > LARGE


def encode_objects(objects: list[PendingObject]) -> bytes:
    """Objects as the payload of a log record."""
    return b"".join(entry.object_id + _ITEM.pack(len(entry.packed)) + entry.packed for entry in objects)


def decode_objects(payload: bytes, id_length: int) -> Iterator[PendingObject]:
    """The inverse of :func:`encode_objects`."""
    position = 0
    while position < len(payload):
        object_id = payload[position : position + id_length]
        position += id_length
        (length,) = _ITEM.unpack_from(payload, position)
        position += _ITEM.size
        yield PendingObject(b"", object_id, payload[position : position + length])
        position += length


class ObjectStore:
    """Objects of one repository, written as git writes them."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._path = layout.objects
        self._hash = layout.object_format.hash_func
        self._packs: DiskObjectStore | None = None
        self._preparing: threading.Thread | None = None
        self._closing = False
        self.pending: dict[bytes, PendingObject] = {}
        self._waiting = 0
        #: Set once objects were written that are neither durable nor repeated in the log.
        self.needs_sync = False
        self.id_length = layout.object_format.oid_length

    @property
    def packs(self) -> DiskObjectStore:
        """Dulwich's reader of packs and alternates, opened when first needed."""
        if self._packs is None:
            self._packs = DiskObjectStore(self._path, object_format=self._layout.object_format, fsync_object_files=True)
        return self._packs

    def close(self) -> None:
        """Let go of open packs."""
        self._closing = True
        if self._preparing is not None:
            self._preparing.join()
            self._preparing = None
        if self._packs is not None:
            self._packs.close()
            self._packs = None

    def __del__(self) -> None:
        if getattr(self, "_packs", None) is not None:
            self.close()

    def hash(self, kind: bytes, data: bytes) -> bytes:
        """The id of an object."""
        digest = self._hash()
        digest.update(b"%s %d\0" % (kind, len(data)))
        digest.update(data)
        return digest.digest()

    def put(self, kind: bytes, data: bytes, object_id: bytes | None = None) -> bytes:
        """Queue an object for writing unless it is queued already; returns its id."""
        object_id = object_id or self.hash(kind, data)
        if object_id not in self.pending:
            packed = zlib.compress(b"%s %d\0" % (kind, len(data)) + data, 1)
            self.pending[object_id] = PendingObject(kind, object_id, packed)
            self._waiting += len(packed)
            if self._waiting > BULK_BYTES:
                self._spill()
        return object_id

    def put_new(self, kind: bytes, data: bytes, object_id: bytes | None = None) -> bytes:
        """Like :meth:`put`, but leaves alone what the repository holds already."""
        object_id = object_id or self.hash(kind, data)
        if object_id in self.pending or self.contains(object_id):
            return object_id
        return self.put(kind, data, object_id)

    def _spill(self) -> None:
        """Write what is queued without syncing it, to bound memory."""
        for entry in self.pending.values():
            self.write_loose(entry)
        self.needs_sync = True
        self.discard_pending()

    def loose_path(self, object_id: bytes) -> str:
        """Where the loose file of an object lies or would lie."""
        name = object_id.hex()
        return f"{self._path}/{name[:2]}/{name[2:]}"

    def contains(self, object_id: bytes) -> bool:
        """Whether the object can be read without the pending ones."""
        if os.path.exists(self.loose_path(object_id)):
            return True
        return ObjectID(object_id.hex().encode()) in self.packs

    def read(self, object_id: bytes) -> tuple[bytes, bytes]:
        """Type and content of an object.

        Raises:
            KeyError: It is nowhere.
        """
        waiting = self.pending.get(object_id)
        if waiting is not None:
            return _split(zlib.decompress(waiting.packed))
        try:
            with open(self.loose_path(object_id), "rb") as stream:
                return _split(zlib.decompress(stream.read()))
        except (FileNotFoundError, NotADirectoryError, zlib.error):
            kind, data = self.packs.get_raw(RawObjectID(object_id))
            return TYPE_NAMES[kind], data

    def read_blob(self, object_id: bytes) -> bytes:
        """Content of an object."""
        return self.read(object_id)[1]

    def verify_loose(self, object_id: bytes) -> bool:
        """Whether the loose file is whole; False if missing or damaged."""
        try:
            with open(self.loose_path(object_id), "rb") as stream:
                kind, data = _split(zlib.decompress(stream.read()))
        except (OSError, zlib.error, ValueError):
            return False
        return self.hash(kind, data) == object_id

    def write_loose(self, entry: PendingObject, *, sync: bool = False, replace: bool = False) -> None:
        """Put one object on the disk: temporary file, then rename."""
        target = self.loose_path(entry.object_id)
        if not replace and os.path.exists(target):
            if sync:
                self._sync_existing(target)
            return
        temporary = fresh_path(self._layout)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o444)
        try:
            self._disk.write(fd, entry.packed, temporary)
            if sync:
                self._disk.fsync(fd, temporary)
        finally:
            os.close(fd)
        try:
            self._disk.rename(temporary, target)
        except FileNotFoundError:
            with contextlib.suppress(FileExistsError):
                self._disk.mkdir(os.path.dirname(target))
            self._disk.rename(temporary, target)
        if sync:
            self._disk.fsync_directory(os.path.dirname(target))

    def prepare_directories(self) -> None:
        """Make the 256 directories of loose objects in the background, so that no savepoint has to wait for one."""
        if self._preparing is None:
            self._preparing = threading.Thread(target=self._make_directories, name="vcr-acid-directories", daemon=True)
            self._preparing.start()

    def _make_directories(self) -> None:
        with contextlib.suppress(OSError):  # only a head start: write_loose makes what is missing
            present = set(os.listdir(self._path))
            for number in range(256):
                if self._closing:
                    return
                name = f"{number:02x}"
                if name not in present:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(f"{self._path}/{name}")

    def _sync_existing(self, path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        try:
            self._disk.fsync(fd, path)
        finally:
            os.close(fd)
        self._disk.fsync_directory(os.path.dirname(path))

    def write_pending(self) -> list[PendingObject]:
        """Write everything queued.

        Returns:
            The objects that must be repeated in the log because their files are not durable yet; none of a bulk write,
            which is made durable as a whole.
        """
        bulk = self.needs_sync or len(self.pending) > BULK_COUNT or self._waiting > BULK_BYTES // 4
        written: list[PendingObject] = []
        for entry in self.pending.values():
            self.write_loose(entry, sync=entry.large and not bulk)
            if not entry.large and not bulk:
                written.append(entry)
        if bulk and (self.pending or self.needs_sync):
            self._disk.before("fsync", self._path)
            os.sync()
        self.needs_sync = False
        self.discard_pending()
        return written

    def delete_loose(self, object_id: bytes) -> None:
        """Remove a loose file whose object is in a pack."""
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(self.loose_path(object_id))

    def discard_pending(self) -> None:
        """Forget what was queued."""
        self.pending = {}
        self._waiting = 0


def _split(raw: bytes) -> tuple[bytes, bytes]:
    head, _, data = raw.partition(b"\0")
    kind, _, length = head.partition(b" ")
    if int(length) != len(data):
        raise ValueError("object length does not match its header")
    return kind, data
