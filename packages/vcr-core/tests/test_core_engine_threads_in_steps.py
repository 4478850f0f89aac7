"""Threads that a step spawns: their ends are events only where their steps are served one by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder, step, tool
from vcr_core.engine import run_again


@tool
def look(number: int) -> int:
    return number * 10


@step
def gather(state: dict) -> dict:
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(look, range(state["count"])))
    return {**state, "sum": state.get("sum", 0) + sum(found)}


def agent(state: dict) -> dict:
    return gather(gather(gather(state)))


@pytest.fixture
def recording(tmp_path):
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("threads")
    recorder.run(agent, {"count": 3})
    recorder.close()
    return VCRPlayer.load_by_id("threads", tmp_path)


def test_every_cut_of_steps_that_spawn_threads_can_be_resumed(recording):
    for cut in range(len(recording)):
        resumed = run_again(recording, agent, ResumeConfig(from_frame=cut, patience=1.0))
        assert resumed.error is None, (cut, resumed.error)
        assert resumed.result == {"count": 3, "sum": 90}


def test_a_replay_does_not_wait_for_threads_inside_served_steps(recording):
    replayed = run_again(recording, agent, ResumeConfig(mode="replay", patience=1.0))
    assert replayed.error is None
    assert replayed.served_steps == 3
