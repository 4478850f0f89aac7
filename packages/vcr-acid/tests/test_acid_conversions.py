"""What git converts between a file and its blob, wherever its settings and attributes lie."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.disk import Disk
from vcr_acid.errors import CommitRefused, StoreError, UnsupportedRepository
from vcr_acid.testing.judge import Judge, make_repository

CRLF, LF = b"one\r\ntwo\r\n", b"one\ntwo\n"
STRIP = '[filter "strip"]\n\tclean = sed s/hunter2/XXX/\n'


@pytest.fixture
def home() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def git(tmp_path: Path, home: Path) -> Judge:
    """A repository whose user is at home in ``home``, with a file in a subdirectory."""

    class AtHome(Judge):
        def __call__(self, *arguments: str, check: bool = True, **environment: str) -> str:
            own = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
            return super().__call__(*arguments, check=check, **own, **environment)

    return AtHome(make_repository(tmp_path / "project", files={"pkg/keep.txt": "kept\n"}).top)


def place(top: Path, home: Path, name: str, text: str) -> None:
    """Add to a settings file; ``~/`` begins a path in the user's home, else it lies in the repository."""
    path = home / name[2:] if name.startswith("~/") else top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        stream.write(text)


EOL = "*.bat text eol=crlf\n"
ELSEWHERE = {
    "info": [(".git/info/attributes", EOL)],
    "user's attributes": [("~/.config/git/attributes", EOL)],
    "named attributes": [("~/mine", EOL), ("~/.gitconfig", "[core]\n\tattributesFile = ~/mine\n")],
    "user's autocrlf": [("~/.gitconfig", "[core]\n\tautocrlf = yes\n")],
    "included autocrlf": [
        ("~/more", "[core]\n\tautocrlf = true\n"),
        ("~/.config/git/config", "[include]\n\tpath = ~/more\n"),
    ],
    "autocrlf for a directory": [
        ("~/more", "[core]\n\tautocrlf = true\n"),
        ("~/.gitconfig", '[includeIf "gitdir:project/"]\n\tpath = more\n'),
    ],
}


@pytest.mark.parametrize("where", [".gitattributes", "pkg/.gitattributes", "pkg/inner/.gitattributes"])
@pytest.mark.parametrize("added", ["-A", "pkg/inner/run.bat"])
@pytest.mark.parametrize("workspace", [".", "pkg/inner"])
def test_files_come_back_as_they_were_under_attributes(
    workspace: str, added: str, where: str, git: Judge, home: Path
) -> None:
    check_rollback(git, home, workspace, [(where, EOL)], added)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_files_come_back_as_they_were_under_settings_from_elsewhere(where: str, git: Judge, home: Path) -> None:
    check_rollback(git, home, "pkg/inner", ELSEWHERE[where], "-A")


def check_rollback(git: Judge, home: Path, workspace: str, settings: list[tuple[str, str]], added: str) -> None:
    file = git.top / "pkg" / "inner" / "run.bat"
    file.parent.mkdir()
    file.write_bytes(CRLF)
    for name, text in settings:
        place(git.top, home, name, text)
    git("add", added)
    assert git("cat-file", "-s", ":pkg/inner/run.bat") == str(len(LF)), "git converts here"
    git("commit", "-qm", "bat")
    settle_index(git, file)
    acid = ACIDWorkspace(git.top / workspace)
    acid.begin("s")
    file.unlink()
    acid.abort()
    assert file.read_bytes() == CRLF


def settle_index(git: Judge, file: Path) -> None:
    """Make the index younger than the file, so that it could vouch for it."""
    index = git.top / ".git" / "index"
    later = file.stat().st_mtime_ns + 10**9
    os.utime(index, ns=(later, later))


