"""Reading one file so that what was read is what was there.

Opens without following links and without blocking on a FIFO, reads, and looks again: a file that changed while it was
read is read anew. Hashing and storing are the caller's.
"""

from __future__ import annotations

import os
import stat

from vcr_acid.scanner.nodes import LINK

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_ATTEMPTS = 4


class NotRegular(OSError):
    """The name stands for something that holds no bytes of its own."""


def _same(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_mtime_ns, a.st_ctime_ns, a.st_size) == (b.st_mtime_ns, b.st_ctime_ns, b.st_size)


def read_regular(path: str, *, dir_fd: int | None = None) -> tuple[bytes, os.stat_result, bool]:
    """Read a regular file.

    Returns:
        Content, status after reading, and whether the two are known to belong together.

    Raises:
        OSError: It is gone, unreadable, a link (``ELOOP``) or not regular (:class:`NotRegular`).
    """
    fd = os.open(path, _FLAGS, dir_fd=dir_fd)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegular(0, "not a regular file", path)
        data = b""
        for _ in range(_ATTEMPTS):
            data = _read_all(fd, status.st_size)
            again = os.fstat(fd)
            if _same(status, again) and len(data) == again.st_size:
                return data, again, True
            status = again
            os.lseek(fd, 0, os.SEEK_SET)
        return data, status, False
    finally:
        os.close(fd)


def read_entry(path: str) -> tuple[bytes | None, bytes] | None:
    """The git mode and content of a file or link; a mode of None for anything else, None if nothing is there.

    Raises:
        OSError: It is not readable.
    """
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return LINK, read_link(path)
        if not stat.S_ISREG(status.st_mode):
            return None, b""
        return b"100755" if status.st_mode & 0o100 else b"100644", read_regular(path)[0]
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read_all(fd: int, size: int) -> bytes:
    data = os.read(fd, size + 1)
    if len(data) == size or not data:
        return data
    chunks = [data]
    while chunk := os.read(fd, 1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)


def read_link(path: str, *, dir_fd: int | None = None) -> bytes:
    """The content of a symbolic link."""
    return os.fsencode(os.readlink(path, dir_fd=dir_fd))
