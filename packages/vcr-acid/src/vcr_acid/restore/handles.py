"""Directory handles: reaching a path below the workspace without ever following a link.

Every step of a path is opened relative to the one before it, so a symbolic link swapped in at any moment leads nowhere.
What is done at the end of the path is the caller's.
"""

from __future__ import annotations

import os

_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DirectoryHandles:
    """Opens directories below a root and keeps the current branch of them open."""

    def __init__(self, root: str) -> None:
        self._root = os.open(root, _FLAGS)
        self._stack: list[tuple[str, int]] = []

    @property
    def root(self) -> int:
        """Handle of the workspace itself."""
        return self._root

    def open(self, relative: str) -> int:
        """A handle of the directory ``relative``; valid until the next call.

        Raises:
            OSError: A part of the path is missing (``ENOENT``) or not a directory (``ENOTDIR``, ``ELOOP``).
        """
        parts = relative.split("/") if relative else []
        keep = 0
        while keep < len(self._stack) and keep < len(parts) and self._stack[keep][0] == parts[keep]:
            keep += 1
        self._shrink(keep)
        current = self._stack[-1][1] if self._stack else self._root
        for part in parts[keep:]:
            if part in ("", ".", ".."):
                raise OSError(22, "not a path below the workspace", relative)
            current = os.open(part, _FLAGS, dir_fd=current)
            self._stack.append((part, current))
        return current

    def open_parent(self, relative: str) -> tuple[int, str]:
        """Handle of the directory that holds ``relative``, and the last name."""
        parent, _, name = relative.rpartition("/")
        return self.open(parent), name

    def forget(self) -> None:
        """Close everything but the root, because the directories themselves are about to change."""
        self._shrink(0)

    def _shrink(self, depth: int) -> None:
        while len(self._stack) > depth:
            os.close(self._stack.pop()[1])

    def close(self) -> None:
        """Close all handles."""
        self._shrink(0)
        if self._root >= 0:
            os.close(self._root)
            self._root = -1
