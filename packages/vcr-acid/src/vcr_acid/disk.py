"""Every change vcr-acid makes to a disk goes through here.

One thin object over ``os`` so that tests can fail, kill or reorder any single write, fsync or rename. Reading does not
belong here, and neither does any policy: no retries, no temporary names, no decisions.
"""

from __future__ import annotations

import os
import stat
import sys


class Disk:
    """The operating system's mutating calls, one method each.

    A subclass may override :meth:`before` to observe or break the calls.
    """

    def before(self, operation: str, target: str) -> None:
        """Called before each change with its kind (``write``, ``fsync``, ``rename``, …) and what it touches."""

    def open(self, path: str, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        """``os.open`` for writing; always close-on-exec."""
        self.before("open", path)
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0), mode, dir_fd=dir_fd)

    def write(self, fd: int, data: bytes | memoryview, name: str = "") -> None:
        """Write all of ``data``."""
        self.before("write", name)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    def fsync(self, fd: int, name: str = "") -> None:
        """Make the file's data and metadata durable."""
        self.before("fsync", name)
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)

    def fdatasync(self, fd: int, name: str = "") -> None:
        """Make the file's data and size durable."""
        if hasattr(os, "fdatasync"):
            self.before("fsync", name)
            os.fdatasync(fd)
        else:
            self.fsync(fd, name)

    def fsync_directory(self, path: str) -> None:
        """Make the entries of a directory durable."""
        self.before("fsync", path)
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def rename(self, source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """``os.replace``."""
        self.before("rename", target)
        os.replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def link(self, source: str, target: str) -> None:
        """Give a file a second name; fails if the name is taken."""
        self.before("link", target)
        os.link(source, target)

    def unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        """Remove one name that is not a directory."""
        self.before("unlink", path)
        os.unlink(path, dir_fd=dir_fd)

    def mkdir(self, path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """Create one directory."""
        self.before("mkdir", path)
        os.mkdir(path, mode, dir_fd=dir_fd)

    def rmdir(self, path: str, *, dir_fd: int | None = None) -> None:
        """Remove one empty directory."""
        self.before("rmdir", path)
        os.rmdir(path, dir_fd=dir_fd)

    def symlink(self, content: str, path: str, *, dir_fd: int | None = None) -> None:
        """Create one symbolic link."""
        self.before("symlink", path)
        os.symlink(content, path, dir_fd=dir_fd)

    def fchmod(self, fd: int, mode: int, name: str = "") -> None:
        """Set the permission bits of an open file."""
        self.before("chmod", name)
        os.fchmod(fd, mode)

    def chmod_entry(self, name: str, mode: int, *, dir_fd: int) -> bool:
        """Set the permission bits of ``name`` without following a link; False if it is a link or gone."""
        self.before("chmod", name)
        flags = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=dir_fd)
        except OSError:
            return False
        try:
            if stat.S_ISLNK(os.fstat(fd).st_mode):
                return False
            _chmod_handle(fd, mode)
            return True
        finally:
            os.close(fd)

    def chmod_handle(self, fd: int, mode: int, name: str) -> None:
        """Set the permission bits of what a handle (also one opened with ``O_PATH``) stands for."""
        self.before("chmod", name)
        _chmod_handle(fd, mode)

    def chown(self, name: str, user: int, group: int, *, dir_fd: int | None = None) -> None:
        """Set owner and group without following a link."""
        self.before("chown", name)
        os.chown(name, user, group, dir_fd=dir_fd, follow_symlinks=False)

    def truncate(self, fd: int, length: int, name: str = "") -> None:
        """Cut an open file to ``length`` bytes."""
        self.before("truncate", name)
        os.ftruncate(fd, length)

    def make_directories(self, path: str, mode: int = 0o777) -> None:
        """Create ``path`` and its missing parents; durable once this returns."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        self.make_directories(parent)
        try:
            self.mkdir(path, mode)
        except FileExistsError:
            return
        self.fsync_directory(parent)


def _chmod_handle(fd: int, mode: int) -> None:
    if hasattr(os, "O_PATH"):  # such a handle allows no fchmod, but its name under /proc does
        os.chmod(f"/proc/self/fd/{fd}", mode)
    else:
        os.fchmod(fd, mode)
