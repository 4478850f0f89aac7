"""Private copies of protected files, and of anything found where a rollback had to write.

Copies are 0600 in a 0700 directory inside the repository, never git objects. Their names come from a keyed hash, so a
manifest that names one tells nothing about a short secret.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time

from vcr_acid.disk import Disk
from vcr_acid.store.layout import Layout
from vcr_acid.store.temporary import fresh_path


class Escrow:
    """The private store of one repository."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._root = layout.escrow
        self._key: bytes | None = None

    def read_key(self) -> bytes:
        """The repository's secret key, made on first use."""
        if self._key is None:
            path = os.path.join(self._root, "key")
            if not os.path.exists(path) or os.path.getsize(path) < 32:
                self._write(path, secrets.token_bytes(32), sync=True)
            with open(path, "rb") as stream:
                self._key = stream.read(32)
        return self._key

    def _write(self, path: str, data: bytes, *, sync: bool) -> None:
        temporary = fresh_path(self._layout)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            self._disk.write(fd, data, temporary)
            if sync:
                self._disk.fsync(fd, temporary)
        finally:
            os.close(fd)
        self._disk.rename(temporary, path)
        if sync:
            self._disk.fsync_directory(os.path.dirname(path))

    def _path(self, escrow_id: str) -> str:
        return os.path.join(self._root, escrow_id[:2], escrow_id)

    def save(self, data: bytes) -> str:
        """Keep a copy; returns its id. Durable on return."""
        escrow_id = hashlib.blake2b(data, key=self.read_key(), digest_size=20).hexdigest()
        path = self._path(escrow_id)
        if not self._is_whole(path, data):
            directory = os.path.dirname(path)
            if not os.path.isdir(directory):
                self._disk.make_directories(directory, 0o700)
            self._write(path, data, sync=True)
        return escrow_id

    @staticmethod
    def _is_whole(path: str, data: bytes) -> bool:
        try:
            with open(path, "rb") as stream:
                return stream.read(len(data) + 1) == data
        except OSError:
            return False

    def identify(self, data: bytes) -> str:
        """The id ``data`` would have."""
        return hashlib.blake2b(data, key=self.read_key(), digest_size=20).hexdigest()

    def load(self, escrow_id: str) -> bytes:
        """Content of a copy.

        Raises:
            KeyError: It is gone.
        """
        try:
            with open(self._path(escrow_id), "rb") as stream:
                return stream.read()
        except FileNotFoundError as error:
            raise KeyError(escrow_id) from error

    def displace(self, name: str, dir_fd: int, session: str) -> str:
        """Move whatever ``name`` is out of the workspace; returns where it lies now."""
        directory = os.path.join(self._root, "displaced", session)
        self._disk.make_directories(directory, 0o700)
        target = os.path.join(directory, f"{time.time_ns()}-{secrets.token_hex(3)}-{os.path.basename(name)}"[:250])
        try:
            self._disk.rename(name, target, src_dir_fd=dir_fd)
        except OSError as error:
            if error.errno != 18:  # EXDEV: the repository lies on another file system
                raise
            source = f"/proc/self/fd/{dir_fd}/{name}"
            shutil.move(source, target)
        return target

    def ids(self) -> set[str]:
        """All copies held."""
        found: set[str] = set()
        with contextlib.suppress(FileNotFoundError):
            for prefix in os.listdir(self._root):
                if len(prefix) == 2:
                    found.update(os.listdir(os.path.join(self._root, prefix)))
        return found

    def size(self) -> int:
        """Bytes held, displaced files included."""
        total = 0
        for directory, _, files in os.walk(self._root):
            for file in files:
                with contextlib.suppress(OSError):
                    total += os.lstat(os.path.join(directory, file)).st_size
        return total

    def drop(self, escrow_id: str) -> None:
        """Delete one copy."""
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(self._path(escrow_id))
