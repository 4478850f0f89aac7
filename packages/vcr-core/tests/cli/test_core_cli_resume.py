"""resume, driven from the command line."""

from __future__ import annotations

import json
import sys

import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.cli.resuming import load_agent

AGENT = """
import asyncio
from vcr_core import step, tool

ran = []

@tool
def search(query):
    ran.append("search")
    return [query.upper()]

@step
def plan(state):
    ran.append("plan")
    return {**state, "plan": search(state["task"])}

@step
def act(state):
    print("acting")
    ran.append("act")
    if state.get("fail"):
        raise ValueError("told to fail")
    return {**state, "done": len(state["plan"])}

def main(task):
    return act(plan({"task": task}))

async def stopped(task):
    raise asyncio.CancelledError
"""


@pytest.fixture
def agent(tmp_path, monkeypatch, request):
    """A recorded agent in a module of its own; its module, to see what was really run."""
    name = "agent_" + "".join(c for c in request.node.name if c.isalnum())
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    (tmp_path / f"{name}.py").write_text(AGENT)
    module = __import__(name)
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("run", agent=f"{name}:main")
        recorder.run(module.main, "tidy")
    module.ran.clear()
    yield module
    sys.modules.pop(name, None)


def test_resume_serves_what_was_before_the_cut_and_runs_the_rest(vcr, agent):
    names = [row.node_name for row in VCRPlayer.load_by_id("run").rows]
    result = vcr("resume", "run", "--from", names.index("act"), "--set", "/plan/-=more", "--id", "again", "--json")
    assert result.status == 0, result.err
    assert agent.ran == ["act"]
    assert result.json["result"]["done"] == 2
    assert (result.json["session"], result.json["live_steps"], result.json["error"]) == ("again", 1, None)
    assert VCRPlayer.load_by_id("again").goto_frame(-1)["plan"] == ["TIDY", "more"]


def test_the_agent_is_known_from_its_run_where_the_session_was_named_before(vcr, agent, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("named")
        recorder.run(agent.main, "tidy")
    assert VCRPlayer.load_by_id("named").session.agent is None
    assert vcr("resume", "named", "--mode", "replay", "--id", "again").status == 0


def test_replay_runs_nothing(vcr, agent):
    result = vcr("resume", "run", "--mode", "replay", "--id", "again")
    assert result.status == 0
    assert agent.ran == []
    assert "0 run live" in result.out


def test_mock_answers_a_step(vcr, agent):
    words = ["--mode", "mock", "--live", "plan", "--live", "act", "--mock", 'search=["x", "y", "z"]', "--json"]
    result = vcr("resume", "run", *words)
    assert result.status == 0, result.err
    assert result.json["result"]["done"] == 3
    assert agent.ran == ["plan", "act"]


def test_an_agent_that_raises_is_told_and_exits_with_one(vcr, agent):
    names = [row.node_name for row in VCRPlayer.load_by_id("run").rows]
    result = vcr("resume", "run", "--from", names.index("act"), "--set", "/fail=true", "--json")
    assert result.status == 1
    assert json.loads(result.out)["error"] == "ValueError: told to fail"


def test_an_agent_that_was_cancelled_is_told(vcr, agent):
    result = vcr("resume", "run", f"{agent.__name__}:stopped", "--from", "0")
    assert (result.status, result.err) == (1, "vcr: the agent was cancelled; what it did until then is recorded\n")


def test_a_module_that_ends_the_program_is_told(vcr, agent, tmp_path):
    (tmp_path / "quits.py").write_text("raise SystemExit(0)")
    result = vcr("resume", "run", "quits:main")
    assert result.status == 1
    assert "SystemExit: 0" in result.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--from", "99"], 2, "has no frame 99"),
        (["--set", "/a=1"], 2, "name that step with --from"),
        (["--from", "0", "--set", "a"], 2, "NAME=VALUE is expected"),
        (["no_such_module:main"], 1, "ModuleNotFoundError"),
        (["just_a_name"], 1, "it has no colon"),
        (["--from", "nowhere"], 1, "nowhere"),
    ],
)
def test_wrong_words_are_told(vcr, agent, words, status, said):
    result = vcr("resume", "run", *words)
    assert result.status == status
    assert said in result.err
    assert "Traceback" not in result.err
    assert agent.ran == []


def test_a_recording_without_an_agent_needs_one(vcr, recorded):
    result = vcr("resume", "my_run")
    assert result.status == 2
    assert "does not say which agent was recorded" in result.err


def test_load_agent_follows_dots():
    assert load_agent("json:JSONDecoder.decode") is json.JSONDecoder.decode
