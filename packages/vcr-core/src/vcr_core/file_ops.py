"""The few operating system calls a recording stands on, behind one object so that a test can make each of them fail."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 62
else:
    from fcntl import LOCK_EX, LOCK_UN, flock

_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class FileOps:
    """Calls of the operating system; every one may raise OSError."""

    def create(self, path: Path) -> int:
        """Open a new file for appending; FileExistsError if there is one."""
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o600)

    def open(self, path: Path) -> int:
        """Open an existing file for appending."""
        return os.open(path, os.O_RDWR | os.O_APPEND | _BINARY)

    def write(self, descriptor: int, content: bytes) -> int:
        """Append once; returns how many bytes were taken."""
        return os.write(descriptor, content)

    def read(self, descriptor: int, offset: int, end: int) -> bytes:
        """Return the bytes from `offset` to `end`, or fewer at the end of the file."""
        parts: list[bytes] = []
        while offset < end:
            part = _pread(descriptor, end - offset, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file to `size`."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return once the content is on the disk."""
        getattr(os, "fdatasync", os.fsync)(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Return once the names in a directory are on the disk, where the system can say so."""
        if sys.platform == "win32":
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # A frame takes the lock and gives it back, so no helper stands between the caller and the system.
    if sys.platform == "win32":  # pragma: no cover  # exercised on Windows only

        def lock(self, descriptor: int) -> int:
            """Take the file's exclusive lock, for which other processes wait, and return the size of the file."""
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
            return os.lseek(descriptor, 0, os.SEEK_END)

        def unlock(self, descriptor: int) -> None:
            """Give the lock back."""
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

    else:

        def lock(self, descriptor: int) -> int:
            """Take the file's exclusive lock, for which other processes wait, and return the size of the file."""
            flock(descriptor, LOCK_EX)
            return os.lseek(descriptor, 0, os.SEEK_END)

        def unlock(self, descriptor: int) -> None:
            """Give the lock back."""
            flock(descriptor, LOCK_UN)


if sys.platform == "win32":  # pragma: no cover  # exercised on Windows only

    def _pread(descriptor: int, length: int, offset: int) -> bytes:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)

else:
    _pread = os.pread
