"""One lock per worktree, given back by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time

from vcr_acid.errors import WorkspaceBusy

_POLL_SECONDS = 0.02


class WorkspaceLock:
    """An advisory lock on a file; the file's text only says who holds it."""

    def __init__(self, path: str, workspace: str) -> None:
        self._path = path
        self._workspace = workspace
        self._fd = -1

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd >= 0

    def acquire(self, owner: str, *, timeout: float = 0.0) -> None:
        """Take the lock.

        Args:
            owner: Shown to whoever is refused.
            timeout: Seconds to wait for another holder.

        Raises:
            WorkspaceBusy: Another process, or another object of this process, holds it.
        """
        if self.held:
            return
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + timeout
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise WorkspaceBusy(self._workspace, self._read_owner(fd)) from None
                    time.sleep(_POLL_SECONDS)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"process {os.getpid()} ({owner})".encode("utf-8", "replace"), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    @staticmethod
    def _read_owner(fd: int) -> str:
        return os.pread(fd, 300, 0).decode("utf-8", "replace")

    def release(self) -> None:
        """Give the lock back."""
        if self.held:
            os.close(self._fd)
            self._fd = -1
