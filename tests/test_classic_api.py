"""The documented API of the original, through the façade, as its users write it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent_vcr import VCRPlayer, VCRRecorder, vcr_record
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
