"""Finding what changed: a walk over the workspace that reads only what its stamps cannot vouch for.

A file is taken as unchanged when mtime, ctime, size, inode and mode are what they were *and* it was not touched within
the clock's grain of being read; a directory with an unchanged stamp is not listed again, only its known files are
looked at. What a file that was met becomes in memory is ``scanner.intake``; building trees from that is
``scanner.trees``, hearing of changes without a walk is ``scanner.inotify``.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable

from vcr_acid.policies import Policy, Treatment
from vcr_acid.scanner.ignore_rules import RuleChain, extend_chain, read_sources, sources_changed
from vcr_acid.scanner.index_seed import ATTRIBUTES, IndexSeed
from vcr_acid.scanner.intake import Intake
from vcr_acid.scanner.nested import nested_head
from vcr_acid.scanner.nodes import NEVER, DirNode, FileEntry, Stamp, stamp_of
from vcr_acid.scanner.reading import read_regular
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore

#: Names of our own temporary files, should a crash leave one in the workspace.
TEMPORARY_PREFIX = ".vcr-tmp-"
#: How to open a directory only to look at what is in it; None where the system has no such handles.
_HANDLE: int | None = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC if sys.platform == "linux" else None


class Scanner(Intake):
    """The memory of one workspace between savepoints."""

    def __init__(
        self,
        layout: Layout,
        store: ObjectStore,
        escrow: Escrow,
        policy: Policy,
        *,
        seed: IndexSeed | None = None,
        skip_unchanged_directories: bool = True,
        default_modes: tuple[int, int, int] = (0o644, 0o755, 0o755),
    ) -> None:
        super().__init__(store, escrow, policy, default_modes=default_modes)
        self.layout = layout
        self.watch: Callable[[DirNode], None] | None = None
        self._seed = seed or IndexSeed.empty()
        self._skip = skip_unchanged_directories
        self._prefix = os.fsencode(layout.prefix) + b"/" if layout.prefix else b""
        self._sources = read_sources(layout)
        self.root = DirNode(layout.workspace, "", None, None)
        self._top_chain = self._sources.chain()
        self._scan_id = 0

    @property
    def rule_sources(self) -> list[list[object]]:
        """The ignore rules from outside the workspace, for the manifest."""
        return self._sources.to_json()

    # -- one scan -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin a scan: fix its time, forget the last one's changes."""
        self._scan_id += 1
        self._started = time.time_ns()
        self.changed = set()

    def scan(self) -> None:
        """Walk the whole workspace."""
        self.start()
        force = False
        if sources_changed(self._sources):
            self._sources = read_sources(self.layout)
            self._top_chain = self._sources.chain()
            force = True
        self._walk(self.root, force)

    def scan_directories(self, nodes: list[DirNode]) -> None:
        """List only the given directories again (parents first), as the watcher asks."""
        for node in sorted(nodes, key=lambda n: n.relative.count("/") + bool(n.relative)):
            if self.root.find(node.relative) is node and node.visit != self._scan_id:
                try:
                    rules_changed = self._list(node, force=False)
                except (FileNotFoundError, NotADirectoryError):
                    node.mark_dirty()
                    continue
                for child in list(node.children.values()) if rules_changed else ():
                    self._walk(child, True)
        for relative in list(self.extras.nested):
            nested = self.root.find(relative)
            if nested is not None:
                self._check_nested(nested, nested_head(nested.path))

    def forget(self, relative: str) -> None:
        """Stop treating a path as saved, so that the ignore rules decide about it again."""
        parent, _, name = relative.rpartition("/")
        node = self.root.find(parent)
        if node is None:
            return
        if name in node.files:
            self._drop_file(node, name)
        elif name in node.children:
            self._drop_directory(node, name)
        node.stamp = NEVER

    def _walk(self, node: DirNode, force: bool) -> None:
        handle: int | None = None
        try:
            if _HANDLE is not None:  # names below a handle resolve faster than whole paths
                handle = os.open(node.path, _HANDLE)
            status = os.lstat(node.path) if handle is None else os.fstat(handle)
            if force or not self._skip or stamp_of(status) != node.stamp:
                force = self._list(node, force=force) or force
            else:
                self._look_at_files(node, handle)
        except (FileNotFoundError, NotADirectoryError):
            if node.parent is None:
                raise
            node.stamp = NEVER  # its parent's listing will drop it next time
            return
        finally:
            if handle is not None:
                os.close(handle)
        for child in list(node.children.values()):
            if child.visit != self._scan_id:
                self._walk(child, force)

    def _look_at_files(self, node: DirNode, handle: int | None) -> None:
        node.visit = self._scan_id
        lstat = os.lstat
        gone = False
        for name, entry in list(node.files.items()):
            try:
                status = lstat(entry.path) if handle is None else lstat(name, dir_fd=handle)
            except (FileNotFoundError, NotADirectoryError):
                gone = True
                continue
            if entry.stamp != (
                status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode
            ):  # fmt: skip
                self._update_file(node, name, entry.path, status)
        for name, kept in list(node.protected.items()):
            path = f"{node.path}/{name}"
            try:
                status = lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                gone = True
                continue
            if stamp_of(status) != kept.stamp:
                self._update_protected(node, name, path, status)
        for name in node.rebuild:
            self._update_rebuild(node, name)
        if node.nested is not None:
            self._check_nested(node, nested_head(node.path))
        if gone:
            self._list(node, force=False)

    # -- listing a directory ------------------------------------------------------------------------------------------

    def _list(self, node: DirNode, *, force: bool) -> bool:
        """List one directory; True if its rules changed, so that everything below must be listed again."""
        node.visit = self._scan_id
        status = os.lstat(node.path)
        node.stamp = self._trusted(status)
        self._set_directory_mode(node, status.st_mode)
        try:
            with os.scandir(node.path) as listing:
                entries = list(listing)
        except PermissionError:
            self._note_unsaved(node.parent or node, os.path.basename(node.path), "directory not readable")
            return False
        if node.parent is not None:
            is_nested = any(entry.name == ".git" for entry in entries)
            self._check_nested(node, nested_head(node.path) if is_nested else None)
        if any(entry.name == ATTRIBUTES for entry in entries):
            self._seed.distrust()  # what it may convert is met after it
        rules_changed = self._refresh_rules(node, force)
        files: set[str] = set()
        directories: set[str] = set()
        for entry in entries:
            name = entry.name
            if name == ".git" or name.startswith(TEMPORARY_PREFIX):
                continue
            if entry.is_dir(follow_symlinks=False):
                directories.add(name)
                self._meet_directory(node, name, entry, rules_changed)
            else:
                files.add(name)
                self._meet_file(node, name, entry)
        self._drop_missing(node, files, directories)
        return rules_changed

    def _meet_directory(self, node: DirNode, name: str, entry: os.DirEntry[str], rules_changed: bool) -> None:
        child = node.children.get(name)
        if child is not None:
            if child.inode == entry.inode() and not child.detached:
                if rules_changed:
                    child.inside_ignored = node.inside_ignored or self._ignores(node, child.relative, True)
                return
            self._drop_directory(node, name)
        relative = node.join(name)
        ignored = node.inside_ignored or self._ignores(node, relative, True)
        if relative not in self._seed.directories:
            treatment = self._policy.of_directory(relative, entry.path, ignored=ignored)
            if treatment is Treatment.REBUILD:
                self._update_rebuild(node, name)
                return
            if treatment is not Treatment.TRACK:
                return
            ignored = ignored and self._policy.chosen(relative) is not Treatment.TRACK
        child = DirNode(entry.path, relative, node, node.chain)
        child.inode = entry.inode()
        child.inside_ignored = ignored
        child.submodule = self._seed.gitlinks.get(relative)
        node.children[name] = child
        node.mark_dirty()
        if self.watch is not None:
            self.watch(child)
        try:
            self._list(child, force=True)
        except (FileNotFoundError, NotADirectoryError):
            self._drop_directory(node, name)

    def _meet_file(self, node: DirNode, name: str, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        known = node.files.get(name)
        if known is not None:
            if known.stamp != stamp_of(status):
                self._update_file(node, name, entry.path, status)
            return
        protected = node.protected.get(name)
        if protected is not None:
            if protected.stamp != stamp_of(status):
                self._update_protected(node, name, entry.path, status)
            return
        if not self._adopt_unchanged(node, name, entry.path, status):
            self._adopt_file(node, name, entry.path, status)

    def _adopt_unchanged(self, node: DirNode, name: str, path: str, status: os.stat_result) -> bool:
        """Take a new file's content from the index: what most files of a first scan are. False if it cannot be."""
        relative = node.join(name)
        blob = self._seed.blob(relative, status)
        if blob is None or self._policy.chosen(relative) is not None or status.st_size > self._policy.max_file_size:
            return False
        node.mark_dirty()
        self.changed.add(relative)
        self._keep_file(node, name, FileEntry(path, self._trusted(status), status.st_mode, blob))
        return True

    def _adopt_file(self, node: DirNode, name: str, path: str, status: os.stat_result) -> None:
        relative = node.join(name)
        regular = stat.S_ISREG(status.st_mode)
        if relative in self._seed.files:
            treatment = self._policy.chosen(relative) or Treatment.TRACK
        else:
            ignored = node.inside_ignored or self._ignores(node, relative, False)
            treatment = self._policy.of_file(relative, ignored=ignored)
            if treatment is Treatment.PROTECT and not regular:
                treatment = Treatment.EXCLUDE if ignored else Treatment.TRACK
        if treatment is Treatment.TRACK:
            self._update_file(node, name, path, status)
        elif treatment is Treatment.PROTECT:
            self._update_protected(node, name, path, status)

    def _refresh_rules(self, node: DirNode, force: bool) -> bool:
        inherited = self._top_chain if node.parent is None else node.parent.chain
        if node.nested is not None:
            inherited = None  # a repository of its own follows its own rules only
        path = f"{node.path}/.gitignore"
        try:
            status = os.lstat(path)
            stamp: Stamp | None = self._trusted(status) if stat.S_ISREG(status.st_mode) else None
        except OSError:
            stamp = None
        if not force and stamp == node.rules_stamp and stamp != NEVER:
            return False
        node.rules_stamp = stamp
        node.chain = inherited
        if stamp is not None:
            try:
                text = read_regular(path)[0]
            except OSError:
                return True
            base = len(self._prefix) + (len(os.fsencode(node.relative)) + 1 if node.relative else 0)
            node.chain = extend_chain(inherited, text, base, ignore_case=self._sources.ignore_case)
        return True

    def _ignores(self, node: DirNode, relative: str, is_directory: bool) -> bool:
        chain: RuleChain | None = node.chain
        return chain is not None and chain.ignores(self._prefix + os.fsencode(relative), is_directory)
