"""The public interface: undo and redo, effects, recorder, with and async, gc."""

from __future__ import annotations

import asyncio
import os
import pickle
from pathlib import Path

import pytest

import vcr_acid
from vcr_acid import ACIDWorkspace, Policy
from vcr_acid.errors import (
    CommitConflict,
    EffectError,
    NoSessionError,
    NothingToUndo,
    SavepointNotFound,
    SessionNameError,
    StoreError,
)
from vcr_acid.testing.judge import Judge, read_manifest
from vcr_core import VCRPlayer, VCRRecorder


def test_the_public_names() -> None:
    assert set(vcr_acid.__all__) >= {"ACIDWorkspace", "Policy", "RollbackReport", "CommitResult", "Savepoint"}
    for name in vcr_acid.__all__:
        assert getattr(vcr_acid, name).__doc__


def test_undo_and_redo_walk_the_timeline(repository: Judge) -> None:
    file = repository.top / "a.txt"
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    for text in ("one", "two", "three"):
        file.write_text(text)
        acid.savepoint({"text": text}, node_name=text)
    file.write_text("not saved")
    report = acid.undo()
    assert (file.read_text(), report.state) == ("three", {"text": "three"})
    acid.undo(2)
    assert file.read_text() == "one"
    acid.redo()
    assert file.read_text() == "two"
    acid.redo(2)
    assert file.read_text() == "not saved"
    with pytest.raises(NothingToUndo):
        acid.redo()
    acid.rollback(to_savepoint=1)
    acid.undo()
    assert file.read_text() == "not saved"
    with pytest.raises(NothingToUndo):
        acid.undo(50)
    acid.abort()


def test_state_and_files_move_together(repository: Judge, tmp_path: Path) -> None:
    recorder = VCRRecorder(output_dir=str(tmp_path / "tape"))
    recorder.start_session("tape")
    acid = ACIDWorkspace(repository.top, recorder=recorder)
    acid.begin("s")
    recorder.record_step("plan", {"n": 0}, {"n": 1})
    (repository.top / "a.txt").write_text("saved")
    frame = acid.savepoint({"n": 1}, node_name="coder")
    (repository.top / "a.txt").write_text("worse")
    recorder.record_step("break", {"n": 1}, {"n": 2})
    report = acid.rollback(to_frame_index=frame.index)
    assert (repository.top / "a.txt").read_text() == "saved"
    with pytest.raises(SavepointNotFound, match="frame"):
        acid.rollback(to_frame_index=1)
    player = VCRPlayer.load(recorder.save())
    assert player.goto_frame(frame.index) == report.state == {"n": 1}
    assert player.goto_frame(len(player.frames) - 1) == {"n": 1}
    names = [row.node_name for row in player.rows]
    assert "break" in names, "the failed attempt stays on the tape"
    acid.abort()
    recorder.close()


