"""What a recorded crew leaves: every frame, in order, in a tree."""

from __future__ import annotations

import functools
import time

from vcr_crewai import VCRCrewAI

# isort: split

from crewai import Agent, Task
from crewai.tools.structured_tool import CrewStructuredTool

TREE = [
    ("llm", "ScriptedLLM", "calculator"),
    ("tool", "adder", "calculator"),
    ("llm", "ScriptedLLM", "calculator"),
    ("node", "calculator", "sum"),
    ("node", "sum", "crew"),
    ("llm", "ScriptedLLM", "writer"),
    ("node", "writer", "report"),
    ("node", "report", "crew"),
    ("node", "crew", None),
]


def tree(player):
    names = {row.key: row.node_name for row in player.rows}
    return [(row.kind, row.node_name, names.get(row.parent)) for row in player.rows]


def test_a_kickoff_leaves_crew_tasks_agents_models_and_tools_as_a_tree(recorder, play, make_crew, counts):
    result = VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    player = play(recorder)
    assert result.raw == "report on sum is 3"
    assert tree(player) == TREE
    assert counts == {"llm": 3, "tool": 1}
    assert player.verify().ok


def test_frames_hold_tokens_models_inputs_and_outputs(recorder, play, make_crew):
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    player = play(recorder)
    models = [row for row in player.rows if row.kind == "llm"]
    assert [(row.model, row.tokens_input, row.tokens_output, row.tokens) for row in models] == [
        ("scripted", 10, 5, 15)
    ] * 3
    assert player.get_input_state(1) == {"a": 1, "b": 2}
    assert player.get_input_state(7)["context"] == "sum is 3"
    assert player.state(4).raw == "sum is 3"


class Stopwatch:
    """The truth about latencies: times methods of CrewAI's classes around the recording ones."""

    def __init__(self, monkeypatch):
        self.taken = {}
        self._patch = monkeypatch.setattr

    def time(self, cls, method, name_of):
        plain = getattr(cls, method)

        @functools.wraps(plain)
        def timed(obj, *args, **kwargs):
            started = time.perf_counter()
            try:
                return plain(obj, *args, **kwargs)
            finally:
                self.taken.setdefault(name_of(obj), []).append((time.perf_counter() - started) * 1e3)

        self._patch(cls, method, timed)


def test_latencies_of_tasks_agents_models_and_tools_are_the_truth(recorder, play, make_crew, delay, monkeypatch):
    delay.update(llm=0.15, tool=0.1)
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})  # the taps are there, and all that warms up has warmed up
    crew = make_crew()
    watch = Stopwatch(monkeypatch)
    watch.time(Task, "execute_sync", lambda task: task.name)
    watch.time(Agent, "execute_task", lambda agent: agent.role)
    watch.time(type(crew.agents[0].llm), "call", lambda model: type(model).__name__)
    watch.time(CrewStructuredTool, "invoke", lambda tool: tool.name)
    first = recorder.frame_count
    VCRCrewAI(recorder).kickoff(crew, {"who": "bob"})
    found = {}
    for row in list(play(recorder).rows)[first:]:
        found.setdefault(row.node_name, []).append(row.latency_ms)
    crew_latency = found.pop("crew")
    assert {name: len(times) for name, times in found.items()} == {name: len(t) for name, t in watch.taken.items()}
    assert sorted(found) == ["ScriptedLLM", "adder", "calculator", "report", "sum", "writer"]
    for name, times in found.items():
        for latency, truth in zip(times, watch.taken[name], strict=True):
            assert abs(latency - truth) <= 0.2 * truth, f"{name}: {latency} ms recorded, {truth} ms in truth"
    assert crew_latency[0] >= sum(found["sum"] + found["report"])


def test_a_crew_outside_of_a_session_is_not_recorded(recorder, make_crew):
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    frames = recorder.frame_count
    make_crew().kickoff({"who": "bob"})
    assert recorder.frame_count == frames
