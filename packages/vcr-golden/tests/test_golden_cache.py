"""Saving golden runs and running them again."""

from __future__ import annotations

import runpy
from decimal import Decimal
from pathlib import Path

import pytest

from vcr_core import DivergenceError, VCRRecorder, llm, tool
from vcr_golden import GoldenRunCache, NoGoldenRunError, NotGoldenError
from vcr_golden.cache import NothingToAcceptError
from vcr_golden.gate import Gate

CALLS: list[str] = []


@llm(metadata=lambda _: {"tokens_input": 1000, "tokens_output": 25, "cost_usd": 0.0123, "model": "small"})
def think(prompt):
    CALLS.append("think")
    return f"answer to {prompt}"


@tool
def look_up(key):
    CALLS.append("look_up")
    return {"found": key}


def agent(question):
    found = look_up(question)
    return think(f"{question}: {found['found']}")


def record(directory, function=agent, *args):
    recorder = VCRRecorder(directory)
    recorder.start_session("run")
    recorder.run(function, *args)
    recorder.save()
    return recorder


@pytest.fixture
def cache(tmp_path):
    CALLS.clear()
    return GoldenRunCache(tmp_path / "golden")


def test_a_saved_run_is_replayed_without_a_live_call(cache, tmp_path):
    fingerprint = cache.save_golden_run("look", record(tmp_path / "tape", agent, "q"))
    CALLS.clear()

    outputs, ledger = cache.replay("look")
    result, run_ledger = cache.run("look", agent, "q")

    assert len(fingerprint) == 16
    assert outputs == [{"found": "q"}, "answer to q: q"]
    assert result == "answer to q: q"
    assert CALLS == []
    assert str(ledger).startswith("CostLedger(saved=100% | $0.0123 | 1,025 tokens | ")
    assert run_ledger.served == ledger.served
    assert run_ledger.spent.steps == 0


def test_a_new_input_is_seen(cache, tmp_path):
    cache.save_golden_run("look", record(tmp_path / "tape", agent, "q"))
    with pytest.raises(DivergenceError) as caught:
        cache.run("look", agent, "another")
    assert (caught.value.kind, caught.value.path) == ("input", "/args/0")


def test_a_live_run_saves_nothing(cache, tmp_path):
    cache.save_golden_run("look", record(tmp_path / "tape", agent, "q"))
    CALLS.clear()
    result, ledger = cache.run("look", agent, "q", mode="live")
    assert (result, CALLS) == ("answer to q: q", ["look_up", "think"])
    assert (ledger.saved_share, ledger.saved_cost_usd, ledger.spent.cost_usd) == (0, 0, Decimal("0.0123"))


def test_an_unknown_price_stays_unknown(cache, tmp_path):
    def unpriced(question):
        return ask(question)

    @llm(metadata=lambda _: {"tokens_input": 10, "model": "new"})
    def ask(question):
        return question

    cache.save_golden_run("look", record(tmp_path / "tape", unpriced, "q"))
    _, ledger = cache.replay("look")
    assert (ledger.saved_share, ledger.saved_cost_usd) == (None, None)
    assert "saved=unknown | unknown cost, at least $0.0000 | 10 tokens" in str(ledger)
    _, live = cache.run("look", unpriced, mode="live")
    assert "saved=0%" in str(live)


def test_a_branch_is_live_from_its_cut(cache, tmp_path):
    cache.save_golden_run("look", record(tmp_path / "tape", agent, "q"))
    CALLS.clear()
    result, ledger = cache.run("look", agent, mode="branch", from_frame=1)
    assert (result, CALLS) == ("answer to q: q", ["think"])
    assert (ledger.served.steps, ledger.spent.steps) == (1, 1)


def test_what_is_not_finished_or_failed_is_refused(cache, tmp_path):
    open_recorder = VCRRecorder(tmp_path / "tape")
    open_recorder.start_session("open")
    open_recorder.record_step("a", {}, {})
    with pytest.raises(NotGoldenError) as unfinished:
        cache.save_golden_run("t", open_recorder)
    open_recorder.save()
    open_recorder.close()

    def failing():
        raise ValueError("no")

    recorder = VCRRecorder(tmp_path / "tape")
    recorder.start_session("failed")
    with pytest.raises(ValueError, match="no"):
        recorder.run(failing)
    with pytest.raises(NotGoldenError) as failed:
        cache.save_golden_run("t", recorder)
    assert (unfinished.value.reason, failed.value.reason) == ("unfinished", "failed")


