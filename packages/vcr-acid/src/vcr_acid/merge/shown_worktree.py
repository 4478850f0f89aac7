"""The worktree that shows the branch a commit goes to: its files and its index must follow, or the commit is refused.

Only paths the commit changes are touched, and only where the file is what the branch had. The user's staged work on
other paths keeps its index entries byte for byte.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from vcr_acid.disk import Disk
from vcr_acid.errors import CommitRefused, WorkspaceRefused
from vcr_acid.git_guard.index_file import INTENT_TO_ADD, IndexEntry, encode_index, make_entry, parse_index
from vcr_acid.merge.attributes import in_files, in_tree
from vcr_acid.merge.conversion import Conversion
from vcr_acid.merge.tree_merge import Entry, diff_trees, find_entry
from vcr_acid.restore.apply import Restorer
from vcr_acid.restore.plan import KINDS, Item, RestorePlan, Step
from vcr_acid.scanner.nodes import LINK, TREE
from vcr_acid.store.git_config import read_settings
from vcr_acid.store.layout import Layout, locate
from vcr_acid.store.objects import ObjectStore
from vcr_acid.store.refs import Refs
from vcr_acid.store.temporary import fresh_path
from vcr_acid.transaction.lock import WorkspaceLock
from vcr_acid.transaction.session import Session

_WAIT_SECONDS = 30.0
_INDEX_WAIT_SECONDS = 2.0


class ShownWorktree:
    """One worktree with the branch checked out."""

    def __init__(self, layout: Layout, session: Session, disk: Disk, *, in_place: bool) -> None:
        self.layout = replace(layout, workspace=layout.top, prefix="")
        self.in_place = in_place
        self.notes: list[str] = []
        self._session = session
        self._store = session.store
        self._disk = disk

    @contextlib.contextmanager
    def locked(self) -> Generator[None, None, None]:
        """Hold the worktree's lock (the session holds it already when it works in place)."""
        if self.in_place:
            yield
            return
        lock = WorkspaceLock(self.layout.lock, self.layout.workspace)
        lock.acquire(f"commit of session {self._session.state.session_id}", timeout=_WAIT_SECONDS)
        try:
            yield
        finally:
            lock.release()

    def _restorer(self) -> Restorer:
        session = self._session
        return Restorer(self.layout, self._store, session.escrow, self._disk, session.state.session_id, gentle=True)

    # -- planning -----------------------------------------------------------------------------------------------------

    def plan(
        self,
        changes: dict[str, Entry | None],
        catch_up: dict[str, Entry | None],
        theirs: bytes | None,
        begun: bytes | None,
    ) -> dict[str, Any]:
        """What to do to files and index, as plain values for the log.

        Raises:
            CommitRefused: A file or index entry holds work of the user that would be overwritten or hidden.
        """
        readers = in_tree(self._store, theirs), in_files(self.layout.top)
        conversion = Conversion(self.layout, read_settings(self.layout), *readers)
        steps: list[list[Any]] = []
        wanted = catch_up if self.in_place else changes
        before_tree = self._workspace_tree(begun) if self.in_place else theirs
        old = diff_lookup(self._store, before_tree, wanted)
        for path, entry in sorted(wanted.items()):
            before = self._item(path, old[path], conversion, raw=self.in_place)
            after = self._item(path, entry, conversion, raw=False)
            if before != after:
                steps.append([path, before, after])
        self._refuse_dirty(steps)
        return {"steps": steps, "index": self._plan_index(changes, theirs, begun)}

    def _workspace_tree(self, begun: bytes | None) -> bytes | None:
        return self._session.placed_tree(begun)

    def _item(self, path: str, entry: Entry | None, conversion: Conversion, *, raw: bool) -> list[str] | None:
        if entry is None or entry[0] not in KINDS:
            return None
        blob = entry[1]
        if not raw and entry[0] != LINK:
            data = self._store.read_blob(blob)
            shown = conversion.smudge(path, data)
            blob = blob if shown is data else self._store.put_new(b"blob", shown)
        return [KINDS[entry[0]], blob.hex()]

    def _refuse_dirty(self, steps: list[list[Any]]) -> None:
        dirty = self._restorer().find_unexpected(_to_plan(steps))
        if dirty:
            raise CommitRefused(
                f"{self.layout.workspace} has uncommitted work in path(s) this commit changes",
                dirty,
                "Commit or stash it there, then commit() again.",
            )

    def _plan_index(
        self, changes: dict[str, Entry | None], theirs: bytes | None, begun: bytes | None
    ) -> list[list[Any]]:
        """Entries to set: path, mode, id (None: remove), and the earlier entries that may be replaced."""
        paths: dict[str, list[Entry | None]] = {path: [] for path in changes}
        old = diff_lookup(self._store, theirs, paths)
        for path, entry in old.items():
            paths[path].append(entry)
        if self.in_place and begun != theirs:
            for path, (was, now) in diff_trees(self._store, begun, theirs).items():
                paths.setdefault(path, [now]).append(was)
        plan: list[list[Any]] = []
        entries = self._read_index()
        for path, allowed in sorted(paths.items()):
            new = changes[path] if path in changes else allowed[0]
            allowed_text = [_text(entry) for entry in allowed]
            staged = entries.get(os.fsencode(path)) if entries is not None else None
            if _index_text(staged) not in [*allowed_text, _text(new)]:
                if not self.in_place:
                    raise CommitRefused(
                        "a staged change would be hidden", [path], f"Commit or unstage it in {self.layout.workspace}."
                    )
                self.notes.append(f"{path} keeps its staged version")
                continue
            plan.append([path, _text(new), allowed_text])
        return plan

    def _read_index(self) -> dict[bytes, IndexEntry] | None:
        try:
            with open(os.path.join(self.layout.git_dir, "index"), "rb") as stream:
                index = parse_index(stream.read(), self._store.id_length)
        except FileNotFoundError:
            return {}
        except ValueError:
            return None
        return {entry.path: entry for entry in index.entries}

    # -- doing --------------------------------------------------------------------------------------------------------

    def carry_out(self, plan: dict[str, Any]) -> None:
        """Bring files and index to the plan; may be repeated."""
        outcome = self._restorer().apply(_to_plan(plan.get("steps", [])))
        self.notes += [f"{path}: {why}" for path, why in outcome.skipped]
        if plan.get("index"):
            self._update_index(plan["index"])

    def _update_index(self, changes: list[list[Any]]) -> None:
        path = os.path.join(self.layout.git_dir, "index")
        self._break_own_index_lock(path + ".lock")
        temporary = fresh_path(self.layout)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        os.close(fd)
        try:
            if not self._take_index_lock(temporary, path + ".lock"):
                self.notes.append("the index is locked by another program and was left as it is: run 'git reset' there")
                return
            try:
                data = self._changed_index(path, changes)
                if data is not None:
                    fd = self._disk.open(path + ".lock", os.O_WRONLY | os.O_TRUNC)
                    try:
                        self._disk.write(fd, data, path)
                        self._disk.fsync(fd, path)
                    finally:
                        os.close(fd)
                    self._disk.rename(path + ".lock", path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    self._disk.unlink(path + ".lock")
        finally:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(temporary)

    def _take_index_lock(self, temporary: str, lock: str) -> bool:
        deadline = time.monotonic() + _INDEX_WAIT_SECONDS
        while True:
            try:
                self._disk.link(temporary, lock)
                return True
            except FileExistsError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)

    def _break_own_index_lock(self, lock: str) -> None:
        """A lock that shares its file with one of our temporary names is ours, left by a crash."""
        try:
            status = os.lstat(lock)
        except FileNotFoundError:
            return
        for name in os.listdir(self.layout.temporary):
            with contextlib.suppress(OSError):
                if os.path.samestat(os.lstat(os.path.join(self.layout.temporary, name)), status):
                    self._disk.unlink(lock)
                    return

    def _changed_index(self, path: str, changes: list[list[Any]]) -> bytes | None:
        entries: list[IndexEntry] = []
        if os.path.exists(path):
            with open(path, "rb") as stream:
                index = parse_index(stream.read(), self._store.id_length)
            if not index.complete:
                self.notes.append("the index is split or sparse and was left as it is: run 'git reset' there")
                return None
            entries = index.entries
        table = {(entry.path, entry.stage): entry for entry in entries}
        touched = False
        for name, new, allowed in changes:
            key = (os.fsencode(name), 0)
            if _index_text(table.get(key)) not in allowed or _index_text(table.get(key)) == new:
                continue
            touched = True
            if new is None:
                del table[key]
                continue
            mode, oid = new.split(":")
            table[key] = make_entry(key[0], int(mode, 8), bytes.fromhex(oid), self._status_if_equal(name, oid))
        return encode_index(table.values(), self.layout.object_format.hash_func) if touched else None

    def _status_if_equal(self, name: str, oid: str) -> os.stat_result | None:
        path = os.path.join(self.layout.workspace, name)
        try:
            status = os.lstat(path)
            data = os.fsencode(os.readlink(path)) if os.path.islink(path) else None
            if data is None:
                with open(path, "rb") as stream:
                    data = stream.read()
        except OSError:
            return None
        return status if self._store.hash(b"blob", data).hex() == oid else None

    def write_reflog(self, branch: str, old: bytes | None, new: bytes, who: bytes) -> None:
        """Append to the logs git keeps for the branch and for HEAD, where it keeps them."""
        zero = "0" * (2 * self._store.id_length)
        line = (
            f"{old.hex() if old else zero} {new.hex()} ".encode() + who + b" %d +0000\tcommit: vcr\n" % int(time.time())
        )
        places = {
            os.path.join(self.layout.common_dir, "logs", branch),
            os.path.join(self.layout.git_dir, "logs", "HEAD"),
        }
        for path in places:
            if os.path.isfile(path):
                fd = self._disk.open(path, os.O_WRONLY | os.O_APPEND)
                try:
                    self._disk.write(fd, line, path)
                finally:
                    os.close(fd)


