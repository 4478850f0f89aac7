"""Doing a restore plan: check, then change, one path at a time, through directory handles.

Each step first looks at what is really there. What equals the savepoint the plan starts from may be replaced or
deleted, for it is saved; what equals the target is done already; anything else was made in between and is moved to the
escrow. So a plan may be run again after a crash at any point, and never destroys what was not saved. How one file
comes to its place is ``restore.placing``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from vcr_acid.disk import Disk
from vcr_acid.errors import StoreError
from vcr_acid.restore.handles import DirectoryHandles
from vcr_acid.restore.placing import Placement
from vcr_acid.restore.plan import Item, RestorePlan, Step
from vcr_acid.scanner.reading import NotRegular, read_link, read_regular
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore

#: Up to this many files are synced one by one; beyond it, one sync of everything is cheaper.
_SYNC_EACH = 16
_RETRIES = 8
OTHER = Item("file", "")


@dataclass
class RestoreOutcome:
    """What was done. ``escrowed`` pairs a path with the place its displaced content lies now."""

    written: list[str] = field(default_factory=list[str])
    deleted: list[str] = field(default_factory=list[str])
    escrowed: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    skipped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class _LeaveAloneError(Exception):
    """Raised instead of displacing something, in gentle mode."""


class Restorer:
    """Applies plans to one workspace."""

    def __init__(
        self, layout: Layout, store: ObjectStore, escrow: Escrow, disk: Disk, session: str, *, gentle: bool = False
    ) -> None:
        #: Leave alone what is not as expected, instead of moving it to the escrow.
        self._gentle = gentle
        self._layout = layout
        self._store = store
        self._escrow = escrow
        self._disk = disk
        self._session = session
        self._outcome = RestoreOutcome()
        self._loosened: dict[str, int] = {}
        self._handles: DirectoryHandles | None = None
        self._placement = Placement(layout, store, escrow, disk)
        #: Called before each change with the path; tests swap things under our feet here.
        self.interleave: Callable[[str], None] | None = None

    def check_sources(self, plan: RestorePlan) -> None:
        """Make sure everything the plan writes can be read, before anything is changed.

        Raises:
            StoreError: Something is missing from the store.
        """
        for step in plan.steps:
            if step.after is None:
                continue
            if step.after.kind == "protected":
                try:
                    self._escrow.load(step.after.key)
                except KeyError as error:
                    raise StoreError("restore", step.path, None, "its copy is gone from the escrow") from error
            elif not self._store.contains(bytes.fromhex(step.after.key)):
                raise StoreError("restore", step.path, None, f"object {step.after.key} is gone from the repository")

    def find_unexpected(self, plan: RestorePlan) -> list[str]:
        """Paths that hold neither what the plan starts from nor what it leads to."""
        found: list[str] = []
        self._handles = DirectoryHandles(self._layout.workspace)
        try:
            for step in plan.steps:
                try:
                    item = self._inspect(*self._handles.open_parent(step.path), protected=False)
                except (FileNotFoundError, NotADirectoryError):
                    item = None
                if item not in (step.before, step.after):
                    found.append(step.path)
        finally:
            self._handles.close()
            self._handles = None
        return found

    def apply(self, plan: RestorePlan) -> RestoreOutcome:
        """Carry out a plan.

        Raises:
            StoreError: The disk refused; run the same plan again to finish.
        """
        self._outcome = RestoreOutcome(skipped=list(plan.skipped))
        self._loosened = {}
        writes = sum(1 for step in plan.steps if step.after is not None)
        self._placement.sync_each = writes <= _SYNC_EACH
        self._handles = DirectoryHandles(self._layout.workspace)
        try:
            self._run(plan)
            if writes and not self._placement.sync_each:
                self._disk.before("fsync", self._layout.workspace)
                os.sync()
        except OSError as error:
            raise StoreError.from_os("restore", error) from error
        finally:
            self._handles.close()
            self._handles = None
        return self._outcome

    def _run(self, plan: RestorePlan) -> None:
        for step in plan.steps:
            if step.after is None:
                with self._leaving_alone(step.path):
                    self._delete(step)
        for path in plan.displaced:
            self._displace_unsaved(path)
        self._remove_directories(plan.remove_directories)
        for path in plan.make_directories:
            self._make_directory(path)
        for step in plan.steps:
            if step.after is not None:
                with self._leaving_alone(step.path):
                    self._write(step, step.after, plan.mode_of(step.path, step.after))
        for path in sorted({*plan.chmod, *self._loosened}, reverse=True):
            mode = plan.modes.get(path, self._loosened.get(path))
            if mode is not None:
                self._chmod(path, mode, report=path in plan.chmod)

    @contextlib.contextmanager
    def _leaving_alone(self, path: str) -> Generator[None, None, None]:
        try:
            yield
        except _LeaveAloneError:
            self._outcome.skipped.append((path, "left alone: somebody changed it meanwhile"))

    # -- looking ------------------------------------------------------------------------------------------------------

    def _open_parent(self, path: str) -> tuple[int, str]:
        assert self._handles is not None
        dir_fd, name = self._handles.open_parent(path)
        self._loosen(path.rpartition("/")[0], dir_fd)
        return dir_fd, name

    def _loosen(self, directory: str, dir_fd: int) -> None:
        """Make a write-protected directory of ours writable until the plan is done."""
        status = os.fstat(dir_fd)
        if directory and status.st_mode & 0o300 != 0o300 and status.st_uid == os.geteuid() != 0:
            self._loosened.setdefault(directory, stat.S_IMODE(status.st_mode))
            self._disk.chmod_handle(dir_fd, stat.S_IMODE(status.st_mode) | 0o700, directory)

    def _inspect(self, dir_fd: int, name: str, *, protected: bool) -> Item | None:
        """What stands at a name: an item, ``OTHER``, or None."""
        try:
            status = os.lstat(name, dir_fd=dir_fd)
        except FileNotFoundError:
            return None
        if stat.S_ISLNK(status.st_mode):
            return Item("link", self._store.hash(b"blob", read_link(name, dir_fd=dir_fd)).hex())
        if not stat.S_ISREG(status.st_mode):
            return OTHER
        try:
            data, status, _ = read_regular(name, dir_fd=dir_fd)
        except FileNotFoundError:
            return None
        except (NotRegular, PermissionError):
            return OTHER
        if protected:
            return Item("protected", self._escrow.identify(data))
        return Item("exec" if status.st_mode & 0o100 else "file", self._store.hash(b"blob", data).hex())

    # -- changing -----------------------------------------------------------------------------------------------------

    def _before_change(self, path: str) -> None:
        if self.interleave is not None:
            self.interleave(path)

    def _displace(self, path: str, dir_fd: int, name: str) -> None:
        if self._gentle:
            raise _LeaveAloneError
        place = self._escrow.displace(name, dir_fd, self._session)
        self._outcome.escrowed.append((path, place))

    def _delete(self, step: Step) -> None:
        try:
            dir_fd, name = self._open_parent(step.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return
        protected = step.before is not None and step.before.kind == "protected"
        found = self._inspect(dir_fd, name, protected=protected)
        self._before_change(step.path)
        if found is None:
            return
        if found == step.before:
            self._disk.unlink(name, dir_fd=dir_fd)
            self._outcome.deleted.append(step.path)
        elif found != OTHER or not _is_directory(dir_fd, name):
            self._displace(step.path, dir_fd, name)

    def _displace_unsaved(self, path: str) -> None:
        """Move aside what savepoints cannot hold: a FIFO, a socket, the inside of a nested repository."""
        try:
            dir_fd, name = self._open_parent(path)
            status = os.lstat(name, dir_fd=dir_fd)
        except OSError:
            return
        if name == ".git" or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            self._before_change(path)
            self._displace(path, dir_fd, name)

    def _remove_directories(self, paths: list[str]) -> None:
        assert self._handles is not None
        for path in paths:
            self._handles.forget()
            try:
                dir_fd, name = self._open_parent(path)
                self._disk.rmdir(name, dir_fd=dir_fd)
                self._outcome.deleted.append(path + "/")
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                continue  # something else stands there by now; the write step decides about it
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    self._outcome.skipped.append((path + "/", "kept: it holds files that are not part of savepoints"))
                elif error.errno != errno.ELOOP:
                    raise

    def _make_directory(self, path: str) -> None:
        for attempt in range(_RETRIES):
            try:
                dir_fd, name = self._reach_parent(path)
                try:
                    status = os.lstat(name, dir_fd=dir_fd)
                    if stat.S_ISDIR(status.st_mode):
                        return
                    self._displace(path, dir_fd, name)
                except FileNotFoundError:
                    pass
                self._before_change(path)
                self._disk.mkdir(name, dir_fd=dir_fd)
                self._placement.give_to_owner(name, dir_fd)
                return
            except OSError as error:
                if attempt == _RETRIES - 1 or error.errno not in (
                    errno.EEXIST,
                    errno.ENOENT,
                    errno.ENOTDIR,
                    errno.ELOOP,
                ):
                    raise

    def _reach_parent(self, path: str) -> tuple[int, str]:
        """The handle of a path's directory, making or clearing what stands in the way."""
        assert self._handles is not None
        parent = path.rpartition("/")[0]
        try:
            return self._open_parent(path)
        except FileNotFoundError:
            self._make_directory(parent)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            self._clear_way(parent)
        return self._open_parent(path)

    def _clear_way(self, path: str) -> None:
        """Move aside the first part of ``path`` that is not a directory, and make the directory."""
        assert self._handles is not None
        self._handles.forget()
        current = ""
        for part in path.split("/"):
            current = f"{current}/{part}" if current else part
            dir_fd, name = self._handles.open_parent(current)
            try:
                status = os.lstat(name, dir_fd=dir_fd)
            except FileNotFoundError:
                self._disk.mkdir(name, dir_fd=dir_fd)
                continue
            if not stat.S_ISDIR(status.st_mode):
                self._displace(current, dir_fd, name)
                self._disk.mkdir(name, dir_fd=dir_fd)

    def _write(self, step: Step, after: Item, mode: int) -> None:
        for attempt in range(_RETRIES):
            try:
                dir_fd, name = self._reach_parent(step.path)
                found = self._inspect(dir_fd, name, protected=after.kind == "protected")
                if found == after:
                    if after.kind != "link":
                        self._disk.chmod_entry(name, mode, dir_fd=dir_fd)
                    return
                if found is not None and not self._may_replace(dir_fd, name, found, step.before):
                    self._displace(step.path, dir_fd, name)
                self._before_change(step.path)
                self._placement.put(dir_fd, name, after, mode, path=step.path)
                self._outcome.written.append(step.path)
                return
            except OSError as error:
                known = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR)
                if attempt == _RETRIES - 1 or error.errno not in known:
                    raise
                assert self._handles is not None
                self._handles.forget()

    def _may_replace(self, dir_fd: int, name: str, found: Item, before: Item | None) -> bool:
        if before is None:
            return False
        if (before.kind == "protected") != (found.kind == "protected") and found != OTHER:
            found = self._inspect(dir_fd, name, protected=before.kind == "protected") or found
        return found == before

    def _chmod(self, path: str, mode: int, *, report: bool) -> None:
        assert self._handles is not None
        self._handles.forget()
        try:
            dir_fd, name = self._handles.open_parent(path)
            changed = self._disk.chmod_entry(name, mode, dir_fd=dir_fd)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            changed = False
        if changed and report and path not in self._outcome.written:
            self._outcome.written.append(path)


def _is_directory(dir_fd: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(name, dir_fd=dir_fd).st_mode)
    except FileNotFoundError:
        return False
