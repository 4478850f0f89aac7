"""One append-only file of sealed lines, written by any number of threads and processes.

Invariants:

* A line is written by one ``write`` under the file's lock, after the line before it is complete.  A reader therefore
  sees whole lines, and at most one torn line at the very end, left by a writer that died.
* Whoever next holds the lock cuts a torn line off (its bytes are reported, see `LogFile.torn`).
* `LogFile` knows where it left the file; if the file has grown since, others wrote, and it reads what they added
  before it appends.  So each line knows its index and the hash of its predecessor.

What a line means is not known here; see `vcr_core.wire_format`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from vcr_core.file_ops import FileOps
from vcr_core.wire_format import END_START, FRAME_START, FormatError, seal, unseal

_BLOCK = 1 << 20


class LogFile:
    """An open recording, for appending.

    Not safe for several threads by itself: the recorder holds its lock around every call.

    Attributes:
        path: The file.
        frames: Number of frame lines, as far as known; others may have added some.
        ended: True if the last known line is an ``end`` line.
        torn: Bytes of torn lines that were cut off, in order.
        forked: To be set in a child process that inherited the file; it then appends through a descriptor of its own,
            so that the lock keeps the two apart.
    """

    def __init__(self, path: Path, descriptor: int, *, ops: FileOps, key: bytes = b"") -> None:
        self.path = path
        self.frames = 0
        self.ended = False
        self.torn: list[bytes] = []
        self.forked = False
        self._descriptor = descriptor
        self._owner = os.getpid()
        self._ops = ops
        self._key = key
        self._end = 0
        self._hash = ""
        self._dirty = False

    @classmethod
    def create(cls, path: Path, first_line: bytes, *, ops: FileOps | None = None, key: bytes = b"") -> LogFile:
        """Begin a new file with its unsealed first line.

        Raises:
            FileExistsError: If the file exists.
            OSError: If it cannot be written.
        """
        ops = ops or FileOps()
        log = cls(path, ops.create(path), ops=ops, key=key)
        try:
            log.append(lambda _index: first_line)
            ops.sync_directory(path.parent)
        except BaseException:
            os.close(log._descriptor)
            path.unlink(missing_ok=True)
            raise
        return log

    @classmethod
    def open(cls, path: Path, *, ops: FileOps | None = None, key: bytes = b"") -> LogFile:
        """Continue an existing file; a torn last line is cut off.

        Raises:
            FileNotFoundError: If there is no such file.
            FormatError: If it is not a recording with sealed lines.
        """
        ops = ops or FileOps()
        log = cls(path, ops.open(path), ops=ops, key=key)
        try:
            try:
                log._catch_up(ops.lock(log._descriptor))
            finally:
                ops.unlock(log._descriptor)
            if not log._hash:
                raise FormatError("it has no sealed line, so nothing can be appended to it", path=path)
        except BaseException:
            os.close(log._descriptor)
            raise
        return log

    def append(self, make_body: Callable[[int], bytes]) -> int:
        """Append one line and return the number of frames that were before it.

        Args:
            make_body: Given that number, returns the unsealed line.

        Raises:
            OSError: If it could not be written whole; then nothing of it remains in the file.
        """
        if self.forked:
            self._reopen()
        ops, descriptor = self._ops, self._descriptor
        try:
            size = ops.lock(descriptor)
            if size != self._end:
                self._catch_up(size)
            index = self.frames
            body = make_body(index)
            line, digest = seal(body, self._hash, self._key)
            is_frame = body.startswith(FRAME_START)
            end, frames, ended = self._end + len(line), index + is_frame, not is_frame and body.startswith(END_START)
            try:
                written = ops.write(descriptor, line)
                while written < len(line):
                    written += ops.write(descriptor, line[written:])
            except BaseException:
                ops.truncate(descriptor, self._end)
                raise
            # No call may come between these: a signal handler that raises there would leave them half done.
            self._end = end
            self._hash = digest
            self.frames = frames
            self.ended = ended
        finally:
            ops.unlock(descriptor)
        self._dirty = True
        return index

    def _note(self, line: bytes) -> None:
        if line.startswith(FRAME_START):
            self.frames += 1
            self.ended = False
        else:
            self.ended = line.startswith(END_START)

    def _catch_up(self, size: int) -> None:
        """Read what others appended; cut a torn end off.  The lock is held."""
        if size < self._end:
            self.frames, self._end, self._hash, self.ended = 0, 0, "", False
        rest = b""
        at = self._end
        while at < size:
            block = self._ops.read(self._descriptor, at, min(at + _BLOCK, size))
            if not block:
                break
            at += len(block)
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                self._note(line)
                self._end += len(line) + 1
                opened = unseal(line)
                self._hash = opened[1] if opened else self._hash
        if rest:
            self.torn.append(rest)
            self._ops.truncate(self._descriptor, self._end)

    def open_again(self) -> LogFile:
        """Continue this file after it was closed."""
        return LogFile.open(self.path, ops=self._ops, key=self._key)

    def _reopen(self) -> None:
        self._descriptor = self._ops.open(self.path)
        self._owner = os.getpid()
        self.forked = False

    @property
    def dirty(self) -> bool:
        """True if something was appended since the last `sync`."""
        return self._dirty

    def sync(self) -> None:
        """Return once all that was appended is on the disk.

        Raises:
            OSError: If the system reports that it may not be.
        """
        self._dirty = False
        try:
            self._ops.sync(self._descriptor)
        except OSError:
            self._dirty = True
            raise

    def close(self) -> None:
        """Give the descriptor back; the file stays as it is."""
        if self._descriptor >= 0 and self._owner == os.getpid():
            os.close(self._descriptor)
        self._descriptor = -1


class Flusher:
    """Calls ``flush`` on what was handed to it, some time later, from a thread of its own.

    The thread starts with the first call of `soon` and sleeps while there is nothing to do.
    """

    def __init__(self, *, delay: float = 0.2) -> None:
        self._delay = delay
        self._lock = threading.Lock()
        self._due: set[Callable[[], None]] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = 0

    def soon(self, flush: Callable[[], None]) -> None:
        """Have `flush` called once within the delay."""
        with self._lock:
            self._due.add(flush)
            if self._owner != os.getpid() or self._thread is None:
                self._owner = os.getpid()
                self._wake = threading.Event()
                self._thread = threading.Thread(target=self._run, name="vcr-flusher", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        wake = self._wake
        while True:
            wake.wait()
            wake.clear()
            threading.Event().wait(self._delay)
            with self._lock:
                due, self._due = self._due, set()
            for flush in due:
                flush()