def test_a_session_goes_on_in_another_process(repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    (repository.top / "a.txt").write_text("one")
    acid.savepoint(node_name="one")
    (repository.top / "a.txt").write_text("two")
    acid.detach()
    later = ACIDWorkspace(repository.top)
    assert later.attach() == "s"
    later.undo()
    assert (repository.top / "a.txt").read_text() == "one"
    later.detach()
    with pytest.raises(NoSessionError):
        later.savepoint()
    again = ACIDWorkspace(repository.top)
    again.attach()
    again.redo()
    assert (repository.top / "a.txt").read_text() == "two"
    again.abort()


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x.lock", "a..b", "a b", "x" * 101])
def test_names_that_are_paths_are_refused_before_the_disk_is_touched(name: str, repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top)
    with pytest.raises(SessionNameError):
        acid.begin(name or "/")
    assert not (repository.top / ".git" / "vcr").exists()


def test_a_finished_name_begins_a_new_take(repository: Judge) -> None:
    for expected in ("s", "s+2", "s+3"):
        acid = ACIDWorkspace(repository.top)
        acid.begin("s")
        assert acid.session_id == expected
        acid.abort()


def test_restore_brings_back_chosen_paths_and_can_be_undone(repository: Judge) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("changed")
    (top / "src" / "b.py").write_text("changed")
    acid.savepoint()
    report = acid.restore(0, ["src"])
    assert report.written == ("src/b.py",)
    assert (top / "a.txt").read_text() == "changed"
    assert (top / "src" / "b.py").read_text() == "print(1)\n"
    acid.undo()
    assert (top / "src" / "b.py").read_text() == "changed"
    acid.abort()


def test_diff_and_status_name_what_changed(repository: Judge) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("changed")
    (top / "new").write_text("new")
    (top / "src" / "b.py").unlink()
    (top / ".gitignore").chmod(0o600)
    assert set(acid.status().changed) >= {"a.txt", "new", "src/b.py"}
    acid.savepoint()
    kinds = {change.path: change.kind for change in acid.diff(0, 1)}
    assert kinds == {
        "a.txt": "modified",
        "new": "added",
        "src/b.py": "deleted",
        ".gitignore": "mode",
    }
    acid.abort()


def test_effects_run_once_and_are_undone_in_reverse(repository: Judge) -> None:
    done: list[str] = []
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    (repository.top / "a.txt").write_text("x")
    acid.savepoint()
    for key in ("mail", "ticket"):
        assert (
            acid.effect(key, lambda k=key: done.append(k) or f"id-{k}", lambda r: done.append(f"undo {r}"))
            == f"id-{key}"
        )
    assert acid.effect("mail", lambda: done.append("again")) == "id-mail"
    report = acid.rollback(to_savepoint=0)
    assert done == ["mail", "ticket", "undo id-ticket", "undo id-mail"]
    assert {effect.status for effect in report.effects} == {"undone"}
    acid.abort()


def test_a_failed_undo_is_a_state_that_can_be_retried(repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")

    def refuse(_: object) -> None:
        raise ConnectionError("no network")

    acid.effect("mail", lambda: 7, refuse)
    report = acid.rollback(to_savepoint=0)
    assert report.effects[0].status == "undo failed"
    assert "no network" in report.effects[0].error
    acid.detach()
    later = ACIDWorkspace(repository.top)
    later.attach()
    seen: list[object] = []
    assert later.retry_effect("mail", seen.append).status == "undone"
    assert seen == [7]
    later.abort()


def test_deferred_effects_wait_for_commit_and_failures_for_the_caller(repository: Judge) -> None:
    sent: list[str] = []
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    acid.effect("mail", lambda: sent.append("mail"), when="commit")
    assert sent == []
    assert acid.commit().status == "nothing"
    assert sent == ["mail"]
    acid.begin("t")
    with pytest.raises(EffectError, match="failed"):
        acid.effect("bad", lambda: 1 / 0)
    acid.abort()


def test_with_commits_on_success_and_aborts_on_an_exception(repository: Judge) -> None:
    top = repository.top
    with ACIDWorkspace(top):
        (top / "a.txt").write_text("done\n")
    assert repository("show", "HEAD:a.txt") == "done"
    with pytest.raises(KeyError), ACIDWorkspace(top):  # noqa: PT012  # the body is the transaction under test
        (top / "a.txt").write_text("broken")
        raise KeyError("agent")
    assert (top / "a.txt").read_text() == "done\n"
    assert repository("status", "--porcelain") == ""


def test_a_conflict_in_a_with_block_is_an_error_and_keeps_the_session(repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top, isolation="worktree")
    with pytest.raises(CommitConflict) as caught, acid:  # noqa: PT012  # the body is the transaction under test
        (Path(acid.path) / "a.txt").write_text("agent\n")
        (repository.top / "a.txt").write_text("user\n")
        repository("commit", "-qam", "user")
    assert caught.value.paths == ("a.txt",)
    later = ACIDWorkspace(repository.top)
    later.attach(caught.value.session_id)
    later.abort()
    assert (repository.top / "a.txt").read_text() == "user\n"


def test_async_calls(repository: Judge) -> None:
    async def agent() -> None:
        async with ACIDWorkspace(repository.top) as acid:
            (repository.top / "a.txt").write_text("one\n")
            await acid.asavepoint({"n": 1}, node_name="one")
            (repository.top / "a.txt").write_text("two\n")
            await acid.aundo()
            assert (repository.top / "a.txt").read_text() == "one\n"

    asyncio.run(agent())
    assert repository("show", "HEAD:a.txt") == "one"


def test_packing_and_gc_keep_every_savepoint_of_open_sessions(repository: Judge) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    manifests = [read_manifest(top)]
    for number in range(12):
        (top / "src" / f"m{number % 4}.py").write_text(f"{number}\n" * 50)
        (top / ".env").write_text(f"K={number}")
        acid.savepoint()
        manifests.append(read_manifest(top))
    acid.gc()
    repository.fsck()
    repository("gc", "-q", "--prune=now")
    for number, manifest in enumerate(manifests):
        acid.rollback(to_savepoint=number)
        assert read_manifest(top) == manifest
    acid.abort()
    report = acid.gc(keep=0)
    assert report.removed == ["s"]
    assert repository("for-each-ref", "refs/vcr") == ""


def test_policies(tmp_path: Path) -> None:
    top = tmp_path / "p"
    for name in ("node_modules/x/i.js", "data/secret.bin", "keep.log", "skip/me.txt", "f.txt"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(name)
    policy = Policy(protect=("data/*",), exclude=("skip",), track=("keep.log",))
    acid = ACIDWorkspace(top, policy=policy)
    acid.begin("s")
    for name in ("node_modules/x/i.js", "data/secret.bin", "keep.log", "skip/me.txt", "f.txt"):
        (top / name).write_text("changed")
    acid.savepoint()
    acid.rollback(to_savepoint=0)
    texts = {name: (top / name).read_text() for name in ("data/secret.bin", "keep.log", "f.txt")}
    assert texts == {name: name for name in texts}
    assert (top / "node_modules/x/i.js").read_text() == "changed"
    assert (top / "skip/me.txt").read_text() == "changed"
    assert acid.read_file(0, "data/secret.bin") is None
    acid.abort()


def test_policy_survives_its_json() -> None:
    policy = Policy(protect=("x",), max_file_size=5, default_rebuild=False)
    assert Policy.from_json(policy.to_json()) == policy


def test_errors_survive_pickling() -> None:
    error = StoreError.from_os("savepoint", OSError(28, os.strerror(28), "/x"))
    again = pickle.loads(pickle.dumps(error))
    assert (again.errno, again.path, str(again)) == (28, "/x", str(error))


def test_a_relative_state_directory_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path)
    acid = ACIDWorkspace("plain", state_dir="state")
    acid.begin("s")
    acid.detach()
    assert (tmp_path / "state").is_dir()
    monkeypatch.chdir(tmp_path / "plain")
    assert acid.attach("s") == "s"
    acid.abort()
