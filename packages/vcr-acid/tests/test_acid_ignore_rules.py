"""Ignore files that git would read with a shrug."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.testing.judge import Judge, make_repository

UNREADABLE = ["build[", "*.py[cod", "!keep[", "p[z-", "[[:bogus:]]", "odd\\", "odd\\/", "/odd[/", "*"]
NAMES = ["build[", "x.py[cod", "keep[", "p[z-", "[[:bogus:]]", "odd", "odd\\", "odd[", "x.log"]


@pytest.mark.parametrize("pattern", UNREADABLE)
def test_patterns_that_git_cannot_read_match_what_they_match_for_git(pattern: str, tmp_path: Path) -> None:
    git = make_repository(tmp_path / "p", files={".gitignore": f"{pattern}\n*.log\n!.gitignore\n"})
    for name in NAMES:
        (git.top / name).touch()
    acid = ACIDWorkspace(git.top)
    saved = acid.begin("s")
    assert git("rev-parse", f"{saved.commit}^{{tree}}") == git.worktree_tree()
    acid.abort()


@pytest.mark.parametrize("place", [".gitignore", "src/.gitignore", ".git/info/exclude"])
def test_a_pattern_without_its_bracket_stops_nothing(place: str, repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    (repository.top / place).write_text("build[\n*.ign\n")
    acid.savepoint()
    (repository.top / "a.txt").write_text("agent\n")
    acid.undo()
    assert (repository.top / "a.txt").read_text() == "one\n"
    acid.rollback(to_savepoint=0)
    (repository.top / "a.txt").write_text("two\n")
    assert acid.commit().paths == ("a.txt",)
