"""The pytest plugin, run as a user runs it."""

from __future__ import annotations

import socket

import pytest

from vcr_core import VCRRecorder, llm, tool
from vcr_golden.assertions import GoldenAssertionError, InconclusiveError
from vcr_golden.golden_fixture import Golden, GoldenOptions
from vcr_golden.network_block import NetworkBlockedError, network_blocked
from vcr_golden.wilson import Rate

pytest_plugins = ["pytester"]

SUITE = """
import os, socket
import pytest
from vcr_core import tool

@tool
def charge(order, amount):
    with open(os.environ["LIVE_LOG"], "a") as log:
        log.write("live ")
    return {"charged": amount}

def shop(order):
    done = charge(order, int(os.environ.get("AMOUNT", "40")))
    if os.environ.get("LEAK"):
        try:
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        except OSError:
            pass
    return done

@pytest.mark.golden("refund", steps="+0%")
def test_refund(golden):
    golden.run(shop, "7").assert_tools(["charge"]).assert_budget(steps=1)
"""


@pytest.fixture
def suite(pytester, monkeypatch):
    pytester.makepyfile(SUITE)
    pytester.makeini("[pytest]\n")
    monkeypatch.setenv("LIVE_LOG", str(pytester.path / "live.txt"))
    for name in ("CI", "AMOUNT", "LEAK"):
        monkeypatch.delenv(name, raising=False)

    def run(*options):
        outcome = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", *options)
        return outcome

    run.log = pytester.path / "live.txt"
    run.path = pytester.path
    return run


def test_record_then_replay_then_drift(suite, monkeypatch):
    missing = suite()
    missing.stdout.fnmatch_lines(["*no golden run of 'refund'*--vcr=record*"])
    assert suite("--vcr=record").ret == 0
    assert suite.log.read_text() == "live "
    assert suite().ret == 0
    assert suite("--vcr=hybrid").ret == 0
    assert suite.log.read_text() == "live "

    monkeypatch.setenv("AMOUNT", "400")
    drifted = suite()
    assert drifted.ret == 1
    drifted.stdout.fnmatch_lines(["*argument: the input of charge differs at /amount: golden 40, now 400*"])
    assert suite("--vcr=live").ret == 1
    assert list(suite.path.glob(".vcr/golden/*.vcr.new"))
    assert "40" in next(suite.path.glob(".vcr/golden/*.vcr.new.diff")).read_text()


def test_recording_in_ci_has_to_be_forced(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")
    refused = suite("--vcr=record")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert not suite.log.exists()
    assert suite("--vcr=record", "--vcr-force-record").ret == 0


def test_a_hidden_connection_in_replay_fails_although_it_was_swallowed(suite, monkeypatch):
    assert suite("--vcr=record").ret == 0
    monkeypatch.setenv("LEAK", "1")
    leaked = suite()
    assert leaked.ret == 1
    leaked.stdout.fnmatch_lines(["*blocked a connection to 127.0.0.1:9*"])
    assert suite("--vcr-allow-host=127.0.0.1").ret == 0


def test_a_blocked_connection_is_named_and_the_block_is_lifted():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        address = server.getsockname()
        with network_blocked() as block, socket.socket() as client:
            with pytest.raises(NetworkBlockedError, match=r"test_golden_plugin\.py"):
                client.connect(address)
            assert [error.address for error in block.blocked] == [address]
        with network_blocked([f"127.0.0.1:{address[1]}"]) as block, socket.socket() as client:
            client.connect(address)
        assert block.blocked == []
        assert "connect" not in socket.socket.__dict__


@tool
def find(order):
    return {"order": order, "lines": [1, 2, 3]}


@tool
def pay(order, amount):
    return "paid"


@llm(metadata=lambda _: {"tokens_input": 50, "tokens_output": 50, "model": "m"})
def think(text):
    return text.upper()


def buyer(order):
    find(order)
    pay(order, 5)
    return {"say": think("done"), "lines": [1, 2, 3], "at": "12:01"}


@pytest.fixture
def check(tmp_path):
    Golden("buy", GoldenOptions("record", tmp_path)).run(buyer, "7")
    return Golden("buy", GoldenOptions("replay", tmp_path)).run(buyer)


def test_assertions_that_hold(check):
    check.assert_same().assert_output().assert_tools().assert_no_extra_steps().assert_no_missing_steps()
    check.assert_output(subset={"lines": [1, 3]}).assert_output(shape={"say": str, "lines": [int], "at": {"12:01"}})
    check.assert_output({"say": "DONE", "lines": [1, 2, 3], "at": "9:00"}, normalise=lambda o: {**o, "at": ""})
    check.assert_tools(["pay"], how="ordered_subset").assert_tools(["pay", "find"], how="multiset")
    check.assert_tool_args("pay", {"amount": 5}).assert_never_called("delete")
    check.assert_state("find", {"lines": [2]}).assert_budget(tokens=100, steps="+0%", latency="+10%")


@pytest.mark.parametrize(
    ("assertion", "kind"),
    [
        (lambda c: c.assert_output({"say": "other"}), "output"),
        (lambda c: c.assert_output(subset={"lines": [3, 1]}), "output"),
        (lambda c: c.assert_output(shape={"say": int}), "output"),
        (lambda c: c.assert_tools(["pay", "find"]), "order"),
        (lambda c: c.assert_tools(["find"]), "extra_step"),
        (lambda c: c.assert_tools(["find", "pay", "pay"], how="multiset"), "missing_step"),
        (lambda c: c.assert_tools(["pay", "find"], how="ordered_subset"), "order"),
        (lambda c: c.assert_tool_args("pay", {"amount": 6}), "argument"),
        (lambda c: c.assert_tool_args("pay", {"amount": 5}, nth=1), "missing_step"),
        (lambda c: c.assert_never_called("pay"), "forbidden"),
        (lambda c: c.assert_state("find", {"order": "8"}), "state"),
        (lambda c: c.assert_state("nowhere", {}), "state"),
        (lambda c: c.assert_budget(tokens=99), "tokens"),
    ],
)
def test_assertions_that_fail_say_their_kind(check, assertion, kind):
    with pytest.raises(GoldenAssertionError) as caught:
        assertion(check)
    assert caught.value.kinds == [kind]


def test_a_cost_that_nobody_knows_is_inconclusive(check):
    with pytest.raises(InconclusiveError, match="the cost of this run is not known"):
        check.assert_budget(cost="+10%")


def test_live_trials_have_to_show_their_rate(tmp_path):
    Golden("buy", GoldenOptions("record", tmp_path)).run(buyer, "7")
    live = GoldenOptions("live", tmp_path)
    sure = Golden("buy", live, runs=20, at_least=0.8)
    sure.run(buyer, "7")
    assert sure.rate == Rate(20, 20)
    with pytest.raises(InconclusiveError, match="3 of 3"):
        Golden("buy", live, runs=3, at_least=0.8).run(buyer, "7")

    def never(order):
        return None

    with pytest.raises(GoldenAssertionError) as caught:
        Golden("buy", live, runs=5, at_least=0.8).run(never, "7")
    assert caught.value.kinds == ["rate"]


def test_the_wilson_interval_is_the_published_one():
    assert [round(bound, 4) for bound in Rate(8, 10).interval] == [0.4902, 0.9433]
    assert Rate(0, 0).interval == (0.0, 1.0)


def test_a_recorder_can_be_saved_after_it_was_closed(tmp_path):
    with VCRRecorder(tmp_path / "tape") as recorder:
        recorder.run(buyer, "7")
    assert Golden("buy", GoldenOptions("replay", tmp_path)).cache.save_golden_run("buy", recorder)
