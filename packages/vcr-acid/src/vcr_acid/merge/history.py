"""The common base of two commits, as a tree, where it must be found first.

Needed when the agent merged or rebased inside its own worktree. With several bases (criss-cross) they are merged into a
virtual one; if that conflicts, so does the whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from vcr_acid.merge.tree_merge import TreeMerge, apply_changes
from vcr_acid.store.objects import ObjectStore
from vcr_acid.store.snapshots import read_commit
from vcr_acid.transaction.reports import ConflictedPath

_MAX_WALK = 200_000


def ancestors(store: ObjectStore, commit: bytes, *, limit: int = _MAX_WALK) -> Iterator[bytes]:
    """The commit and everything before it, as far as the repository has it."""
    seen = {commit}
    queue = [commit]
    while queue and len(seen) < limit:
        current = queue.pop()
        yield current
        try:
            parents = read_commit(store, current)[1]
        except KeyError:
            continue  # behind the edge of a shallow clone
        for parent in parents:
            if parent not in seen:
                seen.add(parent)
                queue.append(parent)


def merge_bases(store: ObjectStore, one: bytes, other: bytes) -> list[bytes]:
    """The best common ancestors of two commits."""
    common = set(ancestors(store, one)) & set(ancestors(store, other))
    covered: set[bytes] = set()
    for commit in common:
        try:
            for parent in read_commit(store, commit)[1]:
                if parent not in covered:
                    covered.update(ancestors(store, parent))
        except KeyError:
            continue
    return sorted(common - covered)


def base_tree(store: ObjectStore, one: bytes, other: bytes) -> tuple[bytes | None, list[ConflictedPath]]:
    """The tree to merge against; conflicts if several bases do not merge."""
    bases = merge_bases(store, one, other)
    if not bases:
        return None, []
    tree: bytes | None = read_commit(store, bases[0])[0]
    merged = bases[0]
    for base in bases[1:]:
        inner, conflicts = base_tree(store, merged, base)
        if conflicts:
            return None, conflicts
        theirs = read_commit(store, base)[0]
        outcome = TreeMerge(store).merge(inner, tree, theirs)
        if outcome.conflicts:
            return None, outcome.conflicts
        tree = apply_changes(store, theirs, outcome.changes)
        merged = base
    return tree, []
