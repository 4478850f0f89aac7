"""What happens to files git would not keep: track, protect, rebuild or exclude, by glob.

Decides from names and kinds only. Reading ignore files is ``scanner.ignore_rules``; copying protected files is
``store.escrow``.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

MEBIBYTE = 1 << 20

DEFAULT_PROTECT = (
    ".env", ".env.*", "*.env", ".envrc", "*.pem", "*.key", "*.p12", "*.pfx", "*.kdbx", "id_rsa", "id_dsa", "id_ecdsa",
    "id_ed25519", ".netrc", ".npmrc", ".pypirc", ".pgpass", "credentials.json", "service-account*.json", "*.sqlite",
    "*.sqlite3", "*.db", "*.sqlite-wal", "*.sqlite3-wal", "*.db-wal", "*.sqlite-shm", "*.sqlite3-shm", "*.db-shm",
)  # fmt: skip
PROTECT_EXCEPTIONS = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env", "sample.env")
DEFAULT_REBUILD = (
    "node_modules", ".venv", "__pycache__", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".gradle", ".terraform",
)  # fmt: skip
#: Rebuilt only if the directory carries its tool's mark, because the bare name is too common.
MARKED_REBUILD = {"venv": "pyvenv.cfg", "env": "pyvenv.cfg", ".env": "pyvenv.cfg", "target": "CACHEDIR.TAG"}
DEFAULT_EXCLUDE = (".vcr",)


class Treatment(Enum):
    """What is done with one path."""

    TRACK = "track"
    PROTECT = "protect"
    REBUILD = "rebuild"
    EXCLUDE = "exclude"


def _compile(globs: Sequence[str]) -> re.Pattern[str] | None:
    """One expression for many globs; a glob with a slash matches the whole path, else the last name."""
    parts: list[str] = []
    for glob in globs:
        body = fnmatch.translate(glob.strip("/"))
        parts.append(f"(?:{body})" if "/" in glob.strip("/") else f"(?:(?s:.*/)?{body})")
    return re.compile("|".join(parts)) if parts else None


@dataclass(frozen=True)
class Policy:
    """Globs per treatment, and size limits.

    A glob without a slash matches a name anywhere, one with a slash the path from the workspace's top (``*`` crosses
    slashes). Your globs win over the built-in ones, which never apply to files that git already tracks.

    Attributes:
        track: Saved even if ignored.
        protect: Copied to the private escrow (0600), never into git objects.
        rebuild: Directories that a tool can make again: fingerprinted, never saved, never deleted.
        exclude: Neither saved nor touched.
        max_file_size: Larger files (bytes) are not saved and never touched; the savepoint names them.
        max_protected_size: The same limit for protected files.
        default_protect: Use the built-in list of secrets and databases.
        default_rebuild: Use the built-in list of dependency and cache directories.
    """

    track: tuple[str, ...] = ()
    protect: tuple[str, ...] = ()
    rebuild: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_file_size: int = 100 * MEBIBYTE
    max_protected_size: int = 64 * MEBIBYTE
    default_protect: bool = True
    default_rebuild: bool = True
    _compiled: dict[str, re.Pattern[str] | None] = field(
        default_factory=dict[str, "re.Pattern[str] | None"], init=False, repr=False, compare=False
    )
    _own: list[tuple[Treatment, re.Pattern[str]]] = field(
        default_factory=list[tuple[Treatment, "re.Pattern[str]"]], init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        built_in = DEFAULT_PROTECT if self.default_protect else ()
        self._compiled.update(
            track=_compile(self.track),
            protect=_compile(self.protect),
            rebuild=_compile(self.rebuild),
            exclude=_compile(self.exclude),
            default_protect=_compile(built_in),
            exception=_compile(PROTECT_EXCEPTIONS),
        )
        for treatment in (Treatment.TRACK, Treatment.PROTECT, Treatment.REBUILD, Treatment.EXCLUDE):
            pattern = self._compiled[treatment.value]
            if pattern is not None:
                self._own.append((treatment, pattern))

    def _matches(self, which: str, path: str) -> bool:
        pattern = self._compiled[which]
        return pattern is not None and pattern.match(path) is not None

    def chosen(self, path: str) -> Treatment | None:
        """The treatment the user's own globs ask for."""
        for treatment, pattern in self._own:
            if pattern.match(path) is not None:
                return treatment
        return None

    def of_file(self, path: str, *, ignored: bool) -> Treatment:
        """Treatment of a file that git does not track."""
        own = self.chosen(path)
        if own is not None:
            return Treatment.EXCLUDE if own is Treatment.REBUILD else own
        if self._matches("default_protect", path) and not self._matches("exception", path):
            return Treatment.PROTECT
        return Treatment.EXCLUDE if ignored else Treatment.TRACK

    def of_directory(self, path: str, full_path: str, *, ignored: bool) -> Treatment:
        """Treatment of a directory that holds nothing git tracks."""
        own = self.chosen(path)
        if own is not None:
            return Treatment.TRACK if own is Treatment.PROTECT else own
        name = path.rpartition("/")[2]
        if name in DEFAULT_EXCLUDE:
            return Treatment.EXCLUDE
        if self.default_rebuild and self._is_rebuildable(name, full_path):
            return Treatment.REBUILD
        return Treatment.EXCLUDE if ignored else Treatment.TRACK

    @staticmethod
    def _is_rebuildable(name: str, full_path: str) -> bool:
        if name in DEFAULT_REBUILD:
            return True
        mark = MARKED_REBUILD.get(name)
        return mark is not None and os.path.exists(os.path.join(full_path, mark))

    def to_json(self) -> dict[str, Any]:
        """The policy as plain values, for the session log."""
        return {
            "track": list(self.track),
            "protect": list(self.protect),
            "rebuild": list(self.rebuild),
            "exclude": list(self.exclude),
            "max_file_size": self.max_file_size,
            "max_protected_size": self.max_protected_size,
            "default_protect": self.default_protect,
            "default_rebuild": self.default_rebuild,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Policy:
        """The inverse of :meth:`to_json`."""
        lists: dict[str, Any] = {name: tuple(value[name]) for name in ("track", "protect", "rebuild", "exclude")}
        return cls(**{**value, **lists})
