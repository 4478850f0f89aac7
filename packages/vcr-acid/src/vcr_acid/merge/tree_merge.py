"""Three-way merge of trees in memory.

Descends only where the sides differ. Whatever git might see as a rename in a way that changes the outcome is a conflict
here, except the one unmistakable case: a file moved unchanged on one side and edited in place on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vcr_acid.merge.lines import merge_texts
from vcr_acid.merge.similarity import similarity
from vcr_acid.scanner.nodes import TREE
from vcr_acid.scanner.trees import decode_tree, encode_tree
from vcr_acid.store.objects import ObjectStore
from vcr_acid.transaction.reports import ConflictedPath

Entry = tuple[bytes, bytes]
_REGULAR = (b"100644", b"100755")
#: Below git's 50 %: seeing a rename too many only costs a question.
_ALIKE = 0.3
#: Above so many pairs nothing is compared and the case counts as a rename.
_MAX_PAIRS = 4000


@dataclass
class MergeOutcome:
    """``changes``: what to change in *theirs* to get the merge (None deletes). ``conflicts``: why there is none.

    ``notes``: what a person should know of it.
    """

    changes: dict[str, Entry | None] = field(default_factory=dict[str, "Entry | None"])
    conflicts: list[ConflictedPath] = field(default_factory=list[ConflictedPath])
    notes: list[str] = field(default_factory=list[str])


class TreeMerge:
    """One merge. ``keep_whole(path)`` tells which files attributes forbid to merge by line."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        keep_whole: Callable[[str], bool] = lambda _: False,
        resolved: frozenset[str] = frozenset(),
    ) -> None:
        self._store = store
        self._keep_whole = keep_whole
        self._resolved = resolved
        self._cells: dict[str, list[Entry | None]] = {}
        self._outcome = MergeOutcome()
        self._followed: set[str] = set()

    def merge(self, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> MergeOutcome:
        """Merge three trees (None: empty)."""
        self._descend("", base, ours, theirs)
        self._follow_moves()
        for path in sorted(self._cells):
            if path not in self._followed:
                self._decide(path)
        self._check_both_deleted()
        self._check_moved_directories(base, ours, theirs)
        self._check_file_against_directory(theirs)
        if self._resolved:
            self._outcome.conflicts = [c for c in self._outcome.conflicts if c.path not in self._resolved]
        return self._outcome

    # -- collecting ---------------------------------------------------------------------------------------------------

    def _read(self, tree: bytes | None) -> dict[str, Entry]:
        return decode_tree(self._store.read_blob(tree), self._store.id_length) if tree is not None else {}

    def _descend(self, path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> None:
        if base == ours == theirs:
            return
        sides = [self._read(tree) for tree in (base, ours, theirs)]
        for name in sides[0].keys() | sides[1].keys() | sides[2].keys():
            entries = [side.get(name) for side in sides]
            if entries[0] == entries[1] == entries[2]:
                continue
            full = f"{path}/{name}" if path else name
            trees = [entry[1] if entry and entry[0] == TREE else None for entry in entries]
            files = [entry if entry and entry[0] != TREE else None for entry in entries]
            if any(tree is not None for tree in trees):
                self._descend(full, trees[0], trees[1], trees[2])
            if any(file is not None for file in files):
                self._cells[full] = files

    def _conflict(self, path: str, reason: str) -> None:
        base, ours, theirs = (entry[1].hex() if entry else None for entry in self._cells.get(path, [None] * 3))
        self._outcome.conflicts.append(ConflictedPath(path, reason, base, ours, theirs))

    # -- deciding -----------------------------------------------------------------------------------------------------

    def _decide(self, path: str) -> None:
        base, ours, theirs = self._cells[path]
        if theirs in (ours,) or ours == base:
            return
        if theirs == base:
            self._outcome.changes[path] = ours
        elif ours is None or theirs is None:
            self._conflict(path, "deleted on one side, changed on the other")
        elif base is None:
            self._conflict(path, "added on both sides")
        else:
            self._merge_content(path, path, base, ours, theirs)

    def _merge_content(self, path: str, target: str, base: Entry, ours: Entry, theirs: Entry) -> None:
        if any(entry[0] not in _REGULAR for entry in (base, ours, theirs)):
            self._conflict(path, "kind changed")
            return
        mode = theirs[0] if ours[0] == base[0] else ours[0]
        if ours[1] == base[1] or theirs[1] == base[1] or ours[1] == theirs[1]:
            blob = theirs[1] if ours[1] == base[1] else ours[1]
            self._outcome.changes[target] = (mode, blob)
            return
        texts = [self._store.read_blob(entry[1]) for entry in (base, ours, theirs)]
        merged = None if self._keep_whole(path) else merge_texts(*texts)
        if merged is None:
            binary = any(b"\0" in text[:8000] for text in texts)
            self._conflict(path, "binary file changed on both sides" if binary else "changed on both sides")
            return
        self._outcome.changes[target] = (mode, self._store.put_new(b"blob", merged))

    # -- renames ------------------------------------------------------------------------------------------------------

    def _added(self, side: int) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        for path, cell in self._cells.items():
            entry = cell[side]
            if cell[0] is None and entry is not None and entry[0] in _REGULAR:
                found[path] = entry
        return found

    def _follow_moves(self) -> None:
        """A file moved unchanged on one side and edited on the other: the edit goes to the new place."""
        for side, other in ((1, 2), (2, 1)):
            by_blob: dict[bytes, list[str]] = {}
            for path, entry in self._added(side).items():
                by_blob.setdefault(entry[1], []).append(path)
            sources: dict[bytes, list[str]] = {}
            for path, cell in self._cells.items():
                if cell[0] is not None and cell[side] is None:
                    sources.setdefault(cell[0][1], []).append(path)
            for blob, origins in sources.items():
                places = by_blob.get(blob, [])
                if len(origins) == 1 and len(places) == 1 and blob != self._empty_blob():
                    self._follow(origins[0], places[0], side, other)

    def _empty_blob(self) -> bytes:
        return self._store.hash(b"blob", b"")

    def _follow(self, origin: str, place: str, side: int, other: int) -> None:
        base, edited = self._cells[origin][0], self._cells[origin][other]
        moved = self._cells[place][side]
        if base is None or moved is None or edited is None or edited == base or self._cells[place][other] is not None:
            return
        if edited[0] not in _REGULAR or base[0] not in _REGULAR:
            return
        self._followed.update((origin, place))
        ours, theirs = (moved, edited) if side == 1 else (edited, moved)
        self._merge_content(origin, place, base, ours, theirs)
        if side == 1:
            self._outcome.changes[origin] = None
        if place not in self._outcome.changes:
            self._outcome.changes.pop(origin, None)

    def _check_both_deleted(self) -> None:
        """Gone on both sides, but perhaps moved on one: git calls that a conflict."""
        gone = [p for p, cell in self._cells.items() if cell[0] is not None and cell[1] is None and cell[2] is None]
        added = [self._added(1), self._added(2)]
        for path in sorted(gone):
            base = self._cells[path][0]
            if base is None or base[0] not in _REGULAR:
                continue
            if any(self._resembles(base, entries) for entries in added):
                self._conflict(path, "deleted on both sides, perhaps moved on one")

    def _resembles(self, base: Entry, candidates: dict[str, Entry]) -> bool:
        if len(candidates) > _MAX_PAIRS:
            return True
        if any(entry[1] == base[1] for entry in candidates.values()):
            return base[1] != self._empty_blob()
        content = self._store.read_blob(base[1])
        return any(similarity(content, self._store.read_blob(e[1])) >= _ALIKE for e in candidates.values())

    def _check_moved_directories(self, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> None:
        """A file added to a directory that the other side may have moved belongs nobody knows where."""
        for side, other, tree in ((1, 2, theirs), (2, 1, ours)):
            other_added = self._added(other)
            if not other_added:
                continue
            for path in self._added(side):
                directory = path.rpartition("/")[0]
                while directory:
                    if self._existed(base, directory) and self._moved_away(directory, other, other_added, tree):
                        self._conflict(path, f"added in {directory}/, which the other side may have moved")
                        break
                    directory = directory.rpartition("/")[0]

    def _existed(self, tree: bytes | None, directory: str) -> bool:
        for part in directory.split("/"):
            entry = self._read(tree).get(part)
            if entry is None or entry[0] != TREE:
                return False
            tree = entry[1]
        return True

    def _moved_away(self, directory: str, side: int, added: dict[str, Entry], tree: bytes | None) -> bool:
        left = [
            cell[0]
            for path, cell in self._cells.items()
            if cell[0] is not None and cell[side] is None and path.startswith(directory + "/")
        ]
        if not left or self._existed(tree, directory):
            return False
        outside = {path: entry for path, entry in added.items() if not path.startswith(directory + "/")}
        return any(self._resembles(entry, outside) for entry in left if entry[0] in _REGULAR)

    def _check_file_against_directory(self, theirs: bytes | None) -> None:
        changes = self._outcome.changes
        present = {path for path, entry in changes.items() if entry is not None}
        for path in sorted(present):
            parent = path.rpartition("/")[0]
            while parent:
                entry = changes[parent] if parent in changes else find_entry(self._store, theirs, parent)
                if entry is not None and entry[0] != TREE:
                    self._conflict(path, f"{parent} is a file on the other side")
                    break
                parent = parent.rpartition("/")[0]
            if self._remains_directory(theirs, path):
                self._conflict(path, "is a directory on the other side")

    def _remains_directory(self, theirs: bytes | None, path: str) -> bool:
        entry = find_entry(self._store, theirs, path)
        if entry is None or entry[0] != TREE:
            return False
        return any(self._outcome.changes.get(p, entry) is not None for p in self._list(entry[1], path))

    def _list(self, tree: bytes, prefix: str) -> list[str]:
        found: list[str] = []
        for name, (mode, oid) in self._read(tree).items():
            path = f"{prefix}/{name}"
            found += self._list(oid, path) if mode == TREE else [path]
        return found


def find_entry(store: ObjectStore, tree: bytes | None, path: str) -> Entry | None:
    """What a tree has at a path."""
    entry: Entry | None = None
    for part in path.split("/"):
        if tree is None:
            return None
        entry = decode_tree(store.read_blob(tree), store.id_length).get(part)
        tree = entry[1] if entry is not None and entry[0] == TREE else None
    return entry


def flatten_tree(store: ObjectStore, tree: bytes | None, prefix: str = "") -> dict[str, Entry]:
    """Every entry of a tree that is not a directory, by path."""
    found: dict[str, Entry] = {}
    if tree is None:
        return found
    for name, (mode, oid) in decode_tree(store.read_blob(tree), store.id_length).items():
        path = f"{prefix}/{name}" if prefix else name
        if mode == TREE:
            found.update(flatten_tree(store, oid, path))
        else:
            found[path] = (mode, oid)
    return found


def diff_trees(
    store: ObjectStore, old: bytes | None, new: bytes | None, prefix: str = ""
) -> dict[str, tuple[Entry | None, Entry | None]]:
    """Paths that differ between two trees, with the entries of both; descends only where they differ."""
    found: dict[str, tuple[Entry | None, Entry | None]] = {}
    if old == new:
        return found
    sides = [decode_tree(store.read_blob(t), store.id_length) if t is not None else {} for t in (old, new)]
    for name in sides[0].keys() | sides[1].keys():
        path = f"{prefix}/{name}" if prefix else name
        pair = [side.get(name) for side in sides]
        if pair[0] == pair[1]:
            continue
        trees = [entry[1] if entry and entry[0] == TREE else None for entry in pair]
        files = [entry if entry and entry[0] != TREE else None for entry in pair]
        found.update(diff_trees(store, trees[0], trees[1], path))
        if files[0] != files[1]:
            found[path] = (files[0], files[1])
    return found


def _by_first_part(
    changes: dict[str, Entry | None],
) -> tuple[dict[str, Entry | None], dict[str, dict[str, Entry | None]]]:
    here: dict[str, Entry | None] = {}
    below: dict[str, dict[str, Entry | None]] = {}
    for path, entry in changes.items():
        name, _, rest = path.partition("/")
        if rest:
            below.setdefault(name, {})[rest] = entry
        else:
            here[name] = entry
    return here, below


def apply_changes(store: ObjectStore, tree: bytes | None, changes: dict[str, Entry | None]) -> bytes | None:
    """The tree with changes applied (None: nothing is left). Deletions go first, so a file may become a directory."""
    if not changes:
        return tree
    entries = decode_tree(store.read_blob(tree), store.id_length) if tree is not None else {}
    here, below = _by_first_part(changes)
    for name, inner in below.items():
        old = entries.get(name)
        subtree = apply_changes(store, old[1] if old and old[0] == TREE else None, inner)
        if subtree is not None:
            entries[name] = (TREE, subtree)
        elif old is not None and old[0] == TREE:
            del entries[name]
    for name, entry in here.items():
        if entry is not None:
            entries[name] = entry
        elif name in entries and entries[name][0] != TREE:
            del entries[name]
    if not entries:
        return None
    return store.put_new(
        b"tree", encode_tree([(n.encode("utf-8", "surrogateescape"), m, o) for n, (m, o) in entries.items()])
    )