def diff_lookup(store: ObjectStore, tree: bytes | None, paths: Iterable[str]) -> dict[str, Entry | None]:
    """The files and links a tree has at some paths."""
    found = {path: find_entry(store, tree, path) for path in paths}
    return {path: None if entry is None or entry[0] == TREE else entry for path, entry in found.items()}


def _text(entry: Entry | None) -> str | None:
    return f"{entry[0].decode()}:{entry[1].hex()}" if entry is not None else None


def _index_text(entry: IndexEntry | None) -> str | None:
    """What is staged; nothing is, where a file was only announced (``git add -N``)."""
    if entry is None or entry.extended & INTENT_TO_ADD:
        return None
    return f"{entry.mode:o}:{entry.object_id.hex()}"


def _to_plan(steps: list[list[Any]]) -> RestorePlan:
    plan = RestorePlan()
    directories: set[str] = set()
    for path, before, after in steps:
        plan.steps.append(Step(path, Item(*before) if before else None, Item(*after) if after else None))
        parent = path.rpartition("/")[0]
        while after is None and parent:
            directories.add(parent)
            parent = parent.rpartition("/")[0]
    plan.remove_directories = sorted(directories, reverse=True)
    return plan


def find_shown(origin: Layout, branch: str, session: Session, disk: Disk) -> ShownWorktree | None:
    """The worktree that has ``branch`` checked out, if any."""
    in_place = session.state.begin["isolation"] == "branch"
    if branch == "HEAD" or Refs(origin, disk).head()[0] == branch:
        return ShownWorktree(origin, session, disk, in_place=in_place)
    for path in _worktree_paths(origin):
        try:
            layout = locate(path, disk=disk, create=False)
        except WorkspaceRefused:
            continue
        if not layout.private and layout.common_dir == origin.common_dir and Refs(layout, disk).head()[0] == branch:
            return ShownWorktree(layout, session, disk, in_place=False)
    return None


def _worktree_paths(origin: Layout) -> Iterator[str]:
    if os.path.basename(origin.common_dir) == ".git":
        yield os.path.dirname(origin.common_dir)
    admin = os.path.join(origin.common_dir, "worktrees")
    for name in sorted(os.listdir(admin)) if os.path.isdir(admin) else ():
        with contextlib.suppress(OSError), open(os.path.join(admin, name, "gitdir"), "rb") as stream:
            yield os.path.dirname(os.fsdecode(stream.read().strip()))
