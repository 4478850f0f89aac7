"""The index between runs: one SQLite file, a row per source file. A cache: to lose it, or not to keep it, costs time.

What the rows mean in memory belongs to `index` and `project`.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from vcr_sentinel.document import Document
from vcr_sentinel.facts import Chunk, Detail
from vcr_sentinel.fingerprints import NO_GRAMS, Grams

FORMAT = 6
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS files (
  path TEXT PRIMARY KEY, mtime_ns INTEGER, size INTEGER, generated INTEGER, core BLOB, detail BLOB, source BLOB
) WITHOUT ROWID;
"""


def _plain(grams: Grams) -> bytes:
    return grams.data


def _made(_kind: type, data: bytes) -> Grams:
    return Grams(data) if data else NO_GRAMS


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
_CORES = msgspec.msgpack.Decoder(tuple[Chunk, ...])
_DETAILS = msgspec.msgpack.Decoder(tuple[Detail, ...], dec_hook=_made)


class Row(NamedTuple):
    """One file as it is stored. `mtime_ns` is -1 for text that was checked but not seen on disk.

    `core` is empty for a file that does not parse: it is kept so that it is not parsed again at every start.
    """

    path: str
    mtime_ns: int
    size: int
    generated: int
    core: bytes
    detail: bytes
    source: bytes


def encode_row(path: str, stamp: tuple[int, int], document: Document, *, generated: bool) -> Row:
    """The row of a document."""
    cores = [chunk._replace(detail=None) for chunk in document.chunks]
    details = [chunk.detail for chunk in document.chunks]
    source = zlib.compress(document.text, 1)
    return Row(path, stamp[0], stamp[1], int(generated), _ENCODER.encode(cores), _ENCODER.encode(details), source)


def decode_core(core: bytes) -> tuple[Chunk, ...]:
    """The chunks of a row, without detail."""
    return _CORES.decode(core)


class IndexStore:
    """The SQLite file; `path=None` keeps everything in memory, as does a path that cannot be written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection:
        if self._path is not None:
            try:
                return self._kept(self._path)
            except (OSError, sqlite3.OperationalError) as exc:
                print(f"sentinel: the index is not kept, which costs time ({self._path}: {exc})", file=sys.stderr)
                self._path = None
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.executescript(_SCHEMA)
        return connection

    def _kept(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        ignore = path.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        try:
            return self._opened(path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            return self._opened(path)

    def _opened(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=2.0)
        try:
            self._prepare(connection)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection

    @staticmethod
    def _prepare(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(_SCHEMA)
        # Gram hashes are Python's own tuple hashes, so an index belongs to one build of Python.
        wanted = f"{FORMAT} {sys.implementation.cache_tag} {sys.hash_info.algorithm} {sys.hash_info.width}"
        found = connection.execute("SELECT value FROM meta WHERE key='made_by'").fetchone()
        if found is None or found[0] != wanted:
            connection.execute("DELETE FROM files")
            connection.execute("DELETE FROM meta")  # what a scan remembered was found by other facts
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('made_by', ?)", (wanted,))
            connection.commit()

    def stamps(self) -> Iterator[tuple[str, int, int, int, bytes]]:
        """`(path, mtime_ns, size, generated, core)` of every file."""
        yield from self._connection.execute("SELECT path, mtime_ns, size, generated, core FROM files")

    def read(self, path: str) -> tuple[tuple[Detail, ...], bytes] | None:
        """Details and source of one file."""
        row = self._connection.execute("SELECT detail, source FROM files WHERE path=?", (path,)).fetchone()
        return (_DETAILS.decode(row[0]), zlib.decompress(row[1])) if row is not None and row[0] else None

    def details(self, path: str) -> tuple[Detail, ...]:
        """Details of one file; empty if it is not known."""
        row = self._connection.execute("SELECT detail FROM files WHERE path=?", (path,)).fetchone()
        return _DETAILS.decode(row[0]) if row is not None and row[0] else ()

    def recall(self, key: str) -> str | None:
        """A remembered text."""
        row = self._connection.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def remember(self, key: str, text: str) -> None:
        """Keep a text. A cache, as `write` is."""
        with contextlib.suppress(sqlite3.OperationalError), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))

    def write(self, rows: Iterable[Row], removed: Iterable[str] = ()) -> None:
        """Keep rows and forget files. A full or read-only disk is no error: the index is a cache."""
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?,?,?,?,?,?,?)", rows)
                self._connection.executemany("DELETE FROM files WHERE path=?", [(path,) for path in removed])
        except sqlite3.OperationalError as exc:
            if self._path is not None:
                print(f"sentinel: index not saved ({exc})", file=sys.stderr)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
