"""What must change to go from one savepoint to another.

Compares two snapshots and lists steps; touches nothing. A path that the target's ignore rules did not cover is never
deleted: it may have been there, unseen. Doing the steps is ``restore.apply``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vcr_acid.scanner.nodes import LINK, NOT_REGULAR, TREE
from vcr_acid.store.snapshots import Snapshot

FileKind = Literal["file", "exec", "link", "protected"]


class Item(NamedTuple):
    """What stands, or shall stand, at a path: a kind, and a blob id (hex) or escrow id."""

    kind: FileKind
    key: str


class Step(NamedTuple):
    """One path: what the workspace holds, what it shall hold."""

    path: str
    before: Item | None
    after: Item | None


@dataclass
class RestorePlan:
    """All steps between two savepoints. ``modes`` gives exact permission bits of paths that end up existing."""

    steps: list[Step] = field(default_factory=list[Step])
    make_directories: list[str] = field(default_factory=list[str])
    remove_directories: list[str] = field(default_factory=list[str])
    modes: dict[str, int] = field(default_factory=dict[str, int])
    chmod: list[str] = field(default_factory=list[str])
    skipped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    displaced: list[str] = field(default_factory=list[str])
    file_mode: int = 0o644
    exec_mode: int = 0o755
    directory_mode: int = 0o755

    def mode_of(self, path: str, item: Item) -> int:
        """The permission bits a written file shall have."""
        usual = self.exec_mode if item.kind == "exec" else self.file_mode
        return self.modes.get(path, 0o600 if item.kind == "protected" else usual)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        work = (self.steps, self.make_directories, self.remove_directories, self.chmod, self.displaced)
        return not any(work)


#: What a git mode means for a restore; directories and gitlinks are not in it.
KINDS: dict[bytes, FileKind] = {b"100644": "file", b"100755": "exec", LINK: "link"}


class _Comparison:
    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before = before
        self.after = after
        self.files: dict[str, tuple[Item | None, Item | None]] = {}
        self.directories: dict[str, tuple[bool, bool]] = {}

    def run(self) -> None:
        self._directory("", self.before.tree, self.after.tree)
        for side, snapshot in enumerate((self.before, self.after)):
            for path in snapshot.extras["bare"]:
                self._note_directory(path, side)
            for path, (_, escrow_id, _) in snapshot.extras["protected"].items():
                self._note_file(path, side, Item("protected", escrow_id))

    def _note_directory(self, path: str, side: int) -> None:
        old = self.directories.get(path, (False, False))
        self.directories[path] = (old[0] or side == 0, old[1] or side == 1)

    def _note_file(self, path: str, side: int, item: Item) -> None:
        old = self.files.get(path, (None, None))
        self.files[path] = (item, old[1]) if side == 0 else (old[0], item)

    def _directory(self, path: str, before: bytes | None, after: bytes | None) -> None:
        if before == after and not self._nested_differ(path):
            return
        old = self.before.entries(path, before) if before is not None else {}
        new = self.after.entries(path, after) if after is not None else {}
        for name in old.keys() | new.keys():
            self._entry(f"{path}/{name}" if path else name, old.get(name), new.get(name))

    def _nested_differ(self, path: str) -> bool:
        if not self.before.extras["nested"] and not self.after.extras["nested"]:
            return False
        return self.before.has_nested_below(path) or self.after.has_nested_below(path)

    def _entry(self, path: str, old: tuple[bytes, bytes] | None, new: tuple[bytes, bytes] | None) -> None:
        for side, entry in enumerate((old, new)):
            if entry is None:
                continue
            if entry[0] == TREE:
                self._note_directory(path, side)
            elif entry[0] in KINDS and old != new:
                self._note_file(path, side, Item(KINDS[entry[0]], entry[1].hex()))
        old_tree = old[1] if old and old[0] == TREE else None
        new_tree = new[1] if new and new[0] == TREE else None
        if old_tree is not None or new_tree is not None:
            self._directory(path, old_tree, new_tree)


class _TargetRules:
    """Whether the target's ignore rules hid a path, so that its absence there proves nothing."""

    def __init__(self, target: Snapshot, prefix: str, *, active: bool) -> None:
        self._active = active
        self._target = target
        self._prefix = os.fsencode(prefix) + b"/" if prefix else b""
        self._prefix_text = prefix
        self._hidden: dict[str, bool] = {"": False}

    def hides_directory(self, path: str) -> bool:
        known = self._hidden.get(path)
        if known is None:
            parent = path.rpartition("/")[0]
            known = self.hides_directory(parent) or self._ignored(path, True)
            self._hidden[path] = known
        return known

    def hides_file(self, path: str) -> bool:
        return self.hides_directory(path.rpartition("/")[0]) or self._ignored(path, False)

    def _ignored(self, path: str, is_directory: bool) -> bool:
        if not self._active:
            return False
        chain = self._target.rules_at(path.rpartition("/")[0], self._prefix_text)
        return chain is not None and chain.ignores(self._prefix + os.fsencode(path), is_directory)


