"""A task that fails: every attempt is there, and the run can go on from it."""

from __future__ import annotations

import asyncio

import pytest

from vcr_core import ResumeConfig
from vcr_core.engine import arun_again, run_again
from vcr_crewai import VCRCrewAI


def record_failure(recorder, crew, failing):
    failing["on"] = True
    with pytest.raises(RuntimeError, match="the model is down"):
        VCRCrewAI(recorder).kickoff(crew, {"who": "bob"})
    failing["on"] = False


def test_a_failing_task_leaves_its_three_attempts_in_order(recorder, play, make_crew, failing, counts):
    record_failure(recorder, make_crew(), failing)
    player = play(recorder)
    shown = [(row.kind, row.node_name, row.status) for row in player.rows]
    attempt = [("llm", "ScriptedLLM", "error"), ("node", "writer", "error")]
    assert shown[:5] == [
        ("llm", "ScriptedLLM", "ok"),
        ("tool", "adder", "ok"),
        ("llm", "ScriptedLLM", "ok"),
        ("node", "calculator", "ok"),
        ("node", "sum", "ok"),
    ]
    assert shown[5:] == [*attempt * 3, ("node", "report", "error"), ("node", "crew", "error")]
    writers = [row for row in player.rows if row.node_name == "writer"]
    attempts = [
        player.get_frame(row.index).metadata.custom["attempt"] for row in player.rows[5:] if row.node_name == "writer"
    ]
    assert attempts == [1, 2, 3]
    assert {row.parent for row in writers} == {player.rows[11].key}
    assert all(row.error_type and row.error_message for row in player.rows[5:])
    assert counts == {"llm": 5, "tool": 1}
    assert player.verify().ok


def run_in_a_loop(player, crew):
    return asyncio.run(arun_again(player, crew))


@pytest.mark.parametrize("run", [run_again, run_in_a_loop])
def test_a_failed_run_goes_on_with_the_failed_call(recorder, play, make_crew, failing, counts, run):
    record_failure(recorder, make_crew(), failing)
    counts.update(llm=0, tool=0)
    again = run(play(recorder), make_crew())
    assert again.error is None
    assert again.result.raw == "report on sum is 3"
    assert counts == {"llm": 1, "tool": 0}


def test_a_ghost_of_a_failed_run_raises_the_recorded_error_without_calls(recorder, play, make_crew, failing, counts):
    record_failure(recorder, make_crew(), failing)
    counts.update(llm=0, tool=0)
    again = run_again(play(recorder), make_crew(), ResumeConfig(mode="replay"))
    assert isinstance(again.error, RuntimeError)
    assert counts == {"llm": 0, "tool": 0}
