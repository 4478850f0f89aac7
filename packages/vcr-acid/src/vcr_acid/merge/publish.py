"""Commit: the session's work becomes one commit on the branch.

Merged in memory against where the branch is now; nothing is touched until the merge is clean and everything it would
overwrite is known to be saved. Then: one durable intent in the log, the branch by compare-and-swap, the files and the
index of the worktree that shows the branch, the end in the log. If the branch moved in between, it is merged again.
"""

from __future__ import annotations

import contextlib
import random
import time
from dataclasses import replace
from typing import Any

from vcr_acid.disk import Disk
from vcr_acid.errors import CommitRefused
from vcr_acid.merge.attributes import above, in_files, in_tree
from vcr_acid.merge.conversion import Conversion
from vcr_acid.merge.history import ancestors, base_tree
from vcr_acid.merge.identity import committer
from vcr_acid.merge.shown_worktree import ShownWorktree, find_shown
from vcr_acid.merge.tree_merge import (
    Entry,
    MergeOutcome,
    TreeMerge,
    apply_changes,
    diff_trees,
    find_entry,
    flatten_tree,
)
from vcr_acid.scanner.nodes import LINK
from vcr_acid.store.git_config import read_settings
from vcr_acid.store.layout import Layout, locate
from vcr_acid.store.objects import decode_objects, encode_objects
from vcr_acid.store.refs import RefLocked, Refs
from vcr_acid.store.snapshots import commit_bytes, read_commit
from vcr_acid.transaction.reports import CommitResult, ConflictedPath
from vcr_acid.transaction.session import Session
from vcr_acid.transaction.session_state import Resolution
from vcr_acid.transaction.user_git import describe_git_changes

Changed = dict[str, tuple[Entry | None, Entry | None]]
"""What `diff_trees` returns: the paths that differ, with the entries of both trees."""
_FILES = (b"100644", b"100755")
_MAX_ATTEMPTS = 500
_LOCK_PATIENCE_SECONDS = 20.0


