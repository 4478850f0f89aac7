"""The documented API of the original, through the façade, as its users write it."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent_vcr import VCRPlayer, VCRRecorder, llm, vcr_record
from agent_vcr.models import Frame, FrameMetadata, ResumeConfig, ResumeMode


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def record_my_run() -> Path:
    recorder = VCRRecorder(output_dir=".vcr", auto_save=True, diff_mode=None)
    recorder.start_session(session_id="my_run", tags=["prod"], metadata={"team": "a"})
    recorder.record_step(
        "planner", {"q": 1}, {"q": 1, "plan": {"steps": ["a"]}}, metadata=FrameMetadata(latency_ms=5.0)
    )
    recorder.record_step("planner", {"q": 1, "plan": {"steps": ["a"]}}, {"q": 2}, metadata={"model": "m", "mine": 1})
    recorder.record_llm_call("coder", "prompt", "response", 10, 0.01, model="m", tokens_input=4, tokens_output=6)
    recorder.record_tool_call("coder", "search", {"query": "x"}, ["y"], latency_ms=3.0)
    try:
        raise ValueError("broken")
    except ValueError as error:
        recorder.record_error("coder", {"q": 2}, error)
    recorder.record_checkpoint({"q": 3}, "good")
    with recorder.step("critic", {"q": 3}) as s:
        s.output = {"q": 4}
    return recorder.save()


def test_what_is_recorded_is_played() -> None:
    path = record_my_run()
    assert path == Path(".vcr/my_run.vcr")
    player = VCRPlayer.load(path)
    assert [frame.index for frame in VCRPlayer.load_by_id("my_run", vcr_dir=".vcr").frames] == list(range(7))
    assert player.goto_frame(0) == {"q": 1, "plan": {"steps": ["a"]}}
    assert player.get_input_state(6) == {"q": 3}
    assert isinstance(player.get_frame(0), Frame)
    assert player.list_nodes() == ["planner", "coder", "checkpoint:good", "critic"]
    assert [error.error.message for error in player.get_errors() if error.error] == ["broken"]
    assert [checkpoint["label"] for checkpoint in player.list_checkpoints()] == ["good"]
    assert player.goto_checkpoint("good") == {"q": 3}
    assert player.compare_frames(0, 1) == {
        "added": {},
        "removed": {"/plan": {"steps": ["a"]}},
        "modified": {"/q": {"old": 1, "new": 2}},
    }
    assert player.blame("/plan/steps/0")[-1].index == 0
    assert player.get_total_tokens() == 10
    assert player.get_total_cost() == pytest.approx(0.01)
    assert player.get_total_latency() >= 8.0
    assert player.verify().ok
    assert [frame.index for frame in player.follow()] == list(range(7))
    assert player.get_frame(1).metadata.model == "m"
    assert player.get_frame(1).metadata.custom == {"mine": 1}


def test_a_session_is_continued_forked_and_saved_by_its_context() -> None:
    record_my_run()
    with VCRRecorder() as recorder:
        recorder.attach("my_run")
        recorder.record_step("later", {"q": 4}, {"q": 5})
        fork = recorder.fork(from_frame=3)
        fork.record_step("other", {"q": 0}, {"q": 9})
        fork_path = fork.save()
    assert len(VCRPlayer.load_by_id("my_run")) == 8
    forked = VCRPlayer.load(fork_path)
    assert (forked.session.parent_session_id, forked.session.forked_from_frame) == ("my_run", 3)
    assert forked.goto_frame(-1) == {"q": 9}
    assert forked.goto_frame(0) == {"q": 1, "plan": {"steps": ["a"]}}


def test_the_context_saves_when_the_body_raises() -> None:
    def body() -> None:
        with VCRRecorder() as recorder:
            recorder.start_session("dies")
            recorder.record_step("a", {}, {"n": 1})
            raise RuntimeError("body")

    with pytest.raises(RuntimeError, match="body"):
        body()
    player = VCRPlayer.load_by_id("dies")
    assert player.end is not None
    assert player.end.status == "error"
    assert player.verify().ok


def test_functions_of_every_kind_are_recorded() -> None:
    recorder = VCRRecorder()
    recorder.start_session("functions")

    @vcr_record(recorder, node_name="research_step")
    def research(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "found": True}

    @vcr_record(recorder)
    async def write(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "text": "…"}

    @vcr_record(recorder)
    def count(n: int) -> Any:
        yield from range(n)

    @vcr_record(recorder)
    async def acount(n: int) -> Any:
        for i in range(n):
            yield i

    async def both() -> list[int]:
        await write(research({}))
        return [i async for i in acount(3)]

    assert asyncio.run(both()) == [0, 1, 2]
    assert list(count(2)) == [0, 1]
    recorder.save()
    assert VCRPlayer.load_by_id("functions").list_nodes() == ["research_step", "write", "acount", "count"]


def test_a_run_is_resumed_as_documented() -> None:
    record_my_run()
    player = VCRPlayer.load_by_id("my_run")

    def coder(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "coded": True}

    config = ResumeConfig(from_frame=1, state_overrides={"q": 42}, mode=ResumeMode.FORK, new_session_id="fixed")
    assert player.resume(coder, config) == "fixed"
    fixed = VCRPlayer.load_by_id("fixed")
    assert fixed.goto_frame(-1) == {"q": 42, "plan": {"steps": ["a"]}, "coded": True}


def test_the_first_program_of_the_old_readme(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = VCRRecorder(output_dir=".vcr")
    recorder.start_session("billing-fix")
    before = {"task": "add invoice status"}
    after = {**before, "plan": "add the migration before changing the API"}
    recorder.record_step("planner", before, after)
    recorder.record_checkpoint(after, label="plan-approved")
    recording = recorder.save()
    player = VCRPlayer.load(recording)
    assert player.goto_frame(0) == player.goto_checkpoint("plan-approved") == after
    assert player.verify_integrity().ok


def test_frames_are_forwarded_as_json() -> None:
    sent: list[str] = []
    recorder = VCRRecorder(on_frame_recorded=lambda frame: sent.append(frame.model_dump_json()))
    recorder.start_session("custom-framework-run")
    recorder.record_step("custom-agent", {"request": "ship", "tags": {"a"}}, {"done": True}, metadata={"mine": (1,)})
    with pytest.raises(ZeroDivisionError), recorder.step("fails", {}):
        1 / 0  # noqa: B018  # it raises
    recorder.save()
    first, second = map(json.loads, sent)
    assert (first["node_name"], first["input_state"]["request"], first["output_state"]) == (
        "custom-agent",
        "ship",
        {"done": True},
    )
    assert first["input_state"]["tags"] == {"$vcr": "set", "v": ["a"]}
    assert second["error"]["type"].endswith("ZeroDivisionError")


def test_files_roll_back_as_documented(tmp_path: Path) -> None:
    from agent_vcr.integrations.openhands import ACIDWorkspace

    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "app.py").write_text("one\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "Start"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *words], cwd=repository, check=True)
    recorder = VCRRecorder()
    workspace = ACIDWorkspace(repository, recorder=recorder, max_untracked_file_bytes=10 * 1024 * 1024)
    workspace.begin(session_id="issue-42")
    saved = workspace.savepoint({"phase": "planned"}, node_name="planner")
    (repository / "large.bin").write_bytes(bytes(11 * 1024 * 1024))
    (repository / "app.py").unlink()
    assert workspace.savepoint(node_name="coder").unsaved
    report = workspace.rollback(to_frame_index=saved.index)
    assert report.written == ("app.py",)
    workspace.undo()
    assert workspace.diff(0) is not None
    assert workspace.savepoints()
    assert workspace.status().session_id == "issue-42"
    workspace.rollback(to_frame_index=saved.index)
    (repository / "app.py").write_text("two\n")
    assert workspace.commit().ok
    assert ACIDWorkspace.recover(repository) is not None


def test_golden_runs_work_as_documented() -> None:
    from agent_vcr.golden_cache import GoldenRunCache

    record = VCRRecorder()
    record.start_session("jwt")
    record.run(agent_of_the_docs, "jwt")
    record.save()
    cache = GoldenRunCache(cache_dir=".vcr/golden")
    assert cache.save_golden_run("Build a REST API with JWT auth", record)
    outputs, ledger = cache.replay("Build a REST API with JWT auth")
    assert outputs[-1] == "JWT"
    assert str(ledger).startswith("CostLedger(saved=100% | $0.0123 | 4,100 tokens | ")
    result, _ = cache.run("Build a REST API with JWT auth", agent_of_the_docs, "jwt", mode="replay")
    assert result == "JWT"
    assert [run["task"] for run in cache.list_runs()] == ["Build a REST API with JWT auth"]
    assert cache.invalidate("Build a REST API with JWT auth")
    assert cache.list_runs() == []


def test_the_guard_works_as_documented() -> None:
    from openhands_sentinel import Finding, Limits, Sentinel, Severity

    recorder = VCRRecorder()
    recorder.start_session("guarded")
    sentinel = Sentinel(recorder=recorder, root=".", limits=Limits(lines=40, complexity=8, parameters=5))
    findings = sentinel.check("handlers.py", "def f(a, b, c, d, e, g):\n    return a\n")
    assert [isinstance(finding, Finding) for finding in findings] == [True]
    assert findings[0].severity is Severity.CRITICAL
    assert sentinel.turn_end() == []
    sentinel.close()


def test_a_graph_is_recorded_as_documented() -> None:
    pytest.importorskip("langgraph")
    from langgraph.graph import START, StateGraph

    from agent_vcr.integrations.langgraph import VCRLangGraph

    graph = StateGraph(dict).add_node("draft", lambda state: {"text": "a draft"}).add_edge(START, "draft").compile()
    recorder = VCRRecorder()
    instrumented_graph = VCRLangGraph(recorder).wrap_graph(graph)
    assert instrumented_graph.invoke({"text": ""}) == {"text": "a draft"}
    assert VCRPlayer.load(recorder.save()).list_nodes() == ["draft"]


@llm(metadata=lambda _: {"model": "demo", "tokens_input": 3600, "tokens_output": 500, "cost_usd": 0.0123})
def answer_of_the_docs(topic: str) -> str:
    return topic.upper()


def agent_of_the_docs(topic: str) -> str:
    return answer_of_the_docs(topic)
