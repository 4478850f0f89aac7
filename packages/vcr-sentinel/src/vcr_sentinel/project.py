"""A project's files: found on disk, indexed, opened for checking, and written back to the store.

What is wrong with them belongs to the rules; who asks belongs to `guard`.
"""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from vcr_sentinel.config import Config, skipped_directory
from vcr_sentinel.document import Document
from vcr_sentinel.facts import Detail
from vcr_sentinel.index import IndexedFile, ProjectIndex, marked_generated
from vcr_sentinel.index_store import IndexStore, Row, decode_core, encode_row
from vcr_sentinel.index_worker import index_files

MAX_FILE_BYTES = 3_000_000
OPEN_DOCUMENTS = 128
MOST_OPEN = 2 * OPEN_DOCUMENTS  # reached only where no slow lane trims
_WORKER_THRESHOLD = 300  # files to parse before other processes are worth their start
_UNSEEN = (-1, -1)

Stamp = tuple[int, int]


@contextmanager
def collector_paused() -> Generator[None]:
    """No cyclic garbage collection inside: syntax trees are large, and a full pass over the index costs more."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Project:
    """The files below `root` and the index over them."""

    def __init__(self, root: Path, config: Config, *, store_path: Path | None) -> None:
        self.root = root
        self.config = config
        self.index = ProjectIndex()
        self._store = IndexStore(store_path)
        self._open: OrderedDict[str, Document] = OrderedDict()
        self._stamps: dict[str, Stamp] = {}
        self._broken: dict[str, Stamp] = {}
        self._dirty: set[str] = set()
        self._removed: set[str] = set()

    def relative(self, path: str | os.PathLike[str]) -> str | None:
        """`path` relative to the root, normalised, with `/`; `None` for a path outside of it, or whose name is no text.

        The disk is asked only about a path that seems to lie outside: a link may lead into the project.
        """
        full = os.path.normpath(os.path.join(self.root, os.fspath(path)))  # noqa: PTH118  # no touching the disk
        try:
            inside = self._below(full)
            if inside is None:
                folder, name = os.path.split(full)  # what the file itself may link to is not asked
                inside = self._below(os.path.join(os.path.realpath(folder), name))  # noqa: PTH118  # text, as above
        except (OSError, ValueError):
            return None
        return inside if inside is not None and _is_text(inside) else None

    def _below(self, full: str) -> str | None:
        relative = os.path.relpath(full, self.root).replace(os.sep, "/")
        return None if relative.startswith("../") or relative == ".." else relative

    def walk(self) -> dict[str, Stamp]:
        """Every Python file looked at, with its modification time and size; none whose name is not UTF-8."""
        found: dict[str, Stamp] = {}
        pending = [("", str(self.root))]
        while pending:
            prefix, directory = pending.pop()
            try:
                entries = list(os.scandir(directory))
            except OSError:
                continue
            for entry in entries:
                name = entry.name
                if not _is_text(name):
                    continue
                if name.endswith(".py"):
                    stamp = _stamp_of(entry)
                    if stamp is not None and not self.config.excludes(prefix + name):
                        found[prefix + name] = stamp
                elif entry.is_dir(follow_symlinks=False) and not skipped_directory(name):
                    pending.append((f"{prefix}{name}/", entry.path))
        return found

    def load(self) -> list[str]:
        """Bring the index up to the disk; returns the paths that were new or changed."""
        with collector_paused():
            found = self.walk()
            for path, mtime_ns, size, generated, core in self._store.stamps():
                if path in self._stamps:
                    continue
                if not core:
                    self._broken[path] = (mtime_ns, size)
                elif found.get(path) == (mtime_ns, size):
                    self._stamps[path] = (mtime_ns, size)
                    self.index.put(IndexedFile(path, decode_core(core), generated=bool(generated)))
                elif path not in found:
                    self._removed.add(path)
            for path in [path for path in self._stamps if path not in found]:
                self.remove(path)
            changed = sorted(path for path, stamp in found.items() if self._changed(path, stamp))
            self._index_changed([(path, found[path]) for path in changed])
        self.flush()
        return changed

    def changed_on_disk(self) -> tuple[list[str], list[str]]:
        """`(new or changed, deleted)` files since they were last seen, without indexing them."""
        found = self.walk()
        changed = sorted(path for path, stamp in found.items() if self._changed(path, stamp))
        deleted = sorted(path for path in self._stamps if path not in found and self._stamps[path] != _UNSEEN)
        return changed, deleted

    def _changed(self, path: str, stamp: Stamp) -> bool:
        return stamp not in (self._stamps.get(path), self._broken.get(path))

    def _index_changed(self, files: list[tuple[str, Stamp]]) -> None:
        workers = min(4, os.cpu_count() or 1) if len(files) >= _WORKER_THRESHOLD else 1
        batch: list[Row] = []
        for row in index_files(self.root, files, workers=workers):
            batch.append(row)
            if not row.core:
                self._broken[row.path] = (row.mtime_ns, row.size)
                continue
            self._open.pop(row.path, None)
            self._dirty.discard(row.path)
            self._removed.discard(row.path)
            self._stamps[row.path] = (row.mtime_ns, row.size)
            self.index.put(IndexedFile(row.path, decode_core(row.core), generated=bool(row.generated)))
            if len(batch) >= 200:
                self._store.write(batch)
                batch = []
        self._store.write(batch)

    def document(self, path: str) -> Document | None:
        """The open document of a known file, as last indexed."""
        document = self._open.get(path)
        if document is not None:
            self._open.move_to_end(path)
            return document
        file = self.index.files.get(path)
        stored = self._store.read(path) if file is not None else None
        if file is None or stored is None:
            return None
        details, text = stored
        if len(details) != len(file.chunks):
            return None
        chunks = tuple(chunk._replace(detail=detail) for chunk, detail in zip(file.chunks, details, strict=True))
        return self._opened(path, Document(text, chunks))

    def details(self, path: str) -> tuple[Detail, ...]:
        """Details of a known file, chunk by chunk."""
        document = self._open.get(path)
        if document is not None:
            return tuple(chunk.detail for chunk in document.chunks if chunk.detail is not None)
        return self._store.details(path)

    def text(self, path: str) -> bytes:
        """Source of a known file as last indexed; empty if there is none."""
        document = self._open.get(path)
        if document is not None:
            return document.text
        stored = self._store.read(path)
        return b"" if stored is None else stored[1]

    def put(self, path: str, document: Document) -> IndexedFile:
        """Index a document that was opened or updated."""
        file = IndexedFile(path, document.chunks, generated=marked_generated(document.text))
        self.index.put(file)
        self._opened(path, document)
        self._dirty.add(path)
        self._removed.discard(path)
        self._stamps[path] = _UNSEEN
        return file

    def seen(self, path: str) -> None:
        """Note that the file on disk is what was indexed, or what was told not to parse."""
        try:
            status = (self.root / path).stat()
        except OSError:
            return
        stamp = (status.st_mtime_ns, status.st_size)
        if path in self._stamps and self._stamps[path] == _UNSEEN:
            self._stamps[path] = stamp
        elif self._stamps.get(path) != stamp:
            self._broken[path] = stamp

    def remove(self, path: str) -> None:
        """Forget a file."""
        self.index.remove(path)
        self._open.pop(path, None)
        self._stamps.pop(path, None)
        self._dirty.discard(path)
        self._removed.add(path)

    def state_key(self, *more: object) -> str:
        """A digest of every file's stamp, the settings and `more`: equal only where nothing changed."""
        state = repr((sorted(self._stamps.items()), self.config, more))
        return blake2b(state.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def recall(self, key: str) -> str | None:
        """A text kept with the index."""
        return self._store.recall(key)

    def remember(self, key: str, text: str) -> None:
        """Keep a text with the index."""
        self._store.remember(key, text)

    def flush(self) -> None:
        """Write what changed to the store."""
        rows = [self._row(path) for path in sorted(self._dirty) if path in self._open]
        if rows or self._removed:
            self._store.write(rows, sorted(self._removed))
        self._dirty.clear()
        self._removed.clear()

    def _row(self, path: str) -> Row:
        document = self._open[path]
        return encode_row(path, self._stamps[path], document, generated=marked_generated(document.text))

    def _opened(self, path: str, document: Document) -> Document:
        self._open[path] = document
        self._open.move_to_end(path)
        if len(self._open) > MOST_OPEN:
            self.trim()
        return document

    def trim(self) -> None:
        """Store and close the documents that were not used for longest; not for the moment of a write."""
        surplus = list(self._open)[: max(0, len(self._open) - OPEN_DOCUMENTS)]
        dirty = [path for path in surplus if path in self._dirty]
        if dirty:
            self._store.write([self._row(path) for path in dirty])
            self._dirty.difference_update(dirty)
        for path in surplus:
            del self._open[path]

    def close(self) -> None:
        """Write what is left and close the store."""
        self.flush()
        self._store.close()


def _is_text(name: str) -> bool:
    """Whether a file name holds no byte that is not UTF-8: the index and the findings could not name it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stamp_of(entry: os.DirEntry[str]) -> Stamp | None:
    try:
        if not entry.is_file():
            return None
        status = entry.stat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size) if status.st_size <= MAX_FILE_BYTES else None