def _wanted(path: str, only: Iterable[str] | None) -> bool:
    return only is None or any(path == want or path.startswith(want + "/") for want in only)


def make_plan(
    before: Snapshot, after: Snapshot, *, prefix: str, only: Iterable[str] | None = None, keep_hidden: bool = True
) -> RestorePlan:
    """Plan the way from ``before`` (what the workspace holds) to ``after``.

    Args:
        before: A savepoint equal to the workspace.
        after: The savepoint to go to.
        prefix: The workspace's path inside its worktree.
        only: Restrict to these paths and what lies below them.
        keep_hidden: Leave alone what the target's ignore rules may have hidden.
    """
    only = None if only is None else [path.strip("/") for path in only]
    extras = after.extras
    usual = extras["defaults"]
    plan = RestorePlan(file_mode=usual[0], exec_mode=usual[1], directory_mode=usual[2])
    if before.tree == after.tree and before.extras_id == after.extras_id:
        return plan
    comparison = _Comparison(before, after)
    comparison.run()
    rules = _TargetRules(after, prefix, active=keep_hidden)
    for path, (old, new) in sorted(comparison.files.items()):
        if old == new or not _wanted(path, only):
            continue
        if new is None and old is not None and old.kind != "protected" and rules.hides_file(path):
            plan.skipped.append((path, "ignored at the target savepoint, so it may have existed there"))
            continue
        plan.steps.append(Step(path, old, new))
    for path, (old_dir, new_dir) in sorted(comparison.directories.items()):
        if not _wanted(path, only):
            continue
        if new_dir and not old_dir:
            plan.make_directories.append(path)
        elif old_dir and not new_dir and not rules.hides_directory(path):
            plan.remove_directories.append(path)
    plan.remove_directories.reverse()
    _plan_modes(plan, before, after, only)
    _plan_unsaved(plan, before, after, rules, only)
    return plan


def _plan_unsaved(
    plan: RestorePlan, before: Snapshot, after: Snapshot, rules: _TargetRules, only: list[str] | None
) -> None:
    """Decide about what savepoints cannot hold; nothing of it is deleted."""
    gone = set(before.extras["nested"]) - set(after.extras["nested"])
    plan.displaced = [p + "/.git" for p in sorted(gone) if _wanted(p, only) and not rules.hides_directory(p)]
    for path, reason in sorted(before.extras["unsaved"].items()):
        if path in after.extras["unsaved"] or not _wanted(path, only) or rules.hides_file(path):
            continue
        if reason == NOT_REGULAR:
            plan.displaced.append(path)
        else:
            plan.skipped.append((path, f"not part of savepoints: {reason}"))
    for path, reason in sorted(after.extras["unsaved"].items()):
        if path not in before.extras["unsaved"] and _wanted(path, only):
            plan.skipped.append((path, f"was not part of the savepoint: {reason}"))
    for path in sorted(set(after.extras["nested"]) - set(before.extras["nested"])):
        if _wanted(path, only):
            plan.skipped.append((path + "/.git", "the repository inside was not saved, only its files"))
    for path, mark in after.extras["rebuild"].items():
        if before.extras["rebuild"].get(path) != mark and _wanted(path, only):
            plan.skipped.append((path, "rebuildable directory that changed since: run its installer again"))


def _plan_modes(plan: RestorePlan, before: Snapshot, after: Snapshot, only: list[str] | None) -> None:
    new: dict[str, int] = after.extras["modes"]
    old: dict[str, int] = before.extras["modes"]
    plan.modes = {path: bits for path, (bits, _, _) in after.extras["protected"].items()}
    plan.modes.update(after.extras["bare"])
    plan.modes.update(new)
    for path, (bits, _, _) in after.extras["protected"].items():
        known = before.extras["protected"].get(path)
        if known is not None and known[0] != bits and _wanted(path, only):
            plan.chmod.append(path)
    for path in sorted((new.keys() | old.keys()) | set(plan.make_directories)):
        if not _wanted(path, only) or (new.get(path) == old.get(path) and path not in plan.make_directories):
            continue
        if path in plan.modes:
            plan.chmod.append(path)
            continue
        entry = after.lookup(path)
        if entry is None:
            continue
        usual = plan.directory_mode if entry[0] == TREE else plan.file_mode
        if entry[0] != LINK:
            plan.modes[path] = plan.exec_mode if entry[0] == b"100755" else usual
            plan.chmod.append(path)