class Publisher:
    """One commit of one session."""

    def __init__(self, session: Session, origin: Layout, disk: Disk) -> None:
        self._session = session
        self._store = session.store
        self._origin = origin
        self._disk = disk
        self._refs = Refs(origin, disk)
        self._branch: str = session.state.begin["branch"]
        self._config = read_settings(origin)
        self._notes: list[str] = list(describe_git_changes(session))

    def run(self, message: str | None) -> CommitResult:
        """Merge and publish; see :meth:`ACIDWorkspace.commit`."""
        if self._origin.private:
            return self._publish_private(message)
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        shown = find_shown(self._origin, self._branch, self._session, self._disk)
        with contextlib.ExitStack() as stack:
            if shown is not None:
                stack.enter_context(shown.locked())
            for attempt in range(1, _MAX_ATTEMPTS + 1):
                try:
                    result = self._try_once(message, shown, attempt)
                except RefLocked as error:
                    if time.monotonic() > deadline:
                        raise CommitRefused(
                            f"another program holds {error.filename}", (), "If no git is running, remove that file."
                        ) from error
                    result = None
                if result is not None:
                    return result
                time.sleep(random.uniform(0, 0.004) * min(attempt, 10))
        raise CommitRefused(f"{self._branch} moved {_MAX_ATTEMPTS} times while committing", (), "Try again.")

    # -- merging ------------------------------------------------------------------------------------------------------

    def _try_once(self, message: str | None, shown: ShownWorktree | None, attempt: int) -> CommitResult | None:
        tip = self._refs.get(self._branch)
        theirs = read_commit(self._store, tip)[0] if tip else None
        outcome = self._merge(theirs)
        conflicts = list(outcome.conflicts)
        catch_up: dict[str, Entry | None] = {}
        if shown is not None and shown.in_place:
            caught = self._catch_up(theirs)
            conflicts += [c for c in caught.conflicts if c.path not in self._resolved()]
            catch_up = {**caught.changes, **{path: outcome.changes[path] for path in self._resolved()}}
        if conflicts:
            self._store.discard_pending()
            return CommitResult(
                "conflict",
                branch=self._branch,
                conflicts=tuple(_unique(conflicts, self._prefix())),
                attempts=attempt,
                notes=tuple(self._notes),
            )
        notes = (*self._notes, *outcome.notes)
        tree = apply_changes(self._store, theirs, outcome.changes) or self._store.put_new(b"tree", b"")
        if tree == theirs and not catch_up:
            self._store.discard_pending()
            self._session.record("committed", {"commit": None, "time": time.time()})
            return CommitResult("nothing", branch=self._branch, attempts=attempt, notes=notes)
        new = tip if tree == theirs and tip else self._make_commit(tree, [tip] if tip else [], message)
        plan = shown.plan(outcome.changes, catch_up, theirs, self._tip_at_begin()) if shown is not None else {}
        if not self._publish(tip, new, plan, outcome, shown):
            return None
        if shown is not None:
            notes += tuple(shown.notes)
        self._session.record("committed", {"commit": new.hex(), "time": time.time()})
        return CommitResult("committed", new.hex(), self._branch, tuple(sorted(outcome.changes)), (), attempt, notes)

    def _tip_at_begin(self) -> bytes | None:
        tip = self._session.state.begin["tip"]
        return read_commit(self._store, bytes.fromhex(tip))[0] if tip else None

    def _resolved(self) -> frozenset[str]:
        prefix = self._prefix()
        return frozenset(prefix + path for path in self._session.state.resolutions)

    def _prefix(self) -> str:
        return self._session.layout.prefix + "/" if self._session.layout.prefix else ""

    def _sides(self) -> tuple[bytes | None, bytes | None]:
        """Base and ours, as trees of the whole worktree with contents as git would store them."""
        session = self._session
        base: bytes | None = session.snapshot(session.state.savepoints[0]).tree
        ours: bytes | None = session.snapshot(session.state.current).tree
        if self._prefix():
            base, ours = self._lift(base), self._lift(ours)
        return base, ours

    def _lift(self, tree: bytes | None) -> bytes | None:
        """A workspace's tree moved to its place in the worktree."""
        return apply_changes(self._store, None, dict(flatten_tree(self._store, tree, self._session.layout.prefix)))

    def _merge(self, theirs: bytes | None) -> MergeOutcome:
        base, ours = self._sides()
        base = self._merged_base(base)
        changed = diff_trees(self._store, base, ours)
        adopted = self._adopted(changed, theirs)
        base = apply_changes(self._store, base, dict.fromkeys(adopted))
        conversion = self._conversion()
        base, ours = self._cleaned(base, ours, theirs, changed, conversion)
        merge = TreeMerge(self._store, keep_whole=conversion.keep_whole, resolved=self._resolved())
        outcome = merge.merge(base, ours, theirs)
        for path, resolution in self._session.state.resolutions.items():
            full = self._prefix() + path
            sides = [find_entry(self._store, tree, full) for tree in (theirs, ours)]
            outcome.changes[full] = self._resolve(full, resolution, [side for side in sides if side], conversion)
        outcome.notes = [
            f"{path} was not in git when the session began; it is committed whole"
            for path in adopted
            if path in outcome.changes
        ]
        return outcome

    def _resolve(self, path: str, resolution: Resolution, sides: list[Entry], conversion: Conversion) -> Entry | None:
        """The entry that was decided; without a mode as the sides have it, the branch's first."""
        if resolution.blob is None:
            return None
        blob = bytes.fromhex(resolution.blob)
        files = [mode for mode, _ in sides if mode in _FILES]
        usual = LINK if sides and all(mode == LINK for mode, _ in sides) else files[0] if files else b"100644"
        mode = resolution.mode.encode() if resolution.mode else usual
        if mode == LINK:
            return mode, blob
        data = self._store.read_blob(blob)
        stored = self._store.read_blob(sides[0][1]) if files and sides[0][0] in _FILES else None
        cleaned = conversion.clean(path, data, stored)
        return mode, blob if cleaned is data else self._store.put_new(b"blob", cleaned)

    def _conversion(self) -> Conversion:
        """What git would convert on the way in: by the files that are there, around the workspace or by the commit."""
        layout = self._session.layout
        around = above(layout.prefix, in_tree(self._store, self._tip_at_begin()))
        return Conversion(layout, read_settings(layout), in_files(layout.top), around)

    def _adopted(self, changed: Changed, theirs: bytes | None) -> list[str]:
        """Files that the user had not added to git and the session changed: they are new to the branch.

        Without this they would look deleted there, since the workspace had them at begin.
        """
        if self._session.state.begin["isolation"] == "worktree":
            return []
        begun = self._tip_at_begin()
        return [
            path
            for path, (old, _) in sorted(changed.items())
            if old is not None
            and find_entry(self._store, begun, path) is None
            and find_entry(self._store, theirs, path) is None
        ]

    def _merged_base(self, base: bytes | None) -> bytes | None:
        """If the agent merged the branch into its own worktree, what it merged is common by now."""
        session = self._session
        if session.state.begin["isolation"] != "worktree" or self._prefix():
            return base
        head, tip = session.refs.head()[1], self._refs.get(self._branch)
        begun = session.state.begin["tip"]
        if head is None or tip is None or head.hex() == begun:
            return base
        tree, conflicts = base_tree(self._store, head, tip)
        return tree if tree is not None and not conflicts else base

    def _cleaned(
        self,
        base: bytes | None,
        ours: bytes | None,
        theirs: bytes | None,
        changed: Changed,
        conversion: Conversion,
    ) -> tuple[bytes | None, bytes | None]:
        """Base and ours with changed files converted as git would convert them."""
        new_base: dict[str, Entry | None] = {}
        new_ours: dict[str, Entry | None] = {}
        for path, (_, entry) in changed.items():
            stored = find_entry(self._store, theirs, path)
            text = self._store.read_blob(stored[1]) if stored and stored[0] in _FILES else None
            for tree_entry, table in ((find_entry(self._store, base, path), new_base), (entry, new_ours)):
                if tree_entry is None or tree_entry[0] not in _FILES:
                    continue
                data = self._store.read_blob(tree_entry[1])
                cleaned = conversion.clean(path, data, text)
                if cleaned is not data:
                    table[path] = (tree_entry[0], self._store.put_new(b"blob", cleaned))
        return apply_changes(self._store, base, new_base), apply_changes(self._store, ours, new_ours)

    def _catch_up(self, theirs: bytes | None) -> MergeOutcome:
        """What others brought to the branch since begin, as changes to the workspace."""
        then = self._tip_at_begin()
        if then == theirs:
            return MergeOutcome()
        merge = TreeMerge(self._store, resolved=self._resolved())
        return merge.merge(then, theirs, self._session.placed_tree(then))

    def _make_commit(self, tree: bytes, parents: list[bytes], message: str | None) -> bytes:
        begin = self._session.state.begin
        text = message or begin.get("message") or f"vcr session {begin['name']}"
        who = committer(self._config)
        return self._store.put(b"commit", commit_bytes(tree, parents, text, int(time.time()), who))

    # -- publishing ---------------------------------------------------------------------------------------------------

    def _publish(
        self, tip: bytes | None, new: bytes, plan: dict[str, Any], outcome: MergeOutcome, shown: ShownWorktree | None
    ) -> bool:
        session = self._session
        intent = {
            "branch": self._branch,
            "old": tip.hex() if tip else None,
            "new": new.hex(),
            "worktree": shown.layout.workspace if shown else None,
            "plan": plan,
        }
        payload = encode_objects(self._store.write_pending())
        session.record("commit", intent, payload)
        try:
            moved = new == tip or self._refs.swap(self._branch, tip, new)
        except BaseException:
            with contextlib.suppress(OSError):
                if self._refs.get(self._branch) != new:
                    session.record("commit-void", {})
            raise
        if not moved:
            session.record("commit-void", {})
            return False
        if shown is not None:
            shown.carry_out(plan)
            shown.write_reflog(self._branch, tip, new, committer(self._config))
        return True

    def _publish_private(self, message: str | None) -> CommitResult:
        """A plain directory has nobody else's work to merge with."""
        session = self._session
        tip = self._refs.get(self._branch)
        tree = session.snapshot(session.state.current).tree
        if tree == session.snapshot(session.state.savepoints[0]).tree:
            session.record("committed", {"commit": None, "time": time.time()})
            return CommitResult("nothing", branch=self._branch, notes=tuple(self._notes))
        new = self._make_commit(tree, [tip] if tip else [], message)
        if not self._publish(tip, new, {}, MergeOutcome(), None):
            raise CommitRefused("another process committed to this directory's private history", (), "Try again.")
        session.record("committed", {"commit": new.hex(), "time": time.time()})
        changed = diff_trees(self._store, session.snapshot(session.state.savepoints[0]).tree, tree)
        return CommitResult("committed", new.hex(), self._branch, tuple(sorted(changed)), notes=tuple(self._notes))