def test_what_was_tampered_with_is_refused(cache, tmp_path):
    path = record(tmp_path / "tape", agent, "q").path
    path.write_bytes(path.read_bytes().replace(b"answer", b"ANSWER"))
    with pytest.raises(NotGoldenError) as caught:
        cache.save_golden_run("t", path)
    assert caught.value.reason == "unverified"


def test_trials_are_kept_apart_and_invalidated(cache, tmp_path):
    cache.save_golden_run("t", record(tmp_path / "tape", agent, "a"))
    cache.save_golden_run("t", record(tmp_path / "tape", agent, "b"), trial=1)
    assert cache.replay("t")[0][0] == {"found": "a"}
    assert cache.replay("t", trial=1)[0][0] == {"found": "b"}
    assert [(run["task"], run["trial"], run["frame_count"]) for run in cache.list_runs()] == [("t", 0, 2), ("t", 1, 2)]
    assert cache.invalidate("t", trial=1) is True
    assert cache.invalidate("t") is True
    assert cache.invalidate("t") is False
    with pytest.raises(NoGoldenRunError):
        cache.replay("t")


def other_agent(question):
    return look_up(question + "!")


def golden_files(cache):
    return sorted(path.suffix for path in cache.directory.iterdir() if path.is_file() and path.name[0] != ".")


def test_a_new_golden_run_takes_the_place_of_the_old_one_and_of_what_waited_beside_it(cache, tmp_path):
    for function, changed in ((agent, other_agent), (other_agent, agent), (other_agent, agent)):
        cache.save_golden_run("t", record(tmp_path / "tape", function, "q"))
        assert Gate(cache).check_agent("t", changed, mode="live")[0].pending is not None
    assert golden_files(cache) == [".code", ".diff", ".json", ".new", ".vcr"]
    cache.save_golden_run("t", record(tmp_path / "tape", agent, "q"))
    assert golden_files(cache) == [".json", ".vcr"]
    with pytest.raises(NothingToAcceptError):
        cache.accept("t")
    assert cache.run("t", agent)[0] == "answer to q: q"


def test_of_two_golden_runs_that_a_merge_left_the_newest_counts(cache, tmp_path):
    theirs = GoldenRunCache(tmp_path / "theirs")
    theirs.save_golden_run("t", record(tmp_path / "tape", agent, "q"))
    assert Gate(theirs).check_agent("t", other_agent, mode="live")[0].pending is not None
    cache.save_golden_run("t", record(tmp_path / "tape", other_agent, "q"))
    for path in theirs.directory.glob("t-*"):
        path.rename(cache.directory / path.name)
    assert [run["agent"].rpartition(":")[2] for run in cache.list_runs()] == ["other_agent"]
    assert cache.explain("t", other_agent).same
    with pytest.raises(NothingToAcceptError):
        cache.accept("t")
    assert cache.invalidate("t")
    assert golden_files(cache) == []


def test_large_values_and_secrets_in_inputs_replay(cache, tmp_path):
    secret = "sk-proj-" + "a1B2c3D4" * 5

    def long_agent(text):
        return look_up(text + "x" * 40_000)["found"][-3:] + str(len(look_up(secret)["found"]) > 3)

    cache.save_golden_run("long", record(tmp_path / "tape", long_agent, "t"))
    assert secret.encode() not in b"".join(path.read_bytes() for path in cache.directory.iterdir() if path.is_file())
    CALLS.clear()
    result, _ = cache.run("long", long_agent, "t")
    assert (result, CALLS) == ("xxxTrue", [])


def test_the_example_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code, shown = (readme.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("python", "text"))
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "readme_example.py"
    script.write_text(code)
    runpy.run_path(str(script))
    assert capsys.readouterr().out == shown


def test_what_was_spent_is_what_the_live_calls_cost_to_the_cent(tmp_path):
    prices = [Decimal(n) / 1000 for n in range(1, 101)]
    called = []

    @llm(metadata=lambda cost: {"tokens_input": 7, "cost_usd": float(cost), "model": "m"})
    def pay(n, salt):
        called.append(prices[n])
        return str(prices[n])

    def spender(salts):
        return [pay(n, salt) for n, salt in enumerate(salts)]

    cache = GoldenRunCache(tmp_path / "golden")
    cache.save_golden_run("t", record(tmp_path / "tape", spender, [0] * 100), agent=spender)
    for changed in (0, 1, 33, 100):
        called.clear()
        _, ledger = cache.run("t", spender, [1] * changed + [0] * (100 - changed), mode="hybrid")
        assert ledger.spent.cost_usd == sum(called)
        assert ledger.saved_cost_usd == sum(prices) - sum(called)
        assert ledger.spent.tokens == 7 * changed
    assert ledger.saved_share == 0
