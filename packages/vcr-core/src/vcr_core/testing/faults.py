"""A disk that fails, is full, or takes the process with it, at the call that a test names."""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter
from pathlib import Path

from vcr_core.file_ops import FileOps


class FaultyOps(FileOps):
    """File operations of which chosen ones fail.

    Attributes:
        calls: How often each operation was called.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._faults: dict[str, tuple[range, int]] = {}
        self._room: int | None = None

    def fail(self, call: str, *, at: int = 1, times: int = 1 << 30, error: int = errno.EIO) -> None:
        """Let an operation fail from its call number `at` from now on, counted from 1, so many times."""
        first = self.calls[call] + at
        self._faults[call] = (range(first, first + times), error)

    def fill(self, *, room: int = 0) -> None:
        """Let the disk have room for so many bytes more; a write that does not fit is taken in part."""
        self._room = room

    def heal(self) -> None:
        """Let everything work again."""
        self._faults.clear()
        self._room = None

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        fault = self._faults.get(call)
        if fault and self.calls[call] in fault[0]:
            raise OSError(fault[1], os.strerror(fault[1]))

    def write(self, descriptor: int, content: bytes) -> int:
        """Append what there is room for."""
        self._count("write")
        if self._room is not None:
            if self._room == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            content = content[: self._room]
            self._room -= len(content)
        return super().write(descriptor, content)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut the file."""
        self._count("truncate")
        super().truncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Sync the file."""
        self._count("sync")
        super().sync(descriptor)

    def sync_directory(self, path: Path) -> None:
        """Sync the directory."""
        self._count("sync_directory")
        super().sync_directory(path)

    def lock(self, descriptor: int) -> int:
        """Take the lock."""
        self._count("lock")
        return super().lock(descriptor)

    def open(self, path: Path) -> int:
        """Open the file."""
        self._count("open")
        return super().open(path)

    def create(self, path: Path) -> int:
        """Make the file."""
        self._count("create")
        return super().create(path)


class DyingOps(FileOps):
    """File operations that kill the process in the middle of a write.

    Args:
        at: Number of the write, from 1.
        after: Bytes of it that still reach the file.
    """

    def __init__(self, *, at: int, after: int) -> None:
        self._left = at
        self._after = after

    def write(self, descriptor: int, content: bytes) -> int:
        """Append, or append a part and die."""
        self._left -= 1
        if self._left == 0:
            super().write(descriptor, content[: self._after])
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(descriptor, content)
