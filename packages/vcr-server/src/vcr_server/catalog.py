"""The index of all sessions of a directory: kept by mtime and size, and beside the recordings between two starts.

It is a cache of what the files say; deleting it costs one reading of them. Who is told about changes is
`vcr_server.watch`.
"""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.errors import VcrError
from vcr_core.session_ids import SUFFIX, SessionIdError, split_take
from vcr_server.digest import SessionDigest, digest_of, public_digest
from vcr_server.player_pool import PlayerPool, open_player

_VERSION = 2


class _Kept(msgspec.Struct):
    version: int
    digests: list[SessionDigest]


class Catalog:
    """The digests of the sessions of one directory.

    Every method may be called from any thread.

    Args:
        directory: Where the recordings lie; it need not exist yet.
        pool: Players of recordings that are in use.
    """

    def __init__(self, directory: Path, pool: PlayerPool) -> None:
        self.directory = directory
        self.version = 0
        self._instance = secrets.token_hex(4)
        self._pool = pool
        self._digests: dict[str, SessionDigest] = {}
        self._lock = threading.RLock()
        self._saved_version = 0
        self._load()

    @property
    def tag(self) -> str:
        """A validator that changes with every change of any digest."""
        return f"{self._instance}-{self.version}"

    def digests(self) -> list[SessionDigest]:
        """Return the digests as they are known now."""
        with self._lock:
            return list(self._digests.values())

    def get(self, name: str) -> SessionDigest | None:
        """Return the digest of a session if there is one."""
        return self._digests.get(name)

    def refresh(self) -> tuple[list[str], list[str]]:
        """Look at every file; return the names of what changed and of what is gone."""
        with self._lock:
            seen = self._scan()
            gone = [name for name in self._digests if name not in seen]
            for name in gone:
                del self._digests[name]
            changed = [name for name, mark in seen.items() if self._update(name, mark)]
            self.version += bool(changed or gone)
            return changed, gone

    def refresh_one(self, name: str) -> bool | None:
        """Look at one file; return whether it changed, None if it is gone."""
        with self._lock:
            try:
                status = (self.directory / f"{name}{SUFFIX}").stat()
            except OSError:
                known = self._digests.pop(name, None)
                self.version += known is not None
                return None
            changed = self._update(name, (status.st_ino, status.st_mtime_ns, status.st_size))
            self.version += changed
            return changed

    def _scan(self) -> dict[str, tuple[int, int, int]]:
        seen: dict[str, tuple[int, int, int]] = {}
        try:
            with os.scandir(self.directory) as entries:
                for entry in entries:
                    name = entry.name.removesuffix(SUFFIX)
                    if name == entry.name or not is_session_name(name) or not entry.is_file():
                        continue
                    status = entry.stat()
                    seen[name] = (status.st_ino, status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            pass  # nothing was recorded yet
        return seen

    def _update(self, name: str, mark: tuple[int, int, int]) -> bool:
        known = self._digests.get(name)
        if known is not None and known.mark == mark:
            return False
        grew = known is not None and known.mark[0] == mark[0] and known.mark[2] <= mark[2]
        try:
            digest = self._read(name, known if grew else None)
        except (VcrError, OSError) as error:
            reason = str(error) if isinstance(error, VcrError) else error.strerror or type(error).__name__
            digest = SessionDigest(name, session_id=name, problem=reason)
        digest.mark = mark
        self._digests[name] = digest
        return True

    def _read(self, name: str, known: SessionDigest | None) -> SessionDigest:
        if known is not None and known.frames:
            with self._pool.use(name) as player:
                return digest_of(name, player, known)
        player = open_player(self.directory / f"{name}{SUFFIX}")
        try:
            return digest_of(name, player)
        finally:
            player.close()

    def parent_of(self, digest: SessionDigest) -> str | None:
        """Return the name of the session that one was forked from, if it is there."""
        return digest.parent if digest.parent in self._digests and digest.parent != digest.name else None

    def public(self, digest: SessionDigest) -> dict[str, Any]:
        """Return a digest as JSON shows it."""
        return public_digest(digest, self.parent_of(digest))

    # -- between two starts ------------------------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return self.directory / ".index" / "server-catalog.msgpack"

    def _load(self) -> None:
        try:
            kept = msgspec.msgpack.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return
        if kept.version == _VERSION:
            self._digests = {digest.name: digest for digest in kept.digests}

    def save(self) -> None:
        """Keep the digests beside the recordings; a directory that cannot be written is no error."""
        with self._lock:
            if self._saved_version == self.version or not self.directory.is_dir():
                return
            content = msgspec.msgpack.encode(_Kept(_VERSION, list(self._digests.values())))
            self._saved_version = self.version
        target = self._file
        passing = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            passing.write_bytes(content)
            passing.replace(target)
        except OSError:
            passing.unlink(missing_ok=True)


def is_session_name(name: str) -> bool:
    """Tell whether a file stem is the name of a session."""
    try:
        split_take(name)
    except SessionIdError:
        return False
    return True
