"""Replays of data losses reported against other coding agents: nothing may be lost here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.errors import SessionOpenError, WorkspaceBusy
from vcr_acid.policies import Policy
from vcr_acid.testing.judge import Judge, read_manifest


def test_restoring_an_old_gitignore_keeps_what_the_new_one_hid(repository: Judge) -> None:
    """cline/cline#14367: the restore put back .gitignore first, then cleaned what it no longer hid."""
    top = repository.top
    (top / ".gitignore").write_text("*.ign\nignored/\nsecret-data/\n")  # not committed
    (top / "secret-data").mkdir()
    (top / "secret-data" / "results.csv").write_text("years of work")
    with_rule = ACIDWorkspace(top)
    with_rule.begin("s")
    (top / ".gitignore").write_text("*.ign\n")
    (top / "a.txt").write_text("agent")
    with_rule.savepoint()
    (top / "ignored").mkdir()
    (top / "ignored" / "x").write_text("x")
    with_rule.savepoint()
    report = with_rule.rollback(to_savepoint=0)
    assert (top / "secret-data" / "results.csv").read_text() == "years of work"
    assert (top / ".gitignore").read_text().endswith("secret-data/\n")
    assert any("secret-data/results.csv" in path for path, _ in report.skipped)
    with_rule.undo()
    assert (top / "secret-data" / "results.csv").read_text() == "years of work"


def test_an_ignore_rule_added_later_does_not_delete(repository: Judge) -> None:
    top = repository.top
    (top / "notes").mkdir()
    (top / "notes" / "n.txt").write_text("mine")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / ".gitignore").write_text("*.ign\nnotes/\n")
    acid.savepoint()
    acid.rollback(to_savepoint=0)
    acid.abort()
    assert (top / "notes" / "n.txt").read_text() == "mine"


def test_going_to_the_first_checkpoint_after_other_tools_worked_loses_nothing(repository: Judge) -> None:
    """RooCodeInc/Roo-Code#6209: another agent worked in between; the initial checkpoint deleted its work."""
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    acid.savepoint()
    for number in range(40):
        (top / f"other_tool_{number}.py").write_text(f"work {number}")
    before = read_manifest(top)
    report = acid.rollback(to_savepoint=0)
    assert len(report.deleted) == 40
    acid.undo()
    assert read_manifest(top) == before


def test_user_edits_after_the_last_checkpoint_come_back(repository: Judge) -> None:
    """google-gemini/gemini-cli#13331: a restore overwrote edits made by hand since the checkpoint."""
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("agent\n")
    acid.savepoint()
    (top / "a.txt").write_text("agent\nand an hour of my own\n")
    (top / "mine.md").write_text("mine")
    report = acid.rollback(to_savepoint=0)
    assert acid.read_file(report.before.number, "a.txt") == b"agent\nand an hour of my own\n"
    acid.undo()
    assert (top / "mine.md").read_text() == "mine"


def test_large_untracked_output_of_other_programs_survives(repository: Judge) -> None:
    """github/copilot-cli#1675: ``git clean -fd`` removed a gigabyte of untracked results."""
    top = repository.top
    acid = ACIDWorkspace(top, policy=Policy(max_file_size=1000))
    (top / "output").mkdir()
    (top / "output" / "before.jsonl").write_text("b" * 5000)
    acid.begin("s")
    (top / "output" / "during.jsonl").write_text("d" * 5000)
    (top / "output" / "small.xlsx").write_text("small")
    made = acid.savepoint()
    assert "output/during.jsonl" in dict(made.unsaved)
    report = acid.rollback(to_savepoint=0)
    assert (top / "output" / "before.jsonl").read_text() == "b" * 5000
    assert (top / "output" / "during.jsonl").read_text() == "d" * 5000
    assert "output/during.jsonl" in dict(report.skipped)
    acid.undo()
    assert (top / "output" / "small.xlsx").read_text() == "small"


def test_staged_work_is_untouched(repository: Judge) -> None:
    """openai/codex#8214: undo went through the user's index and lost what was staged."""
    top = repository.top
    (top / "a.txt").write_text("staged\n")
    repository("add", "a.txt")
    (top / "a.txt").write_text("staged\nand more\n")
    index = (top / ".git" / "index").read_bytes()
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("agent\n")
    acid.savepoint()
    acid.undo()
    acid.redo()
    acid.rollback(to_savepoint=0)
    assert (top / ".git" / "index").read_bytes() == index
    assert (top / "a.txt").read_text() == "staged\nand more\n"
    acid.abort()
    assert (top / ".git" / "index").read_bytes() == index


def test_undo_after_a_step_without_changes_changes_nothing(repository: Judge) -> None:
    """anomalyco/opencode#26893 and kin: undoing brought back an unrelated, stale snapshot."""
    top = repository.top
    (top / "a.txt").write_text("dirty, not committed\n")
    acid = ACIDWorkspace(top)
    acid.begin("s")
    acid.savepoint(node_name="talked only")
    before = read_manifest(top)
    report = acid.undo()
    assert read_manifest(top) == before
    assert not report.written
    assert not report.deleted


def test_a_second_session_in_the_same_place_is_refused(repository: Judge) -> None:
    """anthropics/claude-code#94657 and kin: one session's rewind destroyed the other's files."""
    first = ACIDWorkspace(repository.top)
    first.begin("one")
    second = ACIDWorkspace(repository.top)
    with pytest.raises(WorkspaceBusy):
        second.begin("two")
    first.detach()
    with pytest.raises(SessionOpenError):
        second.begin("two")
    second.attach("one")
    second.abort()


def test_a_nested_repository_keeps_its_history(repository: Judge, tmp_path: Path) -> None:
    """Agents that renamed or cleaned nested ``.git`` directories broke them for good."""
    from vcr_acid.testing.judge import make_repository

    inner = make_repository(repository.top / "vendor" / "lib", files={"l.c": "int x;\n"})
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    (inner.top / "l.c").write_text("broken")
    inner("commit", "-qam", "agent")
    shutil.rmtree(repository.top / "src")
    acid.savepoint()
    acid.rollback(to_savepoint=0)
    assert (inner.top / "l.c").read_text() == "int x;\n"
    inner.fsck()
    assert inner("log", "--format=%s", "-1") == "agent"
