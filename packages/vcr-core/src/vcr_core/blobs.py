"""Large leaves in files of their own, named by their content, beside the sessions of a directory."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections import OrderedDict
from pathlib import Path

DIRECTORY = "blobs"
_HASH = re.compile(r"[0-9a-f]{40}")
_REMEMBERED = 64


def content_hash(content: bytes) -> str:
    """Return the name of a blob: BLAKE2b, 20 bytes, in hex."""
    return hashlib.blake2b(content, digest_size=20).hexdigest()


def _holds(path: Path, content: bytes) -> bool:
    """Tell whether a file has that content: a power cut may leave it empty, or full of zeros, under its name."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


class BlobStore:
    """The blobs of one directory of sessions.

    A blob is complete under its name or not there at all: it is written under another name and renamed.

    Args:
        directory: The directory of the sessions; the blobs lie in ``blobs/`` below it.
    """

    def __init__(self, directory: Path) -> None:
        self.root = directory / DIRECTORY
        self._known: OrderedDict[str, None] = OrderedDict()
        self._unsynced: list[Path] = []

    def path(self, digest: str) -> Path:
        """Return where the blob of that hash lies.

        Raises:
            ValueError: If `digest` is not a hash; a file may hold anything.
        """
        if not _HASH.fullmatch(digest):
            raise ValueError(f"{digest!r} is not the hash of a blob")
        return self.root / digest[:2] / digest

    def put(self, content: bytes) -> str:
        """Store `content`, unless all of it is there, and return its hash.

        Raises:
            OSError: If it cannot be written.
        """
        digest = content_hash(content)
        if digest in self._known:
            self._known.move_to_end(digest)
            return digest
        target = self.path(digest)
        if not _holds(target, content):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            passing = target.with_name(f".{digest}.{os.getpid()}.{secrets.token_hex(4)}")
            try:
                passing.write_bytes(content)
                passing.chmod(0o600)
                passing.replace(target)
            except BaseException:
                passing.unlink(missing_ok=True)
                raise
            self._unsynced.append(target)
        self._known[digest] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return digest

    def get(self, digest: str) -> bytes | None:
        """Return the content of a blob; None if it is missing or is not what its name says."""
        try:
            content = self.path(digest).read_bytes()
        except (OSError, ValueError, TypeError):
            return None
        return content if content_hash(content) == digest else None

    def sync(self) -> None:
        """Return once every blob put since the last call is on the disk."""
        while self._unsynced:
            path = self._unsynced[-1]
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._unsynced.pop()
