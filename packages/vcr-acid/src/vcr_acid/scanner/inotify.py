"""Hearing of changes on Linux without a walk: raw inotify, drained when a savepoint asks.

An accelerator, never the truth. The kernel queues events before a writing call returns, so draining needs no waiting;
but overflow, writes through a memory map and through a hard link outside are not heard, so full walks stay compulsory
at begin, commit, resume, after an overflow and every so often. Decides nothing about files.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
import termios

from vcr_acid.scanner.nodes import DirNode

# IN_MODIFY, ATTRIB, CLOSE_WRITE, MOVED_FROM, MOVED_TO, CREATE, DELETE, DELETE_SELF, MOVE_SELF, ONLYDIR, DONT_FOLLOW
_MASK = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x01000000 | 0x02000000
_OVERFLOW = 0x4000
_IGNORED = 0x8000
_MOVE_SELF = 0x800
_EVENT = struct.Struct("iIII")
_NETWORK_FILESYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuse.sshfs", "afs", "ceph", "virtiofs"})


class WatchUnavailable(OSError):
    """This directory cannot be watched (limits, platform, kind of file system)."""


def _filesystem_type(path: str) -> str:
    best, kind = "", ""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as stream:
            for line in stream:
                _, mount, name, *_ = line.split(" ")
                inside = path == mount or path.startswith(mount.rstrip("/") + "/")
                if inside and len(mount) >= len(best):
                    best, kind = mount, name
    except OSError:
        return ""
    return kind


class Watcher:
    """Watches on every directory of a scanner's tree."""

    def __init__(self, path: str) -> None:
        if not sys.platform.startswith("linux"):
            raise WatchUnavailable(errno.ENOSYS, "inotify exists on Linux only", path)
        kind = _filesystem_type(path)
        if kind in _NETWORK_FILESYSTEMS:
            raise WatchUnavailable(errno.ENOTSUP, f"changes on {kind} may come from elsewhere", path)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self._fd < 0:
            raise WatchUnavailable(ctypes.get_errno(), "inotify_init1 failed", path)
        self._nodes: dict[int, DirNode] = {}

    def add(self, node: DirNode) -> None:
        """Watch one directory.

        Raises:
            WatchUnavailable: The limit of watches is reached; fall back to walking.
        """
        watch = int(self._libc.inotify_add_watch(self._fd, os.fsencode(node.path), _MASK))
        if watch < 0:
            code = ctypes.get_errno()
            if code in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP):
                return
            raise WatchUnavailable(code, os.strerror(code), node.path)
        self._nodes[watch] = node

    def drain(self) -> tuple[list[DirNode], bool]:
        """Directories with events since the last drain, and whether any may have been lost."""
        touched: dict[int, DirNode] = {}
        while True:
            try:
                data = os.read(self._fd, 1 << 18)
            except BlockingIOError:
                return list(touched.values()), False
            except OSError:
                return list(touched.values()), True
            position = 0
            while position < len(data):
                watch, mask, _, length = _EVENT.unpack_from(data, position)
                position += _EVENT.size + length
                if mask & _OVERFLOW:
                    return list(touched.values()), True
                node = self._nodes.get(watch)
                if node is None:
                    continue
                touched[id(node)] = node
                if mask & (_IGNORED | _MOVE_SELF):
                    # The inode number may be reused at once, so it must not vouch for this node any more.
                    node.detached = True
                    if node.parent is not None:
                        touched[id(node.parent)] = node.parent
                if mask & _IGNORED:
                    del self._nodes[watch]

    def queued(self) -> int:
        """Bytes of events not drained yet; grows while things change."""
        if self._fd < 0:
            return 0
        return int(struct.unpack("i", fcntl.ioctl(self._fd, termios.FIONREAD, b"\0\0\0\0"))[0])

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._nodes = {}
