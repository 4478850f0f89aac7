"""Resume from every task, with the output before it edited."""

from __future__ import annotations

import asyncio

import pytest

from vcr_core import ResumeConfig
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
