"""What the user's index already knows, so that a first scan need not read every file.

An index entry vouches for a file's content if its stat data is equal and not racy, and only where the repository
converts nothing on the way in: savepoints hold raw bytes, an index holds converted ones. Also tells which paths git
tracks, for those are saved even if ignored.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

from vcr_acid.git_guard.index_file import IndexEntry, parse_index
from vcr_acid.store.git_config import attribute_files, autocrlf, read_settings
from vcr_acid.store.layout import Layout
from vcr_acid.store.pack_index import find_packed

#: Where git is told what to convert; in the index or not, it counts.
ATTRIBUTES = ".gitattributes"
_STAT = struct.Struct(">10I")
_GITLINK = struct.pack(">I", 0o160000)


class IndexSeed:
    """Tracked paths of a workspace, and blobs that need not be read again."""

    def __init__(self) -> None:
        self.files: dict[str, IndexEntry] = {}
        self.directories: set[str] = set()
        self.gitlinks: dict[str, bytes] = {}
        self._trusted = False
        self._written_ns = 0
        self._known: set[bytes] = set()
        self._exists: Callable[[bytes], bool] = lambda _: False

    @classmethod
    def empty(cls) -> IndexSeed:
        """Nothing is tracked and nothing is known."""
        return cls()

    def trust(self, written_ns: int, exists: Callable[[bytes], bool], known: set[bytes]) -> None:
        """Let entries vouch for files: those older than the index, whose objects are ``known`` or exist."""
        self._trusted = True
        self._written_ns = written_ns
        self._exists = exists
        self._known = known

    def distrust(self) -> None:
        """From now on let every file be read."""
        self._trusted = False

    def blob(self, relative: str, status: os.stat_result) -> bytes | None:
        """The blob of an unchanged, stored file, or None if the file must be read."""
        entry = self.files.get(relative) if self._trusted else None
        if entry is None or entry.stage or entry.extended:
            return None
        cs, cn, ms, mn, _, ino, mode, _, _, size = _STAT.unpack(entry.stat)
        mtime = ms * 10**9 + mn
        if mtime >= self._written_ns or status.st_mtime_ns != mtime or status.st_ctime_ns != cs * 10**9 + cn:
            return None
        if status.st_size & 0xFFFFFFFF != size or status.st_ino & 0xFFFFFFFF != ino:
            return None
        blob = entry.object_id
        if (mode & 0o170000) != (status.st_mode & 0o170000) or not (blob in self._known or self._exists(blob)):
            return None
        return blob


def _converts(layout: Layout, entries: list[IndexEntry]) -> bool:
    """Whether git might convert contents, as far as can be told without a look at the workspace itself."""
    config = read_settings(layout)
    if autocrlf(config):
        return True
    first, last = attribute_files(layout, config)
    above, directory = list[str](), layout.top
    for part in layout.prefix.split("/") if layout.prefix else ():
        above.append(os.path.join(directory, ATTRIBUTES))
        directory = os.path.join(directory, part)
    if any(os.path.lexists(path) for path in (*first, *above, last)):
        return True
    name = os.fsencode(ATTRIBUTES)
    return any(entry.path == name or entry.path.endswith(b"/" + name) for entry in entries)


def read_seed(layout: Layout, exists: Callable[[bytes], bool]) -> IndexSeed:
    """Read the seed of a workspace; empty for a plain directory or an index that cannot be read.

    Args:
        layout: The workspace.
        exists: Tells whether an object is stored, so that nothing missing is taken for granted.
    """
    seed = IndexSeed()
    if layout.private:
        return seed
    path = os.path.join(layout.git_dir, "index")
    try:
        with open(path, "rb") as stream:
            written = os.fstat(stream.fileno()).st_mtime_ns
            index = parse_index(stream.read(), layout.object_format.oid_length)
    except (FileNotFoundError, ValueError):
        return seed
    prefix = layout.prefix + "/" if layout.prefix else ""
    decode = os.fsdecode
    for entry in index.entries:
        name = decode(entry.path)
        if prefix:
            if not name.startswith(prefix):
                continue
            name = name[len(prefix) :]
        if entry.stat[24:28] == _GITLINK:
            seed.gitlinks[name] = entry.object_id
            seed.directories.add(name)
        else:
            seed.files[name] = entry
    for parent in {name.rpartition("/")[0] for name in (*seed.files, *seed.gitlinks)}:
        while parent and parent not in seed.directories:
            seed.directories.add(parent)
            parent = parent.rpartition("/")[0]
    if index.complete and not _converts(layout, index.entries):
        ids = {entry.object_id for entry in seed.files.values()}
        seed.trust(written, exists, find_packed(layout.objects, layout.object_format.oid_length, ids))
    return seed
