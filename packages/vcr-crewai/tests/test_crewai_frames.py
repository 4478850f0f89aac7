"""What a recorded crew leaves: every frame, in order, in a tree."""

from __future__ import annotations

from vcr_crewai import VCRCrewAI

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


def test_latencies_are_those_of_the_calls(recorder, play, make_crew, delay):
    delay.update(llm=0.15)
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    for row in play(recorder).rows:
        if row.kind == "llm":
            assert 150 <= row.latency_ms <= 180


def test_a_crew_outside_of_a_session_is_not_recorded(recorder, make_crew):
    VCRCrewAI(recorder).kickoff(make_crew(), {"who": "bob"})
    frames = recorder.frame_count
    make_crew().kickoff({"who": "bob"})
    assert recorder.frame_count == frames
