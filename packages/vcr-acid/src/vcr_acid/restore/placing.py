"""Putting one saved file or link in its place: written beside it, then renamed, so that no half of it is ever seen.

Whether what stands there may be replaced is ``restore.apply``'s to decide.
"""

from __future__ import annotations

import contextlib
import os

from vcr_acid.disk import Disk
from vcr_acid.restore.plan import Item
from vcr_acid.scanner.walk import TEMPORARY_PREFIX
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore
from vcr_acid.store.temporary import fresh_name, fresh_path


class Placement:
    """Writes saved content into one workspace.

    Attributes:
        sync_each: Whether each file is synced by itself.
    """

    def __init__(self, layout: Layout, store: ObjectStore, escrow: Escrow, disk: Disk) -> None:
        self.sync_each = True
        self._layout = layout
        self._store = store
        self._escrow = escrow
        self._disk = disk

    def put(self, dir_fd: int, name: str, item: Item, mode: int, *, path: str) -> None:
        """Replace what stands at a name; ``path`` is only for messages.

        Raises:
            OSError: The disk refused; what stood there still does.
        """
        content = (
            self._escrow.load(item.key) if item.kind == "protected" else self._store.read_blob(bytes.fromhex(item.key))
        )
        temporary, temporary_fd = self._temporary(dir_fd)
        try:
            if item.kind == "link":
                self._disk.symlink(os.fsdecode(content), temporary, dir_fd=temporary_fd)
            else:
                self._fill(temporary, temporary_fd, content, mode, path)
            self.give_to_owner(temporary, temporary_fd, like=(name, dir_fd))
            self._disk.rename(temporary, name, src_dir_fd=temporary_fd, dst_dir_fd=dir_fd)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=temporary_fd)
            raise

    def give_to_owner(self, name: str, dir_fd: int | None, *, like: tuple[str, int] | None = None) -> None:
        """When run as root, what is written belongs to whoever owned it, or owns its directory."""
        if os.geteuid() != 0:
            return
        where = dir_fd if like is None else like[1]
        owner = os.fstat(where) if where is not None else None
        if like is not None:
            with contextlib.suppress(OSError):
                owner = os.lstat(like[0], dir_fd=like[1])
        if owner is not None and (owner.st_uid, owner.st_gid) != (0, 0):
            self._disk.chown(name, owner.st_uid, owner.st_gid, dir_fd=dir_fd)

    def _temporary(self, dir_fd: int) -> tuple[str, int | None]:
        """A fresh temporary name: in our own directory, or beside the target on another file system."""
        if os.stat(self._layout.temporary).st_dev == os.fstat(dir_fd).st_dev:
            return fresh_path(self._layout), None
        return fresh_name(TEMPORARY_PREFIX), dir_fd

    def _fill(self, temporary: str, dir_fd: int | None, content: bytes, mode: int, path: str) -> None:
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        fd = self._disk.open(temporary, flags, 0o600, dir_fd=dir_fd)
        try:
            self._disk.write(fd, content, path)
            self._disk.fchmod(fd, mode, path)
            if self.sync_each:
                self._disk.fdatasync(fd, path)
        finally:
            os.close(fd)
