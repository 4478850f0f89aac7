"""Where a workspace's repository and our own files lie.

Finds the git directory of a workspace (or makes a private one for a plain directory) and names every path derived from
it. Does not read objects or refs.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from dulwich.config import ConfigFile
from dulwich.object_format import OBJECT_FORMATS, SHA1, ObjectFormat

from vcr_acid.disk import Disk
from vcr_acid.errors import SessionNameError, UnsupportedRepository, WorkspaceRefused

_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


def check_session_name(session_id: str) -> str:
    """Return ``session_id`` if it is usable as a name of files and refs.

    Raises:
        SessionNameError: It is not; nothing was touched.
    """
    bad = not _SESSION.match(session_id) or ".." in session_id or session_id.endswith((".", ".lock"))
    if bad:
        raise SessionNameError(session_id)
    return session_id


def state_directory() -> str:
    """``$XDG_STATE_HOME/vcr``, else ``~/.local/state/vcr``."""
    root = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(os.path.abspath(root), "vcr")


@dataclass(frozen=True)
class Layout:
    """The places that belong to one workspace.

    ``git_dir`` is the worktree's own git directory, ``common_dir`` the shared one; they differ only in a linked
    worktree. ``prefix`` is the workspace's path inside the worktree (``""`` or ``"sub/dir"``).
    """

    workspace: str
    git_dir: str
    common_dir: str
    prefix: str
    private: bool
    object_format: ObjectFormat

    @property
    def top(self) -> str:
        """Top of the worktree that holds the workspace."""
        return self.workspace[: -len(self.prefix) - 1] if self.prefix else self.workspace

    @property
    def objects(self) -> str:
        """The repository's object directory."""
        return os.path.join(self.common_dir, "objects")

    @property
    def store(self) -> str:
        """Our directory inside the repository."""
        return os.path.join(self.common_dir, "vcr")

    @property
    def temporary(self) -> str:
        """Temporary files; never under ``refs/``."""
        return os.path.join(self.store, "tmp")

    @property
    def sessions(self) -> str:
        """One log per session."""
        return os.path.join(self.store, "sessions")

    @property
    def escrow(self) -> str:
        """Private copies that must not become git objects."""
        return os.path.join(self.store, "escrow")

    @property
    def lock(self) -> str:
        """The lock file of this worktree."""
        return os.path.join(self.git_dir, "vcr-workspace.lock")

    def prepare(self, disk: Disk) -> None:
        """Create our directories."""
        for path, mode in ((self.store, 0o755), (self.temporary, 0o700), (self.sessions, 0o700), (self.escrow, 0o700)):
            disk.make_directories(path, mode)


def _refuse_precious(path: str) -> None:
    home = os.path.realpath(os.path.expanduser("~"))
    if path == "/" or path == os.path.dirname(path):
        raise WorkspaceRefused(path, "it is the root of the file system")
    if path == home:
        raise WorkspaceRefused(path, "it is your home directory")
    if home.startswith(path + os.sep):
        raise WorkspaceRefused(path, "it contains your home directory")
    if not os.path.isdir(path):
        raise WorkspaceRefused(path, "it is not a directory")


def _looks_like_git_dir(path: str) -> bool:
    head = os.path.join(path, "HEAD")
    if not (os.path.isfile(head) or os.path.islink(head)):
        return False
    return os.path.isfile(os.path.join(path, "commondir")) or os.path.isdir(os.path.join(path, "objects"))


def read_git_link(path: str) -> str | None:
    """The git directory that ``path`` (a ``.git`` directory or file) stands for, if it is a valid one."""
    if os.path.isdir(path):
        return path if _looks_like_git_dir(path) else None
    try:
        with open(path, "rb") as stream:
            text = stream.read(8192)
    except OSError:
        return None
    if not text.startswith(b"gitdir: "):
        return None
    target = os.path.join(os.path.dirname(path), os.fsdecode(text[8:].strip()))
    target = os.path.normpath(target)
    return target if _looks_like_git_dir(target) else None


def _find_git_dir(path: str) -> tuple[str, str] | None:
    top = path
    while True:
        found = read_git_link(os.path.join(top, ".git"))
        if found is not None:
            return found, top
        parent = os.path.dirname(top)
        if parent == top:
            return None
        top = parent


def read_config(common_dir: str) -> ConfigFile:
    """The repository's own configuration file."""
    path = os.path.join(common_dir, "config")
    return ConfigFile.from_path(path) if os.path.exists(path) else ConfigFile()


def _read_object_format(config: ConfigFile, common_dir: str) -> ObjectFormat:
    def extension(name: bytes) -> bytes:
        try:
            return bytes(config.get((b"extensions",), name)).lower()
        except KeyError:
            return b""

    storage = extension(b"refstorage")
    if storage not in (b"", b"files"):
        raise UnsupportedRepository(
            common_dir, f"{storage.decode()} ref storage", "convert it with 'git refs migrate --ref-format=files'"
        )
    wanted = extension(b"objectformat").decode() or "sha1"
    if wanted not in OBJECT_FORMATS:
        raise UnsupportedRepository(common_dir, f"object format {wanted}", "use sha1 or sha256")
    return OBJECT_FORMATS[wanted]


def private_directory(workspace: str, state_dir: str) -> str:
    """Where the private repository of a plain directory lies."""
    key = hashlib.blake2b(os.fsencode(workspace), digest_size=10).hexdigest()
    return os.path.join(state_dir, "plain", f"{os.path.basename(workspace)[:40] or 'root'}-{key}")


def _make_private(directory: str, workspace: str, disk: Disk) -> None:
    for part in ("objects/pack", "objects/info", "refs/heads", "info"):
        disk.make_directories(os.path.join(directory, part), 0o700)
    texts = {
        "config": "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfilemode = true\n",
        "workspace": workspace + "\n",
        "HEAD": "ref: refs/heads/main\n",
    }
    for name, text in texts.items():
        target = os.path.join(directory, name)
        if not os.path.exists(target):
            fd = disk.open(target + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            try:
                disk.write(fd, os.fsencode(text), target)
                disk.fsync(fd, target)
            finally:
                os.close(fd)
            disk.rename(target + ".new", target)
    disk.fsync_directory(directory)


def locate(path: str | os.PathLike[str], *, disk: Disk, state_dir: str | None = None, create: bool = True) -> Layout:
    """Find or make the repository behind a workspace.

    Raises:
        WorkspaceRefused: ``/``, ``$HOME`` or not a directory.
        UnsupportedRepository: Its format is one we cannot keep safe.
    """
    workspace = str(Path(path).resolve())
    _refuse_precious(workspace)
    state = os.path.abspath(state_dir) if state_dir else state_directory()
    if (os.path.realpath(state) + os.sep).startswith(workspace + os.sep):
        raise WorkspaceRefused(workspace, f"it contains the state directory {state}")
    found = _find_git_dir(workspace)
    if found is None:
        private = private_directory(workspace, state)
        if create:
            _make_private(private, workspace, disk)
        return Layout(workspace, private, private, "", True, SHA1)
    git_dir, top = found
    common = git_dir
    link = os.path.join(git_dir, "commondir")
    if os.path.isfile(link):
        with open(link, "rb") as stream:
            common = os.path.normpath(os.path.join(git_dir, os.fsdecode(stream.read().strip())))
    prefix = os.path.relpath(workspace, top)
    prefix = "" if prefix == "." else prefix
    return Layout(workspace, git_dir, common, prefix, False, _read_object_format(read_config(common), common))
