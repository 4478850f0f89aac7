"""Linked worktrees of our own: one per session that works beside the user.

Written as git writes them (``git worktree list`` shows them), outside the user's directory. The files come from the
commit the user's branch is at. Removing one deletes only what its last savepoint holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from vcr_acid.disk import Disk
from vcr_acid.errors import UnsupportedRepository
from vcr_acid.git_guard.index_file import IndexEntry, encode_index, make_entry
from vcr_acid.merge.attributes import in_tree
from vcr_acid.merge.conversion import Conversion
from vcr_acid.merge.tree_merge import flatten_tree
from vcr_acid.scanner.nodes import GITLINK, LINK
from vcr_acid.store.git_config import read_settings
from vcr_acid.store.layout import Layout, locate, state_directory
from vcr_acid.store.objects import ObjectStore
from vcr_acid.store.refs import Refs
from vcr_acid.store.snapshots import Snapshot, read_commit
from vcr_acid.transaction.session_state import SessionState


def _place(origin: Layout, session_id: str, state_dir: str | None) -> str:
    key = hashlib.blake2b(os.fsencode(origin.common_dir), digest_size=6).hexdigest()
    root = os.path.join(state_dir or state_directory(), "worktrees", f"{os.path.basename(origin.top)[:40]}-{key}")
    return os.path.join(root, session_id)


def _write(disk: Disk, path: str, text: str) -> None:
    fd = disk.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
    try:
        disk.write(fd, os.fsencode(text), path)
    finally:
        os.close(fd)


def create_worktree(origin: Layout, session_id: str, *, disk: Disk, state_dir: str | None) -> Layout:
    """Make a worktree for a session on the branch ``vcr/<session>``; returns its layout.

    Raises:
        UnsupportedRepository: Only git could fill it; nothing was made.
        OSError: The disk refused; nothing of it is left.
    """
    refs = Refs(origin, disk)
    if refs.get("refs/heads/vcr") is not None:
        raise UnsupportedRepository(origin.common_dir, "a branch called 'vcr'", "rename it, for it hides vcr/<session>")
    store = ObjectStore(origin, disk)
    try:
        content = _Content(origin, store, refs.head()[1])
        top = os.path.realpath(os.path.dirname(_place(origin, session_id, state_dir)))
        disk.make_directories(top, 0o700)
        top = os.path.join(top, session_id)
        disk.mkdir(top)
        try:
            return _fill(origin, top, content, disk=disk, state_dir=state_dir)
        except BaseException:
            remove_worktree_files(origin, top, disk)
            raise
    finally:
        store.close()


def _admin(origin: Layout, session_id: str) -> str:
    return os.path.join(origin.common_dir, "worktrees", f"vcr-{session_id}")


def _fill(origin: Layout, top: str, content: _Content, *, disk: Disk, state_dir: str | None) -> Layout:
    session_id = os.path.basename(top)
    admin = _admin(origin, session_id)
    disk.make_directories(admin)
    branch = f"refs/heads/vcr/{session_id}"
    if content.tip is not None:
        Refs(origin, disk).write_own(branch, content.tip)
    _write(disk, os.path.join(admin, "commondir"), "../..\n")
    _write(disk, os.path.join(admin, "gitdir"), os.path.join(top, ".git") + "\n")
    _write(disk, os.path.join(admin, "HEAD"), f"ref: {branch}\n")
    _write(disk, os.path.join(top, ".git"), f"gitdir: {admin}\n")
    inside = os.path.join(top, origin.prefix) if origin.prefix else top
    if content.tip is not None:
        content.check_out(top, admin, disk)
    os.makedirs(inside, exist_ok=True)
    return locate(inside, disk=disk, state_dir=state_dir)


class _Content:
    """What a new worktree holds: the files of a commit, as git would show them."""

    def __init__(self, origin: Layout, store: ObjectStore, tip: bytes | None) -> None:
        self.tip = tip
        self._store = store
        self._hash = origin.object_format.hash_func
        tree = read_commit(store, tip)[0] if tip is not None else None
        self._conversion = Conversion(origin, read_settings(origin), in_tree(store, tree))
        self._files = flatten_tree(store, tree)
        for name, (mode, _) in self._files.items():
            if mode not in (GITLINK, LINK) and self._conversion.needs_git(name):
                raise UnsupportedRepository(
                    origin.common_dir,
                    f"a content filter, encoding or ident for {name}",
                    "a worktree beside yours could not be filled without git's own programs. Nothing was made; work in "
                    "place: isolation='branch', or `vcr run` without --worktree",
                )

    def check_out(self, top: str, admin: str, disk: Disk) -> None:
        """Write the files, and an index that knows them."""
        entries: list[IndexEntry] = []
        made: set[str] = {top}
        for name, (mode, oid) in self._files.items():
            path = os.path.join(top, name)
            parent = os.path.dirname(path)
            if parent not in made:
                os.makedirs(parent, exist_ok=True)
                made.add(parent)
            self._write_file(disk, path, name, mode, oid)
            entries.append(make_entry(os.fsencode(name), int(mode, 8), oid, os.lstat(path)))
        fd = disk.open(os.path.join(admin, "index"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        try:
            disk.write(fd, encode_index(entries, self._hash), "index")
        finally:
            os.close(fd)

    def _write_file(self, disk: Disk, path: str, name: str, mode: bytes, oid: bytes) -> None:
        if mode == GITLINK:
            os.makedirs(path, exist_ok=True)
        elif mode == LINK:
            disk.symlink(os.fsdecode(self._store.read_blob(oid)), path)
        else:
            data = self._conversion.smudge(name, self._store.read_blob(oid))
            fd = disk.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o777 if mode == b"100755" else 0o666)
            try:
                disk.write(fd, data, path)
            finally:
                os.close(fd)


def remove_worktree_files(origin: Layout, top: str, disk: Disk) -> None:
    """Take back a worktree whose session could not begin; nothing of it was ever anybody's."""
    session_id = os.path.basename(top)
    for directory, names, files in os.walk(top, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))
        for name in names:
            path = os.path.join(directory, name)
            with contextlib.suppress(OSError):
                os.unlink(path) if os.path.islink(path) else os.rmdir(path)
    with contextlib.suppress(OSError):
        os.rmdir(top)
    _remove_admin(_admin(origin, session_id), disk)
    Refs(origin, disk).delete_own(f"refs/heads/vcr/{session_id}")


