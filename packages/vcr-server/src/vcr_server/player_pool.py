"""Keeps the recordings that were looked at last open, so that one more frame costs one read.

A player is used by one thread at a time. A file that was replaced or truncated is opened anew; one that another was
written over is known by its first line.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vcr_core.file_identity import FileIdentity, identify
from vcr_core.player import VCRPlayer
from vcr_core.session_ids import SUFFIX, split_take
from vcr_core.store import SessionNotFoundError, summarize_file
from vcr_core.wire_format import FormatError


def open_player(path: Path) -> VCRPlayer:
    """Open a recording whose first line was looked at before: most files that are none are found out cheaply.

    Raises:
        FormatError: If it is not a recording.
        OSError: If it cannot be read.
    """
    summary = summarize_file(path)
    if summary.problem is not None:
        raise FormatError(summary.problem, path=path)
    return VCRPlayer.load(path)


class _Open:
    """A player, what guards it, and how its file looked when it was used last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.player: VCRPlayer | None = None
        self.mark: tuple[int, int, int, int] = (0, 0, 0, 0)
        self.identity: FileIdentity | None = None

    def is_of(self, path: Path, mark: tuple[int, int, int, int]) -> bool:
        """Tell whether the player reads the recording that is at `path` now."""
        return self.mark == mark or identify(path) == self.identity


class PlayerPool:
    """Open players of the sessions of one directory, by name (``my_run``, ``my_run~2``).

    Args:
        directory: Where the recordings lie.
        capacity: How many stay open; each holds one file descriptor.
    """

    def __init__(self, directory: Path, *, capacity: int = 48) -> None:
        self.directory = directory
        self._capacity = capacity
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, name: str) -> Path:
        """Return the file of a session.

        Raises:
            SessionIdError: If `name` is no name.
            SessionNotFoundError: If there is no such file.
        """
        split_take(name)
        path = self.directory / f"{name}{SUFFIX}"
        if not path.is_file():
            raise SessionNotFoundError(name, self.directory, [])
        return path

    @contextmanager
    def use(self, name: str, *, fresh: bool = True) -> Generator[VCRPlayer, None, None]:
        """Give the player of a session to this thread for the length of the block.

        Args:
            name: The session.
            fresh: Take in what was recorded since.

        Raises:
            SessionIdError: If `name` is no name.
            SessionNotFoundError: If there is no such session.
            FormatError: If the file is no recording.
        """
        path = self.path(name)
        slot = self._slot(name)
        with slot.lock:
            status = path.stat()
            mark = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            if slot.player is None or not slot.is_of(path, mark):
                self._close(slot)
                slot.identity = identify(path)
                slot.player = open_player(path)
            elif fresh:
                slot.player.refresh()
            slot.mark = mark
            yield slot.player

    def _slot(self, name: str) -> _Open:
        with self._lock:
            slot = self._open.setdefault(name, _Open())
            self._open.move_to_end(name)
            for oldest in list(self._open):
                if len(self._open) <= self._capacity:
                    break
                passing = self._open[oldest]
                if passing is not slot and passing.lock.acquire(blocking=False):
                    try:
                        self._close(passing)
                        del self._open[oldest]
                    finally:
                        passing.lock.release()
            return slot

    @staticmethod
    def _close(slot: _Open) -> None:
        if slot.player is not None:
            slot.player.close()
            slot.player = None

    def close(self) -> None:
        """Close every player that is not in use."""
        with self._lock:
            for slot in self._open.values():
                if slot.lock.acquire(timeout=1):
                    self._close(slot)
                    slot.lock.release()
            self._open.clear()
