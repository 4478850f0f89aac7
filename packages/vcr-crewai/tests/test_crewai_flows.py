"""Flows, several crews at once, sessions, and the other ways to kick off."""

from __future__ import annotations

import asyncio
import threading

import pytest

from vcr_core import ResumeConfig, VCRRecorder
from vcr_core.engine import run_again
from vcr_crewai import VCRCrewAI, VCRCrewCallback

GHOST = ResumeConfig(mode="replay")
THROUGH_CREWAI = ResumeConfig(mode="mock", live=["TwoSteps"])


def test_a_flow_records_its_methods_with_the_state(recorder, play, make_flow, counts):
    result = VCRCrewAI(recorder).kickoff(make_flow())
    player = play(recorder)
    shown = [
        (r.kind, r.node_name)
        for r in player.rows
        if r.parent is None or r.parent.endswith(f"{player.rows[-1].node_name}#0")
    ]
    assert shown == [("node", "gather"), ("node", "tell"), ("node", "TwoSteps")]
    gather = next(row.index for row in player.rows if row.node_name == "gather")
    assert player.get_input_state(gather)["state"] == {"found": "", "told": 0}
    assert player.state(gather)["state"] == {"found": "report on sum is 3", "told": 0}
    assert result == "told: report on sum is 3"
    assert counts == {"llm": 3, "tool": 1}


@pytest.mark.parametrize(
    "config", [GHOST, ResumeConfig(mode="mock", live=["TwoSteps"])], ids=["tape", "through crewai"]
)
def test_a_ghost_of_a_flow_calls_nothing_and_has_the_state(config, recorder, play, make_flow, counts):
    result = VCRCrewAI(recorder).kickoff(make_flow())
    counts.update(llm=0, tool=0)
    flow = make_flow()
    again = run_again(play(recorder), flow, config)
    assert (again.error, again.result, counts) == (None, result, {"llm": 0, "tool": 0})
    assert (flow.state.found, flow.state.told) == ("report on sum is 3", 1)


def test_a_flow_goes_on_from_a_method(recorder, play, make_flow, counts):
    VCRCrewAI(recorder).kickoff(make_flow())
    player = play(recorder)
    counts.update(llm=0, tool=0)
    at = {row.node_name: row.index for row in player.rows}
    edit = {at["gather"]: {"result": "x", "state": {"found": "another", "told": 0}}}
    again = run_again(player, make_flow(), ResumeConfig(from_frame=at["tell"], output_overrides=edit))
    assert (again.error, again.result, counts) == (None, "told: another", {"llm": 0, "tool": 0})


def test_two_crews_in_two_threads_never_mix(tmp_path, play, make_crew, crews, delay):
    delay.update(llm=0.02)
    recorders = {kind: VCRRecorder(tmp_path) for kind in ("react", "managed")}
    for kind, recorder in recorders.items():
        recorder.start_session(kind)
    results = {}

    def kick(kind):
        results[kind] = VCRCrewAI(recorders[kind]).kickoff(crews[kind](), {"who": kind})

    threads = [threading.Thread(target=kick, args=(kind,)) for kind in recorders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    players = {kind: play(recorder) for kind, recorder in recorders.items()}
    names = {kind: {row.node_name for row in player.rows} for kind, player in players.items()}
    assert names["react"] == {"ScriptedLLM", "adder", "calculator", "writer", "sum", "report", "crew"}
    assert "ManagerLLM" in names["managed"]
    assert not names["managed"] & {"sum", "report", "adder"}
    assert (len(players["react"]), len(players["managed"])) == (9, 8)
    for kind, player in players.items():
        again = run_again(player, crews[kind](), GHOST)
        assert again.result == results[kind]


def test_kickoff_for_each_is_one_run_with_a_crew_frame_for_each_input(recorder, play, make_crew, counts):
    results = VCRCrewAI(recorder).kickoff_for_each(make_crew(), [{"who": "a"}, {"who": "b"}])
    player = play(recorder)
    crews = [row.index for row in player.rows if row.node_name == "crew"]
    assert [player.get_input_state(n)["inputs"] for n in crews] == [{"who": "a"}, {"who": "b"}]
    assert len(player) == 18
    counts.update(llm=0, tool=0)
    again = run_again(player, make_crew(), GHOST)
    assert (again.error, again.result, counts) == (None, results, {"llm": 0, "tool": 0})


@pytest.mark.parametrize("method", ["akickoff", "kickoff_async"])
def test_asynchronous_kickoffs_leave_the_same_frames(method, recorder, play, make_crew, counts):
    result = asyncio.run(getattr(VCRCrewAI(recorder), method)(make_crew(), {"who": "bob"}))
    player = play(recorder)
    assert len(player) == 9
    counts.update(llm=0, tool=0)
    again = run_again(player, make_crew(), GHOST)
    assert (again.error, again.result, counts) == (None, result, {"llm": 0, "tool": 0})


def test_tasks_that_run_at_the_same_time_are_recorded_and_served(recorder, play, make_crew, counts):
    crew = make_crew()
    crew.tasks[0].async_execution = True
    result = VCRCrewAI(recorder).kickoff(crew, {"who": "bob"})
    player = play(recorder)
    assert len(player) == 9
    counts.update(llm=0, tool=0)
    again = make_crew()
    again.tasks[0].async_execution = True
    last = max(row.index for row in player.rows if row.node_name == "report")
    found = run_again(player, again, ResumeConfig(from_frame=last))
    assert found.error is None
    assert (found.result.raw, counts) == (result.raw, {"llm": 1, "tool": 0})


def test_a_session_records_the_crews_own_kickoff(recorder, play, make_crew):
    with VCRCrewAI(recorder).session(make_crew()) as crew:
        crew.kickoff({"who": "bob"})
    player = play(recorder)
    assert len(player) == 9
    assert run_again(player, make_crew(), GHOST).error is None


def test_callbacks_record_what_crewai_tells_them(recorder, play, make_crew):
    callback = VCRCrewCallback(recorder)
    make_crew(step_callback=callback.on_step, task_callback=callback.on_task).kickoff({"who": "bob"})
    rows = play(recorder).rows
    assert [row.node_name for row in rows if row.node_name in ("sum", "report")] == ["sum", "report"]
    assert any(row.node_name == "agent step" for row in rows)