def remove_worktree(origin: Layout, layout: Layout, state: SessionState, disk: Disk) -> bool:
    """Remove a finished session's worktree; False if it holds files that no savepoint has, which are kept."""
    store = ObjectStore(origin, disk)
    last = Snapshot(store, bytes.fromhex(state.savepoints[-1].commit))
    current = Snapshot(store, bytes.fromhex(state.current.commit))
    for snapshot in (current, last):
        saved = [*flatten_tree(store, snapshot.tree), *snapshot.extras["protected"]]
        for path, (tree, _) in snapshot.extras["nested"].items():
            saved += [f"{path}/{inner}" for inner in flatten_tree(store, bytes.fromhex(tree))]
        for path in saved:
            with contextlib.suppress(OSError):
                disk.unlink(os.path.join(layout.workspace, path))
    store.close()
    if layout.prefix:
        _remove_checked_out(origin, layout, state, disk)
    for directory, _, _ in os.walk(layout.top, topdown=False):
        if directory != layout.top:
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    if os.listdir(layout.top) != [".git"]:
        return False
    disk.unlink(os.path.join(layout.top, ".git"))
    disk.rmdir(layout.top)
    refs = Refs(origin, disk)
    branch = f"refs/heads/vcr/{state.session_id}"
    tip = refs.get(branch)
    if tip is not None and tip.hex() == state.begin["tip"]:
        refs.delete_own(branch)
    if os.path.dirname(layout.git_dir) == os.path.join(origin.common_dir, "worktrees"):
        _remove_admin(layout.git_dir, disk)
    return True


def _remove_checked_out(origin: Layout, layout: Layout, state: SessionState, disk: Disk) -> None:
    """Remove unchanged files outside the workspace's own subdirectory."""
    if not state.begin["tip"]:
        return
    store = ObjectStore(origin, disk)
    for path, (mode, oid) in flatten_tree(store, read_commit(store, bytes.fromhex(state.begin["tip"]))[0]).items():
        full = os.path.join(layout.top, path)
        with contextlib.suppress(OSError):
            if mode == LINK:
                data = os.fsencode(os.readlink(full))
            else:
                with open(full, "rb") as stream:
                    data = stream.read()
            if store.hash(b"blob", data) == oid:
                disk.unlink(full)
    store.close()


def _remove_admin(admin: str, disk: Disk) -> None:
    for directory, names, files in os.walk(admin, topdown=False):
        for name in files:
            with contextlib.suppress(OSError):
                disk.unlink(os.path.join(directory, name))
        for name in names:
            with contextlib.suppress(OSError):
                disk.rmdir(os.path.join(directory, name))
    with contextlib.suppress(OSError):
        disk.rmdir(admin)