@pytest.mark.parametrize(("workspace", "isolation"), [(".", "branch"), ("pkg", "branch"), ("pkg", "worktree")])
@pytest.mark.parametrize("defined", [".git/config", "~/.gitconfig"])
def test_a_filtered_file_is_never_committed_as_it_is(
    workspace: str, isolation: str, defined: str, git: Judge, home: Path
) -> None:
    place(git.top, home, ".gitattributes", "*.conf filter=strip\n")
    git("add", "-A")
    git("commit", "-qm", "attributes")
    place(git.top, home, defined, STRIP)
    acid = ACIDWorkspace(git.top / workspace, isolation=isolation)  # type: ignore[arg-type]  # one of the two
    acid.begin("s")
    (Path(acid.path) / "app.conf").write_text("SECRET=hunter2\n")
    with pytest.raises(CommitRefused, match=r"app\.conf"):
        acid.commit()
    acid.abort()
    assert "app.conf" not in git("ls-tree", "-r", "--name-only", "HEAD")


ATTRIBUTES = {
    ".gitattributes": "*.conf filter=strip\n",
    "pkg/.gitattributes": "/inner/*.conf filter=strip\n",
    ".git/info/attributes": "*.conf filter=strip\n",
    "~/.config/git/attributes": "*.conf filter=strip\n",
    ".gitattributes, a macro": "[attr]secret filter=strip -text\n*.conf secret\n",
    ".gitattributes, ignored": "*.conf filter=strip\n",
}


@pytest.mark.parametrize("where", ATTRIBUTES)
def test_attributes_that_are_in_no_commit_count(where: str, git: Judge, home: Path) -> None:
    (git.top / "pkg" / "inner").mkdir()
    name, _, how = where.partition(", ")
    place(git.top, home, name, ATTRIBUTES[where])
    if how == "ignored":
        place(git.top, home, ".git/info/exclude", ".gitattributes\n")
    place(git.top, home, "~/.gitconfig", STRIP)
    acid = ACIDWorkspace(git.top / "pkg" / "inner")
    acid.begin("s")
    (git.top / "pkg" / "inner" / "app.conf").write_text("SECRET=hunter2\n")
    with pytest.raises(CommitRefused, match=r"app\.conf"):
        acid.commit()
    acid.abort()


@pytest.mark.parametrize("autocrlf", ["true", "input", "on"])
def test_line_endings_are_committed_as_the_user_has_set_them(autocrlf: str, git: Judge, home: Path) -> None:
    place(git.top, home, "~/.gitconfig", f"[core]\n\tautocrlf = {autocrlf}\n")
    acid = ACIDWorkspace(git.top / "pkg")
    acid.begin("s")
    (git.top / "pkg" / "new.txt").write_bytes(CRLF)
    assert acid.commit().status == "committed"
    assert git("cat-file", "-s", "HEAD:pkg/new.txt") == str(len(LF))
    assert git("status", "--porcelain") == ""


def test_a_worktree_that_only_git_could_fill_is_refused_before_anything_is_made(git: Judge, home: Path) -> None:
    place(git.top, home, "~/.gitconfig", STRIP)
    place(git.top, home, ".gitattributes", "*.conf filter=strip\n")
    (git.top / "app.conf").write_text("SECRET=hunter2\n")
    git("add", "-A")
    git("commit", "-qm", "filtered")
    acid = ACIDWorkspace(git.top, isolation="worktree")
    for _ in range(2):
        with pytest.raises(UnsupportedRepository, match=r"app\.conf.*isolation='branch'"):
            acid.begin("s")
    check_no_worktree(git)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_worktree_that_could_not_be_filled_is_taken_back(error: BaseException, git: Judge) -> None:
    class Failing(Disk):
        def write(self, fd: int, data: bytes, path: str) -> None:
            if path.endswith("keep.txt"):
                raise error
            super().write(fd, data, path)

    with pytest.raises(StoreError if isinstance(error, OSError) else KeyboardInterrupt):
        ACIDWorkspace(git.top, isolation="worktree", disk=Failing()).begin("s")
    check_no_worktree(git)
    again = ACIDWorkspace(git.top, isolation="worktree")
    again.begin("s")
    again.abort()


def check_no_worktree(git: Judge) -> None:
    assert git("worktree", "list").count("\n") == 0
    assert git("branch", "--list", "vcr/*") == ""
    assert not list(Path(os.environ["XDG_STATE_HOME"]).glob("vcr/worktrees/*/*"))
