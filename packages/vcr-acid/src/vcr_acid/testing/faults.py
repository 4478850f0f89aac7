"""Disks that fail: an error or a killed process at any single change.

A *kill* raises :class:`Killed` at the chosen change and at every later one, so that no clean-up code of the dying
process can reach the disk, just as after ``kill -9``. :class:`RecordingDisk` remembers what was made durable, to build
what a power cut could have left.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

from vcr_acid.disk import Disk


class Killed(BaseException):
    """The simulated process is gone."""


class FaultyDisk(Disk):
    """Counts changes; at number ``at`` raises an ``OSError`` or dies.

    Args:
        at: Which change (from 1); None only counts.
        code: The ``errno`` to raise once; None kills.
        torn: When killed in a write, how much of it still reaches the disk (0 to 1).
        operations: Only these kinds count.
    """

    def __init__(
        self,
        at: int | None = None,
        *,
        code: int | None = None,
        torn: float = 0.0,
        operations: frozenset[str] | None = None,
    ) -> None:
        self.at = at
        self.code = code
        self.torn = torn
        self.operations = operations
        self.count = 0
        self.dead = False
        self.log: list[tuple[str, str]] = []

    def before(self, operation: str, target: str) -> None:
        """Count one change, and fail if it is the chosen one."""
        if self.dead:
            raise Killed(operation)
        if self.operations is not None and operation not in self.operations:
            return
        self.count += 1
        self.log.append((operation, target))
        if self.count == self.at:
            if self.code is None:
                self.dead = True
                raise Killed(f"{operation} {target}")
            raise OSError(self.code, os.strerror(self.code), target)

    def write(self, fd: int, data: bytes | memoryview, name: str = "") -> None:
        """Write, or die with part of it written."""
        try:
            super().write(fd, data, name)
        except (Killed, OSError):
            if self.torn and self.count == self.at:
                os.write(fd, bytes(data)[: int(len(data) * self.torn)])
            raise


class RecordingDisk(Disk):
    """Remembers which files were written and which were made durable since."""

    def __init__(self) -> None:
        self.unsynced: dict[str, int] = {}
        self.volatile_names: dict[str, str] = {}

    def _path(self, fd: int) -> str:
        return os.readlink(f"/proc/self/fd/{fd}")

    def write(self, fd: int, data: bytes | memoryview, name: str = "") -> None:
        """Write and note that the bytes are not durable."""
        path = self._path(fd)
        self.unsynced.setdefault(path, os.fstat(fd).st_size)
        super().write(fd, data, name)

    def fsync(self, fd: int, name: str = "") -> None:
        """Sync and forget the note."""
        super().fsync(fd, name)
        self.unsynced.pop(self._path(fd), None)

    def fdatasync(self, fd: int, name: str = "") -> None:
        """Sync and forget the note."""
        super().fdatasync(fd, name)
        self.unsynced.pop(self._path(fd), None)

    def fsync_directory(self, path: str) -> None:
        """Sync and forget the notes of its entries."""
        super().fsync_directory(path)
        for name in [n for n in self.volatile_names if os.path.dirname(n) == os.path.realpath(path)]:
            del self.volatile_names[name]

    def rename(self, source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """Rename and note that the new name is not durable."""
        super().rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        if dst_dir_fd is None and src_dir_fd is None:
            real = os.path.join(os.path.realpath(os.path.dirname(target)), os.path.basename(target))
            old = os.path.join(os.path.realpath(os.path.dirname(source)), os.path.basename(source))
            if old in self.unsynced:
                self.unsynced[real] = self.unsynced.pop(old)
            self.volatile_names[real] = old

    def lose_power(self, choose: random.Random, *, only: Callable[[str], bool] = lambda _: True) -> list[str]:
        """Drop, one by one and at random, what was never synced; returns what was lost."""
        lost: list[str] = []
        for path, size in self.unsynced.items():
            if not os.path.isfile(path) or not only(path):
                continue
            fate = choose.choice(("kept", "empty", "short", "gone"))
            if fate == "gone" and path in self.volatile_names:
                Path(path).unlink()
            elif fate in ("empty", "gone"):
                os.chmod(path, 0o600)
                os.truncate(path, 0 if path in self.volatile_names else size)
            elif fate == "short":
                os.chmod(path, 0o600)
                os.truncate(
                    path,
                    max(size, os.path.getsize(path) // 2)
                    if path not in self.volatile_names
                    else os.path.getsize(path) // 2,
                )
            if fate != "kept":
                lost.append(f"{fate} {path}")
        for path in list(self.volatile_names):
            if path not in self.unsynced and only(path) and os.path.isfile(path) and choose.random() < 0.5:
                Path(path).unlink()
                lost.append(f"name {path}")
        return lost
