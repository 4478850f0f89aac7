"""The scanner's memory of a workspace: one node per directory, one entry per file.

Pure data. Filling it is ``scanner.walk``, turning it into git trees is ``scanner.trees``.
"""

from __future__ import annotations

import os
import stat
from typing import Any, NamedTuple

from vcr_acid.scanner.ignore_rules import RuleChain

Stamp = tuple[int, int, int, int, int]
NEVER: Stamp = (-1, -1, -1, -1, -1)
LINK = b"120000"
GITLINK = b"160000"
TREE = b"40000"
#: Why a FIFO, socket or device is not saved.
NOT_REGULAR = "not a regular file"


def stamp_of(status: os.stat_result) -> Stamp:
    """What must be equal for a file to be taken as unchanged."""
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)


def git_mode(mode: int) -> bytes:
    """The mode git would store for a file or link."""
    if stat.S_ISLNK(mode):
        return LINK
    return b"100755" if mode & 0o100 else b"100644"


class FileEntry(NamedTuple):
    """A saved file: its path on disk, its stamp when it was hashed, its mode bits, its blob."""

    path: str
    stamp: Stamp
    mode: int
    blob: bytes


class ProtectedEntry(NamedTuple):
    """A protected file: stamp when copied, mode bits, id in the escrow, size in bytes."""

    stamp: Stamp
    mode: int
    escrow_id: str
    size: int


class DirNode:
    """One directory that is part of savepoints."""

    __slots__ = (
        "chain",
        "children",
        "detached",
        "dirty",
        "files",
        "inode",
        "inside_ignored",
        "mode",
        "nested",
        "parent",
        "path",
        "protected",
        "rebuild",
        "relative",
        "rules_stamp",
        "stamp",
        "submodule",
        "tree",
        "unsaved",
        "visit",
    )

    def __init__(self, path: str, relative: str, parent: DirNode | None, chain: RuleChain | None) -> None:
        self.path = path
        self.relative = relative
        self.parent = parent
        self.chain = chain
        self.files: dict[str, FileEntry] = {}
        self.children: dict[str, DirNode] = {}
        self.protected: dict[str, ProtectedEntry] = {}
        self.rebuild: dict[str, str] = {}
        self.unsaved: dict[str, str] = {}
        self.stamp: Stamp = NEVER
        self.inode = -1
        self.submodule: bytes | None = None
        self.visit = 0
        self.mode = 0o755
        self.tree: bytes | None = None
        self.dirty = True
        self.detached = False
        self.inside_ignored = False
        self.nested: str | None = None
        self.rules_stamp: Stamp | None = None

    def join(self, name: str) -> str:
        """Path of an entry from the workspace's top."""
        return f"{self.relative}/{name}" if self.relative else name

    def mark_dirty(self) -> None:
        """Note that this directory's tree, and so every one above it, must be built again.

        Whoever hangs a new node into the tree marks its parent, so above a dirty node all are dirty.
        """
        node: DirNode | None = self
        while node is not None and not node.dirty:
            node.dirty = True
            node = node.parent

    def find(self, relative: str) -> DirNode | None:
        """The node of a directory below this one."""
        node: DirNode | None = self
        for part in relative.split("/") if relative else ():
            node = node.children.get(part) if node is not None else None
        return node


class Extras:
    """What a git tree cannot say about a workspace, kept up to date while scanning.

    All keys are paths from the workspace's top.

    Attributes:
        modes: Permission bits that differ from the session's usual ones.
        bare: Directories without a saved file below them, with their permission bits.
        nested: Nested repositories: tree of their files (hex) and commit of their HEAD (hex or empty).
        protected: Protected files: permission bits, escrow id, size.
        rebuild: Fingerprints of directories that are rebuilt, not saved.
        unsaved: Files that were not saved, and why.
    """

    def __init__(self) -> None:
        self.modes: dict[str, int] = {}
        self.bare: dict[str, int] = {}
        self.nested: dict[str, tuple[str, str]] = {}
        self.protected: dict[str, tuple[int, str, int]] = {}
        self.rebuild: dict[str, str] = {}
        self.unsaved: dict[str, str] = {}
        self.version = 0

    def update(self, table: dict[str, Any], key: str, value: object | None) -> None:
        """Set or (None) drop one entry of one table, counting versions only for real changes."""
        if value is None:
            if table.pop(key, None) is not None:
                self.version += 1
        elif table.get(key) != value:
            table[key] = value
            self.version += 1
