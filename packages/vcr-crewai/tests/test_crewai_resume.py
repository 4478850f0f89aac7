"""Resume from every task, with the output before it edited."""

from __future__ import annotations

import asyncio

import pytest

from vcr_core import ResumeConfig, VCRPlayer
from vcr_core.engine import arun_again, run_again
from vcr_crewai import VCRCrewAI

CALLS_FROM = {0: {"llm": 4, "tool": 1}, 1: {"llm": 2, "tool": 0}, 2: {"llm": 1, "tool": 0}}


def frames_of_tasks(player):
    return [row.index for row in player.rows if player.get_frame(row.index).metadata.custom.get("what") == "task"]


@pytest.mark.parametrize("how", ["sync", "async", "recorded async"])
@pytest.mark.parametrize("task", [0, 1, 2])
def test_tasks_before_the_cut_are_served_with_the_edit(task, how, recorder, play, make_crew, counts):
    vcr = VCRCrewAI(recorder)
    inputs = {"who": "bob"}
    if how == "recorded async":
        asyncio.run(vcr.akickoff(make_crew(third=True), inputs))
    else:
        vcr.kickoff(make_crew(third=True), inputs)
    player = play(recorder)
    tasks = frames_of_tasks(player)
    edits = {tasks[task - 1]: "sum is 42"} if task else {}
    counts.update(llm=0, tool=0)
    config = ResumeConfig(from_frame=tasks[task], output_overrides=edits)
    if how == "async":
        again = asyncio.run(arun_again(player, make_crew(third=True), config))
    else:
        again = run_again(player, make_crew(third=True), config)
    assert again.error is None
    assert counts == CALLS_FROM[task]
    assert again.result.raw == ("report on sum is 42" if task else "report on sum is 3")
    assert [output.raw for output in again.result.tasks_output][max(task - 1, 0)] == (
        "sum is 42" if task else "sum is 3"
    )


def test_from_the_end_nothing_is_called(recorder, play, make_crew, counts):
    result = VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    player = play(recorder)
    counts.update(llm=0, tool=0)
    again = run_again(player, make_crew(), ResumeConfig(from_frame=len(player)))
    assert (again.error, again.result, counts) == (None, result, {"llm": 0, "tool": 0})
    edited = ResumeConfig(from_frame=len(player), output_overrides={len(player) - 1: "by hand"})
    again = run_again(player, make_crew(), edited)
    assert (again.result.raw, counts) == ("by hand", {"llm": 0, "tool": 0})


def record_a_failed_run(vcr, crew, failing):
    """The first two tasks end, the third fails: what a run leaves that is gone on with later."""
    crew.tasks[2].description = "go down: review it"
    failing["on"] = "go down"
    with pytest.raises(RuntimeError, match="the model is down"):
        vcr.kickoff(crew, {"who": "bob"})
    failing["on"] = False


def resume(how, player, crew, config):
    return asyncio.run(arun_again(player, crew, config)) if how == "async" else run_again(player, crew, config)


def same_crew(make_crew):
    crew = make_crew(third=True)
    crew.tasks[2].description = "go down: review it"
    return crew


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("task", [0, 1, 2])
def test_a_failed_run_is_resumed_from_each_task_with_the_edit(task, how, recorder, play, make_crew, counts, failing):
    record_a_failed_run(VCRCrewAI(recorder), make_crew(third=True), failing)
    player = play(recorder)
    tasks = frames_of_tasks(player)
    assert [player.rows[index].status for index in tasks] == ["ok", "ok", "error"]
    edits = {tasks[task - 1]: "sum is 42"} if task else {}
    counts.update(llm=0, tool=0)
    again = resume(how, player, same_crew(make_crew), ResumeConfig(from_frame=tasks[task], output_overrides=edits))
    assert again.error is None
    assert counts == CALLS_FROM[task]
    outputs = [output.raw for output in again.result.tasks_output]
    assert outputs[max(task - 1, 0)] == ("sum is 42" if task else "sum is 3")
    assert again.result.raw == ("report on sum is 42" if task else "report on sum is 3")


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("task", [0, 1])
def test_past_the_tasks_of_a_failed_run_only_the_failed_one_runs(task, how, recorder, play, make_crew, counts, failing):
    record_a_failed_run(VCRCrewAI(recorder), make_crew(third=True), failing)
    player = play(recorder)
    tasks = frames_of_tasks(player)
    counts.update(llm=0, tool=0)
    edits = {tasks[1]: {"raw": "sum is 42, by hand"}} if task else {}
    again = resume(how, player, same_crew(make_crew), ResumeConfig(from_frame=tasks[2], output_overrides=edits))
    assert again.error is None
    assert (again.result.raw, counts) == (
        "report on sum is 42" if task else "report on sum is 3",
        {"llm": 1, "tool": 0},
    )


@pytest.mark.parametrize("how", ["sync", "async"])
def test_behind_the_last_task_its_edit_is_the_result_and_nothing_is_called(how, recorder, play, make_crew, counts):
    VCRCrewAI(recorder).kickoff(make_crew(third=True), {"who": "bob"})
    player = play(recorder)
    tasks = frames_of_tasks(player)
    counts.update(llm=0, tool=0)
    config = ResumeConfig(from_frame=len(player), output_overrides={tasks[-1]: "by hand"})
    again = resume(how, player, make_crew(third=True), config)
    assert again.error is None
    assert again.result.raw == "by hand"
    assert [output.raw for output in again.result.tasks_output] == ["sum is 3", "report on sum is 3", "by hand"]
    assert counts == {"llm": 0, "tool": 0}
    fork = VCRPlayer.load_by_id(again.session_id, vcr_dir=player.path.parent)
    assert [(row.node_name, row.origin) for row in fork.rows][-2:] == [("review", "edit"), ("crew", "edit")]
    assert fork.state(len(fork) - 1).raw == "by hand"
    assert len(fork) == len(player)
    assert fork.verify().ok
    ghost = resume(how, fork, make_crew(third=True), ResumeConfig(mode="replay"))
    assert (ghost.error, ghost.result.raw, counts) == (None, "by hand", {"llm": 0, "tool": 0})


def test_a_task_runs_with_an_edited_context(recorder, play, make_crew, counts):
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    player = play(recorder)
    config = ResumeConfig(from_frame=frames_of_tasks(player)[1], state_overrides={"context": "sum is 42"})
    assert run_again(player, make_crew(), config).result.raw == "report on sum is 42"


def test_another_crew_than_the_recorded_one_diverges_before_anything_runs(recorder, play, make_crew, counts):
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    player = play(recorder)
    other = make_crew()
    other.tasks[0].description = "compute the sum of other things for {who}"
    counts.update(llm=0, tool=0)
    again = run_again(player, other, ResumeConfig(from_frame=frames_of_tasks(player)[1]))
    assert "DivergenceError" in type(again.error).__name__
    assert counts == {"llm": 0, "tool": 0}
