"""The agent runs git itself: savepoints stay, its commits stay, the user's stash, branches and index stay."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.errors import UnsupportedRepository, WorkspaceRefused
from vcr_acid.testing.judge import Judge, make_repository, read_manifest


def test_every_destructive_git_command_leaves_all_savepoints_restorable(repository: Judge) -> None:
    git, top = repository, repository.top
    (top / "wip.txt").write_text("my stash")
    git("add", "wip.txt")
    git("stash", "push", "-q")
    git("branch", "keep")
    kept = git("rev-parse", "keep"), git("rev-parse", "refs/stash")
    (top / "u.txt").write_text("untracked")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    manifests = [read_manifest(top)]
    commits: list[str] = []

    def step(*commands: tuple[str, ...]) -> None:
        for command in commands:
            git(*command)
        acid.savepoint(node_name=" ".join(commands[-1]))
        manifests.append(read_manifest(top))

    (top / "a.txt").write_text("agent 1\n")
    step(("add", "-A"), ("commit", "-qm", "agent 1"))
    commits.append(git("rev-parse", "HEAD"))
    step(("checkout", "-q", "-b", "feature"))
    (top / "b.txt").write_text("b")
    step(("add", "-A"), ("commit", "-qm", "agent 2"))
    commits.append(git("rev-parse", "HEAD"))
    (top / "a.txt").write_text("to be stashed")
    step(("stash", "push", "-q", "-u"))
    step(("reset", "-q", "--hard", "HEAD~1"))
    (top / "junk").mkdir()
    (top / "junk" / "j").write_text("j")
    step(("clean", "-fdxq"))
    step(("checkout", "-q", "main"), ("branch", "-qD", "feature"))
    step(("reflog", "expire", "--expire=now", "--all"), ("gc", "-q", "--prune=now"))
    for number in reversed(range(len(manifests))):
        acid.rollback(to_savepoint=number)
        assert read_manifest(top) == manifests[number], number
    for commit in commits:
        assert git("cat-file", "-t", commit) == "commit"
        assert git("for-each-ref", "--contains", commit)
    assert git("rev-parse", "keep") == kept[0]
    assert git("for-each-ref", "--contains", kept[1])
    report = acid.abort()
    assert any("moved" in note or "kept under" in note for note in report.notes)
    assert read_manifest(top) == manifests[0]
    git.fsck()


def test_the_index_is_the_same_from_begin_until_commit(repository: Judge) -> None:
    top = repository.top
    (top / "staged.txt").write_text("s")
    repository("add", "staged.txt")
    index = (top / ".git" / "index").read_bytes()
    acid = ACIDWorkspace(top)
    acid.begin("s")
    for number in range(5):
        (top / "a.txt").write_text(f"{number}\n")
        acid.savepoint()
    acid.rollback(to_savepoint=2)
    acid.status()
    assert (top / ".git" / "index").read_bytes() == index
    result = acid.commit()
    assert result.ok
    assert repository("diff", "--cached", "--name-only") == "staged.txt"
    assert repository("diff", "--name-only") == ""


def test_a_file_that_was_in_no_commit_and_that_the_session_changed_is_committed_whole(repository: Judge) -> None:
    top = repository.top
    for name in ("changed", "moved", "deleted", "kept"):
        (top / f"{name}.txt").write_text(f"{name} by the user\n" * 3)
    (top / "staged.txt").write_text("staged by the user\n")
    repository("add", "staged.txt")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    for name in ("changed", "staged"):
        (top / f"{name}.txt").write_text((top / f"{name}.txt").read_text() + "by the agent\n")
    (top / "moved.txt").rename(top / "there.txt")
    (top / "deleted.txt").unlink()
    files = read_manifest(top)
    result = acid.commit()
    assert result.status == "committed", result.conflicts
    assert result.paths == ("changed.txt", "staged.txt", "there.txt")
    assert [note.partition(" ")[0] for note in result.notes] == ["changed.txt", "staged.txt", "staged.txt"]
    assert read_manifest(top) == files
    assert repository("show", "HEAD:changed.txt") == "changed by the user\n" * 3 + "by the agent"
    assert repository("show", "HEAD:there.txt") == "moved by the user\n" * 2 + "moved by the user"
    assert repository("show", ":staged.txt") == "staged by the user"
    assert repository("status", "--porcelain").split("\n") == ["MM staged.txt", "?? kept.txt"]


def test_a_file_that_somebody_else_brought_to_the_branch_meanwhile_is_a_conflict(
    repository: Judge, commit_elsewhere: Callable[[str, str], None]
) -> None:
    top = repository.top
    (top / "both.txt").write_text("by the user\n")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "both.txt").write_text("by the agent\n")
    commit_elsewhere("both.txt", "by somebody else\n")
    assert [conflict.path for conflict in acid.commit().conflicts] == ["both.txt"]
    assert (top / "both.txt").read_text() == "by the agent\n"


def test_a_file_that_was_only_announced_is_in_the_index_after_a_commit(repository: Judge) -> None:
    top = repository.top
    (top / "n").write_text("mine\n")
    repository("add", "-N", "n")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "n").write_text("agent\n")
    assert acid.commit().status == "committed"
    assert repository("status", "--porcelain") == ""
    (top / "a.txt").write_text("later\n")
    repository("commit", "-qm", "later", "a.txt")
    assert repository("show", "HEAD:n") == "agent"


def test_an_index_is_called_changed_only_if_something_was_staged(repository: Judge) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    index = (top / ".git" / "index").read_bytes()
    os.utime(top / "a.txt", (1, 1))
    repository("status")
    assert (top / ".git" / "index").read_bytes() != index, "git refreshed nothing"
    assert acid.status().git == ()
    repository("update-index", "--chmod=+x", "a.txt")
    assert any("index was changed" in note for note in acid.status().git)
    repository("update-index", "--chmod=-x", "a.txt")
    assert acid.status().git == ()
    (top / ".git" / "index").unlink()
    assert any("index was changed" in note for note in acid.abort().notes)


@pytest.mark.parametrize(
    "kind", ["fresh", "detached", "worktree", "subdirectory", "shallow", "sha256", "plain", "submodule"]
)
def test_kinds_of_workspaces(kind: str, tmp_path: Path) -> None:
    top, git = make_kind(kind, tmp_path)
    acid = ACIDWorkspace(top)
    acid.begin("s")
    first = read_manifest(top)
    (top / "new.txt").write_text("new\n")
    made = acid.savepoint({"x": 1}, node_name="n")
    if kind not in ("plain", "subdirectory"):
        assert git("rev-parse", f"{made.commit}^{{tree}}") == judge_tree(git)
    acid.undo()
    assert read_manifest(top) == first
    acid.redo()
    result = acid.commit("by agent")
    assert result.status == "committed"
    assert (top / "new.txt").exists()
    if kind != "plain":
        assert git("log", "--format=%s", "-1") == "by agent"
        assert git("status", "--porcelain", "--ignore-submodules=all") == ""
        assert git("show", "--stat", "--format=").splitlines()[-1].strip().startswith("1 file changed")
        Judge(git.top).fsck()


def judge_tree(git: Judge) -> str:
    git_dir = Path(git("rev-parse", "--absolute-git-dir"))
    index = git_dir / "judge-index"
    if (git_dir / "index").exists():
        index.write_bytes((git_dir / "index").read_bytes())
    git("add", "-A", GIT_INDEX_FILE=str(index))
    tree = git("write-tree", GIT_INDEX_FILE=str(index))
    index.unlink()
    return tree


def make_kind(kind: str, tmp_path: Path) -> tuple[Path, Judge]:
    top = tmp_path / "p"
    if kind == "plain":
        top.mkdir()
        (top / "f").write_text("f")
        return top, Judge(top)
    if kind == "fresh":
        return top, make_repository(top, files={}, commit=False)
    if kind == "sha256":
        import subprocess

        subprocess.run(["git", "init", "-q", "-b", "main", "--object-format=sha256", str(top)], check=True)
        return top, make_repository(top)
    git = make_repository(top)
    if kind == "detached":
        git("checkout", "-q", "--detach")
    elif kind == "worktree":
        git("worktree", "add", "-q", str(tmp_path / "linked"))
        return tmp_path / "linked", Judge(tmp_path / "linked")
    elif kind == "subdirectory":
        return top / "src", git
    elif kind == "shallow":
        (top / "a.txt").write_text("second\n")
        git("commit", "-qam", "second")
        git("clone", "-q", "--depth", "1", f"file://{top}", str(tmp_path / "shallow"))
        clone = Judge(tmp_path / "shallow")
        clone("config", "gc.auto", "0")
        return tmp_path / "shallow", clone
    elif kind == "submodule":
        make_repository(tmp_path / "lib", files={"l": "l"})
        git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")
        git("commit", "-qm", "submodule")
    return top, git


def test_home_and_root_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    for path in ("/", tmp_path / "home", tmp_path):
        with pytest.raises(WorkspaceRefused):
            ACIDWorkspace(path)


def test_reftable_is_refused_with_advice(repository: Judge) -> None:
    repository("config", "core.repositoryformatversion", "1")
    repository("config", "extensions.refStorage", "reftable")
    with pytest.raises(UnsupportedRepository, match="reftable"):
        ACIDWorkspace(repository.top)


def test_secrets_never_become_git_objects(repository: Judge) -> None:
    top = repository.top
    (top / ".env").write_text("API_KEY=s3cr3t-value-one-1234")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / ".env").write_text("API_KEY=s3cr3t-value-two-5678")
    acid.savepoint({"seen": "the key is s3cr3t-value-two-5678"}, node_name="n")
    (top / ".env").unlink()
    acid.savepoint()
    everything = repository("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    for name in everything:
        assert "s3cr3t-value" not in repository("cat-file", "-p", name)
    acid.rollback(to_savepoint=1)
    assert (top / ".env").read_text().endswith("5678")
    acid.abort()
    assert (top / ".env").read_text().endswith("1234")
    escrow = top / ".git" / "vcr" / "escrow"
    assert all(p.stat().st_mode & 0o077 == 0 for p in escrow.rglob("*"))
