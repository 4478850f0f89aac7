"""Which recording a path leads to: a file that takes the place of another, or is written over it, is another one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_LONGEST_FIRST_LINE = 16 << 20


class FileIdentity(NamedTuple):
    """What stays the same while a recording grows."""

    device: int
    inode: int
    first_line: bytes


def identify(path: Path) -> FileIdentity | None:
    """Return what tells the recording at `path` from any other; None while none can be read there."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            first = file.readline(_LONGEST_FIRST_LINE)
    except OSError:
        return None
    return FileIdentity(status.st_dev, status.st_ino, first) if first.endswith(b"\n") else None
