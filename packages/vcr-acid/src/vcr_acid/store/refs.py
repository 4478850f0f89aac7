"""Refs as files: reading any, writing our own, moving a branch only by compare-and-swap.

Our refs (``refs/vcr/…``) have one writer, the holder of the session, so they are written by rename. A branch is shared
with git itself, so it is moved under git's own ``<ref>.lock`` and only if it still has the expected value.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from vcr_acid.disk import Disk
from vcr_acid.store.layout import Layout
from vcr_acid.store.temporary import fresh_path


class RefLocked(OSError):
    """Another program holds ``<ref>.lock``."""


class Refs:
    """The refs seen from one worktree."""

    def __init__(self, layout: Layout, disk: Disk) -> None:
        self._layout = layout
        self._disk = disk
        self._packed: dict[str, bytes] = {}
        self._packed_stamp: tuple[int, int, int] | None = None

    def _path(self, name: str) -> str:
        shared = name.startswith("refs/") and not name.startswith(("refs/bisect/", "refs/worktree/", "refs/rewritten/"))
        return os.path.join(self._layout.common_dir if shared else self._layout.git_dir, name)

    def _read_packed(self) -> dict[str, bytes]:
        path = os.path.join(self._layout.common_dir, "packed-refs")
        try:
            status = os.stat(path)
        except FileNotFoundError:
            self._packed, self._packed_stamp = {}, None
            return self._packed
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._packed_stamp:
            found: dict[str, bytes] = {}
            with open(path, "rb") as stream:
                for line in stream:
                    if line[:1] in (b"#", b"^"):
                        continue
                    value, _, name = line.rstrip(b"\n").partition(b" ")
                    found[os.fsdecode(name)] = bytes.fromhex(value.decode("ascii"))
            self._packed, self._packed_stamp = found, stamp
        return self._packed

    def read_raw(self, name: str) -> str | None:
        """The text of a loose ref, without following it."""
        try:
            with open(self._path(name), "rb") as stream:
                return os.fsdecode(stream.read().strip())
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def resolve(self, name: str) -> tuple[str, bytes | None]:
        """Follow symbolic refs; returns the last name and its value (None: unborn)."""
        for _ in range(6):
            text = self.read_raw(name)
            if text and text.startswith("ref: "):
                name = text[5:].strip()
                continue
            if text:
                try:
                    return name, bytes.fromhex(text)
                except ValueError:
                    return name, None
            return name, self._read_packed().get(name)
        return name, None

    def get(self, name: str) -> bytes | None:
        """The value of a ref, if it has one."""
        return self.resolve(name)[1]

    def head(self) -> tuple[str, bytes | None]:
        """The branch HEAD is on (or ``"HEAD"`` when detached) and its commit."""
        return self.resolve("HEAD")

    def list(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """All refs below ``prefix`` (ends in ``/``), loose over packed."""
        seen: dict[str, bytes] = {name: value for name, value in self._read_packed().items() if name.startswith(prefix)}
        root = os.path.join(self._layout.common_dir, prefix.rstrip("/"))
        for directory, _, files in os.walk(root):
            for file in files:
                if file.endswith(".lock"):
                    continue
                name = os.path.relpath(os.path.join(directory, file), self._layout.common_dir)
                value = self.get(name)
                if value is not None:
                    seen[name] = value
        yield from sorted(seen.items())

    def write_own(self, name: str, value: bytes) -> None:
        """Set one of our refs by temporary file and rename."""
        target = self._path(name)
        temporary = fresh_path(self._layout)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)
        try:
            self._disk.write(fd, value.hex().encode() + b"\n", temporary)
        finally:
            os.close(fd)
        try:
            self._disk.rename(temporary, target)
        except FileNotFoundError:
            self._make_parents(target)
            self._disk.rename(temporary, target)

    def _make_parents(self, target: str) -> None:
        missing: list[str] = []
        parent = os.path.dirname(target)
        while not os.path.isdir(parent):
            missing.append(parent)
            parent = os.path.dirname(parent)
        for path in reversed(missing):
            with contextlib.suppress(FileExistsError):
                self._disk.mkdir(path)

    def delete_own(self, *names: str) -> None:
        """Remove refs of ours, loose and packed."""
        packed = {name for name in names if name in self._read_packed()}
        if packed:
            self._drop_packed(packed)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(self._path(name))
            with contextlib.suppress(OSError):
                os.rmdir(os.path.dirname(self._path(name)))

    def _drop_packed(self, names: set[str]) -> None:
        path = os.path.join(self._layout.common_dir, "packed-refs")
        fd = self._disk.open(path + ".lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            lines: list[bytes] = []
            skipping = False
            with open(path, "rb") as stream:
                for line in stream:
                    if line.startswith(b"^") and skipping:
                        continue
                    skipping = os.fsdecode(line.rstrip(b"\n").partition(b" ")[2]) in names
                    if not skipping:
                        lines.append(line)
            self._disk.write(fd, b"".join(lines), path)
            self._disk.fsync(fd, path)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(path + ".lock")
            raise
        os.close(fd)
        self._disk.rename(path + ".lock", path)

    def swap(self, name: str, expected: bytes | None, new: bytes) -> bool:
        """Set ``name`` to ``new`` if its value is ``expected`` (None: it must not exist).

        Returns:
            False if the value is another one; nothing was changed.

        Raises:
            RefLocked: Another program holds the lock; nothing was changed.
        """
        target = self._path(name)
        self._make_parents(target)
        lock = target + ".lock"
        temporary = fresh_path(self._layout)
        fd = self._disk.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        try:
            self._disk.write(fd, new.hex().encode() + b"\n", temporary)
            self._disk.fsync(fd, temporary)
        finally:
            os.close(fd)
        # A second name for a finished file: the lock is never seen half-written, so recovery can tell it is ours.
        try:
            self._disk.link(temporary, lock)
        except FileExistsError as error:
            raise RefLocked(error.errno, "the ref is locked by another program", lock) from error
        moved = False
        try:
            with contextlib.suppress(OSError):  # a second name left behind is cleared by recovery
                self._disk.unlink(temporary)
            if self._current(name) == expected:
                self._disk.rename(lock, target)
                moved = True
        finally:
            if not moved:
                self._drop_lock(lock)
        if moved:
            self._disk.fsync_directory(os.path.dirname(target))
        return moved

    def _drop_lock(self, lock: str) -> None:
        try:
            self._disk.unlink(lock)
        except OSError:
            self._disk.unlink(lock)  # once more: a lock left behind would stop git itself

    def repair_own(self, prefix: str, known: dict[str, bytes]) -> int:
        """After a power cut: write ``known`` refs that are missing or damaged, remove damaged ones nobody knows."""
        repaired = 0
        for name, value in known.items():
            if self.read_raw(name) != value.hex() and self.get(name) != value:
                self.write_own(name, value)
                repaired += 1
        root = self._path(prefix.rstrip("/"))
        for directory, _, files in os.walk(root):
            for file in files:
                name = os.path.relpath(os.path.join(directory, file), self._layout.common_dir)
                text = self.read_raw(name) or ""
                if name not in known and len(text) != self._layout.object_format.hex_length:
                    self._disk.unlink(self._path(name))
                    repaired += 1
        return repaired

    def _current(self, name: str) -> bytes | None:
        text = self.read_raw(name)
        if text:
            return None if text.startswith("ref: ") else bytes.fromhex(text)
        return self._read_packed().get(name)

    def break_own_lock(self, name: str, new: bytes) -> bool:
        """Remove ``<name>.lock`` left by our own killed :meth:`swap` to ``new``; True if it was there."""
        lock = self._path(name) + ".lock"
        try:
            with open(lock, "rb") as stream:
                content = stream.read().strip()
        except OSError:
            return False
        if content != new.hex().encode():
            return False
        self._disk.unlink(lock)
        return True
