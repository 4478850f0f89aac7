"""What an entry of a directory becomes in the scanner's memory: read, hashed, noted as unsaved, or dropped.

Fills :class:`~vcr_acid.scanner.nodes.DirNode` and ``Extras``. Which entries are looked at is ``scanner.walk``.
"""

from __future__ import annotations

import os
import stat

from vcr_acid.policies import Policy
from vcr_acid.scanner.nodes import NEVER, NOT_REGULAR, DirNode, Extras, FileEntry, ProtectedEntry, Stamp, stamp_of
from vcr_acid.scanner.reading import NotRegular, read_link, read_regular
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.objects import ObjectStore

#: Longer than the grain of any clock that stamps with nanoseconds, and than those that stamp whole seconds.
_FINE_GRAIN_NS = 20_000_000
_COARSE_GRAIN_NS = 2_100_000_000
_COARSE_UNIT_NS = 1_000_000


class Intake:
    """Takes single entries into memory and out of it.

    Attributes:
        extras: What a tree cannot say.
        changed: Paths that changed since the scan began.
        default_modes: The usual permission bits of files, executables and directories.
    """

    def __init__(
        self, store: ObjectStore, escrow: Escrow, policy: Policy, *, default_modes: tuple[int, int, int]
    ) -> None:
        self.extras = Extras()
        self.changed: set[str] = set()
        self.default_modes = default_modes
        self._store = store
        self._escrow = escrow
        self._policy = policy
        self._started = 0

    def _drop_missing(self, node: DirNode, files: set[str], directories: set[str]) -> None:
        for name in [n for n in node.files if n not in files]:
            self._drop_file(node, name)
        for name in [n for n in node.protected if n not in files]:
            del node.protected[name]
            self.changed.add(node.join(name))
            self.extras.update(self.extras.protected, node.join(name), None)
        for name in [n for n in node.unsaved if n not in files and n not in directories]:
            del node.unsaved[name]
            self.extras.update(self.extras.unsaved, node.join(name), None)
        for name in [n for n in node.rebuild if n not in directories]:
            del node.rebuild[name]
            self.extras.update(self.extras.rebuild, node.join(name), None)
        for name in [n for n in node.children if n not in directories]:
            self._drop_directory(node, name)

    # -- single entries -----------------------------------------------------------------------------------------------

    def _update_file(self, node: DirNode, name: str, path: str, status: os.stat_result) -> None:
        known = node.files.get(name)
        if status.st_size > self._policy.max_file_size and stat.S_ISREG(status.st_mode):
            self._set_aside(node, name, known, f"larger than {self._policy.max_file_size} bytes")
            return
        try:
            if stat.S_ISLNK(status.st_mode):
                data, stable = read_link(path), True
            else:
                data, status, stable = read_regular(path)
        except NotRegular:
            self._set_aside(node, name, None, NOT_REGULAR)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            self._set_aside(node, name, known, f"not readable ({error.strerror})")
            return
        stamp = self._trusted(status) if stable else NEVER
        blob = self._store.hash(b"blob", data)
        if known is None or known.blob != blob:
            self._store.put_new(b"blob", data, blob)
        if known is None or known.blob != blob or (known.mode ^ status.st_mode) & 0o170100:
            node.mark_dirty()
            self.changed.add(node.join(name))
        self._keep_file(node, name, FileEntry(path, stamp, status.st_mode, blob))

    def _keep_file(self, node: DirNode, name: str, entry: FileEntry) -> None:
        node.files[name] = entry
        if name in node.unsaved:
            del node.unsaved[name]
            self.extras.update(self.extras.unsaved, node.join(name), None)
        bits = entry.mode & 0o7777
        usual = self.default_modes[1] if bits & 0o100 else self.default_modes[0]
        odd = None if stat.S_ISLNK(entry.mode) or bits == usual else bits
        if odd is not None or self.extras.modes:
            relative = node.join(name)
            if odd != self.extras.modes.get(relative):
                self.changed.add(relative)
                self.extras.update(self.extras.modes, relative, odd)

    def _set_aside(self, node: DirNode, name: str, known: FileEntry | None, reason: str) -> None:
        """Note a file that cannot be saved; what was saved of it before stays in the trees."""
        if known is None and name in node.files:
            self._drop_file(node, name)
        self._note_unsaved(node, name, reason)

    def _note_unsaved(self, node: DirNode, name: str, reason: str) -> None:
        node.unsaved[name] = reason
        self.extras.update(self.extras.unsaved, node.join(name), reason)

    def _update_protected(self, node: DirNode, name: str, path: str, status: os.stat_result) -> None:
        relative = node.join(name)
        if status.st_size > self._policy.max_protected_size:
            self._note_unsaved(node, name, f"protected and larger than {self._policy.max_protected_size} bytes")
            return
        try:
            data, status, stable = read_regular(path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._note_unsaved(node, name, f"protected and not readable ({error.strerror})")
            return
        escrow_id = self._escrow.save(data)
        bits = stat.S_IMODE(status.st_mode)
        stamp = self._trusted(status) if stable else NEVER
        node.protected[name] = ProtectedEntry(stamp, bits, escrow_id, len(data))
        value = (bits, escrow_id, len(data))
        if self.extras.protected.get(relative) != value:
            self.changed.add(relative)
            self.extras.update(self.extras.protected, relative, value)

    def _update_rebuild(self, node: DirNode, name: str) -> None:
        try:
            status = os.lstat(f"{node.path}/{name}")
        except OSError:
            return
        fingerprint = f"{status.st_ino}-{status.st_mtime_ns}"
        node.rebuild[name] = fingerprint
        self.extras.update(self.extras.rebuild, node.join(name), fingerprint)

    def _drop_file(self, node: DirNode, name: str) -> None:
        relative = node.join(name)
        del node.files[name]
        node.mark_dirty()
        self.changed.add(relative)
        self.extras.update(self.extras.modes, relative, None)

    def _drop_directory(self, node: DirNode, name: str) -> None:
        child = node.children.pop(name)
        node.mark_dirty()
        for grandchild in list(child.children):
            self._drop_directory(child, grandchild)
        self._drop_missing(child, set(), set())
        for table in (self.extras.bare, self.extras.nested, self.extras.modes):
            self.extras.update(table, child.relative, None)
        self.changed.add(child.relative + "/")
        child.detached = True

    # -- directories --------------------------------------------------------------------------------------------------

    def _set_directory_mode(self, node: DirNode, mode: int) -> None:
        bits = stat.S_IMODE(mode)
        node.mode = bits
        if node.parent is None:
            return
        odd = None if bits == self.default_modes[2] else bits
        if odd != self.extras.modes.get(node.relative):
            self.changed.add(node.relative + "/")
            self.extras.update(self.extras.modes, node.relative, odd)
        if node.relative in self.extras.bare:
            self.extras.update(self.extras.bare, node.relative, bits)

    def _check_nested(self, node: DirNode, found: str | None) -> None:
        if found != node.nested:
            node.nested = found
            node.mark_dirty()
            self.changed.add(node.relative + "/")

    def _trusted(self, status: os.stat_result) -> Stamp:
        """The stamp, or ``NEVER`` if the clock could hide a later change behind it."""
        latest = max(status.st_mtime_ns, status.st_ctime_ns)
        coarse = status.st_ctime_ns % _COARSE_UNIT_NS == 0
        grain = _COARSE_GRAIN_NS if coarse else _FINE_GRAIN_NS
        return NEVER if latest >= self._started - grain else stamp_of(status)
