"""The git program as a judge, and an independent reading of a directory, for tests of workspaces."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


class Judge:
    """The git program, used only to check what we did."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def __call__(self, *arguments: str, check: bool = True, **environment: str) -> str:
        """Run git in the repository; returns what it printed."""
        done = subprocess.run(
            ["git", "-C", str(self.top), "-c", "advice.addEmbeddedRepo=false", *arguments],
            check=False,
            capture_output=True,
            env={**ENVIRONMENT, **environment},
        )
        if check and done.returncode:
            raise AssertionError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
        return os.fsdecode(done.stdout).strip()

    def worktree_tree(self) -> str:
        """The tree ``git add -A`` would write, without touching the user's index."""
        index = self.top / ".git" / "judge-index"
        shutil.copy2(self.top / ".git" / "index", index)
        try:
            self("add", "-A", GIT_INDEX_FILE=str(index))
            return self("write-tree", GIT_INDEX_FILE=str(index))
        finally:
            index.unlink()

    def fsck(self) -> None:
        """The repository must be whole."""
        done = subprocess.run(
            ["git", "-C", str(self.top), "fsck", "--full", "--strict"],
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
        )
        said = done.stderr.decode(errors="replace")
        bad = [line for line in said.splitlines() if not line.startswith(("notice:", "Checking", "dangling"))]
        assert done.returncode == 0, said
        assert not bad, said


def make_repository(top: Path, *, files: dict[str, str] | None = None, commit: bool = True) -> Judge:
    """A fresh repository on branch main with one commit."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(top)], check=True, env=ENVIRONMENT)
    git = Judge(top)
    git("config", "gc.auto", "0")
    git("config", "user.name", "Ann")
    git("config", "user.email", "ann@example.org")
    default = {"a.txt": "one\n", "src/b.py": "print(1)\n", ".gitignore": "*.ign\nignored/\n"}
    for name, text in (files if files is not None else default).items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if commit:
        git("add", "-A")
        git("commit", "-q", "-m", "first")
    return git


Manifest = dict[bytes, tuple[str, bytes, int]]


def read_manifest(top: Path | str, *, skip: Callable[[bytes], bool] = lambda _: False) -> Manifest:
    """Every file, link and directory below ``top`` with content and permission bits; not ``.git``, not FIFOs."""
    root = os.fsencode(str(top))
    found: Manifest = {}
    for directory, names, files in os.walk(root):
        if b".git" in names:
            names.remove(b".git")
        for name in list(names):
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, root)
            if skip(relative):
                names.remove(name)
            elif os.path.islink(path):
                names.remove(name)
                files.append(name)
            else:
                found[relative] = ("dir", b"", stat.S_IMODE(os.lstat(path).st_mode))
        for name in files:
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, root)
            status = os.lstat(path)
            if skip(relative) or name == b".git":
                continue
            if stat.S_ISLNK(status.st_mode):
                found[relative] = ("link", os.readlink(path), 0)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    found[relative] = ("file", stream.read(), stat.S_IMODE(status.st_mode))
    return found