def finish_commit(session: Session) -> str:
    """After a crash: complete a commit whose branch had moved, void one whose branch had not."""
    intent = session.state.committing or {}
    new = bytes.fromhex(intent["new"])
    origin = locate(session.state.begin["origin"], disk=session.disk)
    if session.layout.private:
        origin = session.layout
    refs = Refs(origin, session.disk)
    for record in session.log.records:
        if record.kind == "commit":
            for entry in decode_objects(session.log.payload(record), session.store.id_length):
                if not session.store.verify_loose(entry.object_id) and not session.store.contains(entry.object_id):
                    session.store.write_loose(entry, replace=True)
    refs.break_own_lock(intent["branch"], new)
    current = refs.get(intent["branch"])
    happened = current is not None and new in ancestors(session.store, current, limit=10_000)
    if not happened or (intent["old"] == intent["new"] and not intent["plan"]):
        session.record("commit-void", {})
        return f"the interrupted commit had not reached {intent['branch']}: the session is open as before"
    if intent["worktree"]:
        layout = session.layout
        if layout.workspace != intent["worktree"]:
            layout = locate(intent["worktree"], disk=session.disk)
        shown = ShownWorktree(layout, session, session.disk, in_place=layout.workspace == session.layout.workspace)
        with shown.locked():
            shown.carry_out(intent["plan"])
    session.record("committed", {"commit": intent["new"], "time": time.time()})
    return f"finished the interrupted commit {intent['new'][:12]} on {intent['branch']}"


def _unique(conflicts: list[ConflictedPath], prefix: str) -> list[ConflictedPath]:
    """One conflict per path, as ``resolve()`` takes the path."""
    found = {conflict.path: conflict for conflict in reversed(conflicts)}
    return [replace(one, path=path.removeprefix(prefix)) for path, one in reversed(found.items())]
