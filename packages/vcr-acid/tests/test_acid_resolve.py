"""Deciding conflicts: what a resolution may name, and what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.testing.judge import Judge, make_repository
from vcr_core.errors import UsageError

Elsewhere = Callable[[str, str], None]


@pytest.fixture
def conflict(repository: Judge) -> ACIDWorkspace:
    """A session beside the repository that changed ``a.txt`` as the branch did."""
    acid = ACIDWorkspace(repository.top, isolation="worktree")
    acid.begin("s")
    (Path(acid.path) / "a.txt").write_text("agent\n")
    (repository.top / "a.txt").write_text("user\n")
    repository("commit", "-qam", "user")
    assert acid.commit().status == "conflict"
    return acid


@pytest.mark.parametrize("form", ["a.txt", "./a.txt", "src/../a.txt", "{workspace}/a.txt", "a.txt/"])
def test_a_path_may_be_written_in_any_way(form: str, conflict: ACIDWorkspace, repository: Judge) -> None:
    conflict.resolve(form.format(workspace=conflict.path), "both\n")
    assert conflict.commit().paths == ("a.txt",)
    assert repository("ls-tree", "-r", "--name-only", "HEAD").split() == [".gitignore", "a.txt", "src/b.py"]
    repository.fsck()


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "", ".", ".git/hooks/post-checkout", "src/.GIT/config", ".git", "a\0b", "out/x"]
)
def test_a_path_that_no_commit_may_hold_is_refused_at_once(
    path: str, conflict: ACIDWorkspace, repository: Judge, tmp_path: Path
) -> None:
    (Path(conflict.path) / "out").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="cannot be resolved"):
        conflict.resolve(path, "x\n")
    conflict.resolve("a.txt", "both\n")
    assert conflict.commit().status == "committed"
    repository.fsck()


def test_in_place_the_files_follow_what_was_decided(
    repository: Judge, commit_elsewhere: Elsewhere, tmp_path: Path
) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    for name in ("a.txt", "src/b.py"):
        (top / name).write_text("agent\n")
    commit_elsewhere("a.txt", "user\n")
    (tmp_path / "other" / "src" / "b.py").write_text("user\n")
    other = Judge(tmp_path / "other")
    other("commit", "-qam", "more")
    repository("update-ref", "refs/heads/main", other("rev-parse", "HEAD"))
    assert {one.path for one in acid.commit().conflicts} == {"a.txt", "src/b.py"}
    acid.resolve("a.txt", "both\n")
    acid.resolve("src/b.py", None)
    assert acid.commit().ok
    assert (top / "a.txt").read_text() == "both\n"
    assert not (top / "src" / "b.py").exists()
    assert repository("status", "--porcelain") == ""


def test_in_place_the_branch_may_be_right(repository: Judge, commit_elsewhere: Elsewhere) -> None:
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    (repository.top / "a.txt").write_text("agent\n")
    commit_elsewhere("a.txt", "user\n")
    acid.commit()
    acid.resolve("a.txt", "user\n")
    assert acid.commit().ok
    assert (repository.top / "a.txt").read_text() == "user\n"
    assert repository("status", "--porcelain") == ""


def test_in_a_subdirectory_a_conflict_has_the_path_that_resolve_takes(
    repository: Judge, commit_elsewhere: Elsewhere
) -> None:
    acid = ACIDWorkspace(repository.top / "src")
    acid.begin("s")
    (repository.top / "src" / "b.py").write_text("agent\n")
    commit_elsewhere("src/b.py", "user\n")
    (conflict,) = acid.commit().conflicts
    acid.resolve(conflict.path, "both\n")
    assert acid.commit().ok
    assert (repository.top / "src" / "b.py").read_text() == "both\n"
    assert repository("show", "HEAD:src/b.py") == "both"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("TOPSECRET\n")
    return path


def make_link(path: Path, target: Path | str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


@pytest.mark.parametrize("how", ["as it is", "by name"])
def test_a_link_is_committed_as_a_link(how: str, secret: Path, tmp_path: Path) -> None:
    git = make_repository(tmp_path / "project", files={"x": "x"})
    make_link(git.top / "link", "f1")
    git("add", "-A")
    git("commit", "-qm", "link")
    acid = ACIDWorkspace(git.top, isolation="worktree")
    acid.begin("s")
    make_link(Path(acid.path) / "link", secret)
    make_link(git.top / "link", "f2")
    git("commit", "-qam", "user")
    assert acid.commit().status == "conflict"
    if how == "as it is":
        acid.resolve_as_it_is("link")
    else:
        acid.resolve("link", str(secret))
    acid.commit()
    assert git("ls-tree", "HEAD", "link").startswith("120000 blob")
    assert git("show", "HEAD:link") == str(secret)
    assert (git.top / "link").readlink() == secret


def test_a_file_is_taken_with_its_permissions_and_line_endings(conflict: ACIDWorkspace, repository: Judge) -> None:
    repository("config", "core.autocrlf", "input")
    file = Path(conflict.path) / "a.txt"
    file.write_bytes(b"one\r\n")
    file.chmod(0o755)
    conflict.resolve_as_it_is("a.txt")
    conflict.commit()
    assert repository("ls-tree", "HEAD", "a.txt").startswith("100755")
    assert repository("cat-file", "-s", "HEAD:a.txt") == "4"


def test_what_is_no_file_is_not_taken(conflict: ACIDWorkspace, secret: Path) -> None:
    top = Path(conflict.path)
    os.mkfifo(top / "fifo")
    (top / "out").symlink_to(secret.parent)
    for path in ("src", "fifo", "out/secret"):
        with pytest.raises(UsageError, match="cannot be resolved"):
            conflict.resolve_as_it_is(path)
    (top / "a.txt").unlink()
    conflict.resolve_as_it_is("a.txt")
    assert conflict.commit().ok
