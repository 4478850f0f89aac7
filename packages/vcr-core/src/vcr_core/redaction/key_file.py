"""The project's key: 32 random bytes beside the recordings, readable by their owner only.

The key makes placeholders comparable within a project and meaningless outside it. It is never written into a session.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from pathlib import Path

from vcr_core.errors import VcrError

KEY_SIZE = 32
_WAIT_SECONDS = 2.0


class ProjectKeyError(VcrError):
    """The project's key file cannot be used. Attributes: `path`, `reason`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"project key {self.path}: {self.reason}; expected a file of {KEY_SIZE} bytes. Restore it from a backup, "
            "or move it away to get a new one (placeholders in older recordings then no longer compare equal or fill)."
        )


def load_or_create_project_key(directory: Path) -> bytes:
    """Return the 32 bytes of `directory/key`, creating directory and file when absent.

    The file appears whole or not at all, with mode 0600; among processes that race for it one wins and all return
    the winner's key. A key that others may read is made private again.

    Raises:
        ProjectKeyError: the file cannot be read or written, or does not hold 32 bytes.
    """
    path = directory / "key"
    try:
        key = _read_key(path)
        if key is None:
            directory.mkdir(parents=True, exist_ok=True)
            _create_key(path)
            key = _wait_for_key(path)
    except OSError as error:
        raise ProjectKeyError(str(path), error.strerror or type(error).__name__) from error
    if len(key) != KEY_SIZE:
        raise ProjectKeyError(str(path), f"it holds {len(key)} bytes")
    return key


def _read_key(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                path.chmod(0o600)
            return file.read(KEY_SIZE + 1)
    except FileNotFoundError:
        return None


def _create_key(path: Path) -> None:
    temporary = path.with_name(f".key-{os.getpid()}-{secrets.token_hex(8)}")
    _write_exclusively(temporary)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was first; its key is the project's
    except OSError:
        # No hard links on this filesystem. Readers wait until the file has its full size.
        with contextlib.suppress(FileExistsError):
            _write_exclusively(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_exclusively(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_SIZE))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _wait_for_key(path: Path) -> bytes:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        key = _read_key(path) or b""
        if len(key) >= KEY_SIZE or time.monotonic() > deadline:
            return key
        time.sleep(0.005)
