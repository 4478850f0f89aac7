"""Effects that a commit has to do: when one of them does not run, it is said, waits, and stops nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from vcr_acid import ACIDWorkspace
from vcr_acid.errors import EffectError, NoSessionError, SessionFinished
from vcr_acid.testing.judge import Judge
from vcr_acid.testing.nursery import Nursery

Vcr = Callable[..., "subprocess.CompletedProcess[str]"]


class Payment:
    """Fails until the network is up."""

    def __init__(self) -> None:
        self.network = False
        self.calls = 0

    def __call__(self, _: object = None) -> str:
        self.calls += 1
        if not self.network:
            raise ConnectionError("network down")
        return "paid"


def commit_with_a_failed_effect(top: Path) -> Payment:
    pay = Payment()
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("agent\n")
    acid.effect("pay", pay, when="commit")
    result = acid.commit()
    assert result.waiting == ("pay",)
    assert "pay (failed: ConnectionError: network down)" in result.notes[-1]
    acid.detach()
    return pay


def test_a_with_block_tells_that_an_effect_did_not_run_and_lets_go(repository: Judge) -> None:
    acid = ACIDWorkspace(repository.top)
    with pytest.raises(EffectError, match=r"'pay' is failed.*network down.*retry_effect"), acid:  # noqa: PT012  # the body is the transaction under test
        (repository.top / "a.txt").write_text("agent\n")
        acid.effect("pay", Payment(), when="commit")
    assert repository("show", "HEAD:a.txt") == "agent"
    assert acid.session_id is None
    with ACIDWorkspace(repository.top):
        (repository.top / "a.txt").write_text("next\n")
    assert repository("show", "HEAD:a.txt") == "next"


@pytest.mark.parametrize("way", ["retry_effect", "effect"])
def test_a_failed_effect_of_a_commit_can_be_tried_again(way: str, repository: Judge) -> None:
    pay = commit_with_a_failed_effect(repository.top)
    acid = ACIDWorkspace(repository.top)
    assert acid.attach() == "s"
    if way == "retry_effect":
        with pytest.raises(EffectError, match="pass it"):
            acid.retry_effect("pay")
        with pytest.raises(EffectError, match="network down"):
            acid.retry_effect("pay", pay)
        pay.network = True
        assert acid.retry_effect("pay", pay).result == "paid"
    else:
        pay.network = True
        acid.effect("pay", pay, when="commit")
    done = acid.commit()
    assert (done.status, acid.session_id) == ("nothing", None)
    assert pay.calls == (3 if way == "retry_effect" else 2)
    with pytest.raises(NoSessionError):
        acid.attach("s")


def test_a_commit_whose_effects_were_cut_short_by_a_kill_can_be_ended(repository: Judge, nursery: Nursery) -> None:
    assert nursery.call("commit_and_die", str(repository.top), environment=os.environ).status == -signal.SIGKILL
    (recovered,) = ACIDWorkspace.recover(repository.top).sessions
    assert [(one.key, one.status) for one in recovered.effects] == [("mail", "doing"), ("pay", "deferred")]
    acid = ACIDWorkspace(repository.top)
    acid.attach("s")
    assert "mail (unknown" in acid.commit().notes[-1]
    assert acid.retry_effect("pay", lambda _: "paid").status == "kept"
    assert acid.retry_effect("mail", lambda _: None).status == "undone"
    acid.commit()
    assert acid.session_id is None
    assert not ACIDWorkspace.recover(repository.top).sessions


def test_effects_that_wait_are_not_lost_by_recover_and_stop_no_new_session(repository: Judge) -> None:
    pay = commit_with_a_failed_effect(repository.top)
    (recovered,) = ACIDWorkspace.recover(repository.top).sessions
    assert (recovered.state, recovered.effects[0].key) == ("committed", "pay")
    other = ACIDWorkspace(repository.top)
    other.begin("s")
    assert other.session_id == "s+2"
    other.detach()
    assert other.attach() == "s+2", "an open session is meant before a finished one"
    other.abort()
    pay.network = True
    other.attach("s")
    other.retry_effect("pay", pay)
    other.commit()


def test_effects_can_be_given_up(repository: Judge) -> None:
    commit_with_a_failed_effect(repository.top)
    acid = ACIDWorkspace(repository.top)
    acid.attach()
    assert acid.commit(drop_effects=True).notes[-1] == "given up: pay"
    with pytest.raises(NoSessionError):
        acid.attach()


def test_a_committed_session_changes_no_file(repository: Judge) -> None:
    commit_with_a_failed_effect(repository.top)
    (repository.top / "a.txt").write_text("mine\n")
    acid = ACIDWorkspace(repository.top)
    acid.attach()
    calls: list[Callable[[], object]] = [
        acid.savepoint,
        acid.autosave,
        acid.rollback,
        acid.undo,
        acid.redo,
        lambda: acid.restore(0),
        lambda: acid.resolve("a.txt", None),
        acid.abort,
    ]
    for call in calls:
        with pytest.raises(SessionFinished, match=r"'s' is committed.*pay"):
            call()
    acid.diff(0)
    assert (acid.status().state, len(acid.savepoints())) == ("committed", 2)
    acid.commit(drop_effects=True)
    assert (repository.top / "a.txt").read_text() == "mine\n"


def test_the_command_line_names_effects_that_wait_and_ends_them(
    run_vcr: Vcr, repository: Judge, tmp_path: Path
) -> None:
    top, runtime = repository.top, {"VCR_ACID_RUNTIME": f"{tmp_path}/"}
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("agent\n")
    acid.effect("pay", lambda: "paid", when="commit")
    acid.detach()
    committed = run_vcr("commit", cwd=top, **runtime)
    assert "committed 1 path" in committed.stdout
    assert "--drop-effects" in committed.stdout
    assert "finished" not in run_vcr("commit", cwd=top, **runtime).stdout
    assert "pay" in run_vcr("recover", cwd=top, **runtime).stdout
    assert "session s, committed" in run_vcr("status", cwd=top, **runtime).stdout
    assert "'s' is committed" in run_vcr("undo", cwd=top, **runtime).stderr
    ran = run_vcr("run", "--on-exit", "rollback", "--", "true", cwd=top, **runtime)
    assert ran.returncode == 0
    assert "effects of session s still wait: pay" in ran.stderr
    ended = json.loads(run_vcr("commit", "--drop-effects", "--json", cwd=top, **runtime).stdout)
    assert ended["notes"][-1] == "given up: pay"
    assert run_vcr("recover", cwd=top, **runtime).stdout == "no unfinished session here\n"


def test_effects_are_undone_by_what_came_first_not_by_numbers(repository: Judge) -> None:
    box: list[str] = []
    acid = ACIDWorkspace(repository.top)
    acid.begin("s")
    for text in ("one", "two"):
        (repository.top / "a.txt").write_text(text)
        acid.savepoint()
    acid.rollback(to_savepoint=0)
    acid.effect("mail", lambda: box.append("mail"), lambda _: box.remove("mail"))
    (repository.top / "a.txt").write_text("again")
    acid.savepoint()
    acid.undo(2)
    assert (repository.top / "a.txt").read_text() == "two"
    assert box == []
    acid.abort()
