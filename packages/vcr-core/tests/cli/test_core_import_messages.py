"""Message lists become recordings and come back equal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.importers import ImportFileError
from vcr_core.importers.openai_messages import Run, messages_of, read_runs, record_run
from vcr_core.testing.scale import scaled

REAL = Path(__file__).parents[5] / "shared" / "data" / "tau-bench-airline.json"
needs_real_data = pytest.mark.skipif(not REAL.exists(), reason=f"{REAL.name} does not lie beside the checkout")

CHAT = [
    {"role": "system", "content": "be brief"},
    {"role": "user", "content": "what is the weather?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}},
            {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "not json"}},
        ],
    },
    {"role": "tool", "tool_call_id": "c2", "name": "clock", "content": "12:00"},
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    {"role": "assistant", "content": "Rain at noon."},
    {"role": "user", "content": "thanks"},
]


def imported(vcr, path, *words):
    result = vcr("import", "--from", "openai-messages", path, *words, "--json")
    assert result.status == 0, result.err
    return [VCRPlayer.load(each["path"]) for each in result.json["imported"]]


def write(tmp_path, value, name="chat.json"):
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_turns_become_llm_frames_and_results_tool_frames(vcr, tmp_path):
    (player,) = imported(vcr, write(tmp_path, CHAT))
    assert [(row.kind, row.node_name) for row in player.rows] == [
        ("llm", "assistant"),
        ("tool", "clock"),
        ("tool", "weather"),
        ("llm", "assistant"),
        ("node", "messages"),
    ]
    assert player.get_input_state(0) == {"prompt": CHAT[:2]}
    assert player.goto_frame(0) == {"response": CHAT[2]}
    assert player.get_input_state(2) == {"tool": "weather", "args": {"city": "Bern"}}
    assert player.goto_frame(2) == {"result": "rain"}
    assert player.get_input_state(1)["args"] == "not json"
    assert player.get_input_state(3) == {"prompt": CHAT[:5]}
    assert messages_of(player) == CHAT
    assert player.verify().ok


@pytest.mark.parametrize(
    ("value", "runs"),
    [
        (CHAT, 1),
        ([CHAT, CHAT[:3]], 2),
        ({"messages": CHAT, "reward": 1.0}, 1),
        ([{"traj": CHAT, "task_id": 3}, {"traj": CHAT[:2], "task_id": 4}], 2),
        ({"trajectory": CHAT}, 1),
        ([{"conversation": CHAT}], 1),
        ("\n".join(json.dumps(message) for message in CHAT), 1),
        ("\n".join(json.dumps({"messages": CHAT}) for _ in range(3)) + "\n\n", 3),
        (f"{json.dumps(CHAT)}\n{json.dumps(CHAT[:1])}\n", 2),
        ([], 1),
        ([[], CHAT], 2),
    ],
)
def test_every_accepted_shape_is_read(vcr, tmp_path, value, runs):
    players = imported(vcr, write(tmp_path, value))
    assert len(players) == runs
    assert all(player.verify().ok for player in players)
    assert messages_of(players[-1]) in (CHAT, CHAT[:3], CHAT[:2], CHAT[:1], [])


def test_what_stands_beside_the_messages_is_kept(vcr, tmp_path):
    (player,) = imported(vcr, write(tmp_path, {"messages": CHAT, "reward": 0.5, "file": "theirs"}), "--tag", "x")
    assert player.session.metadata["run"] == {"reward": 0.5, "file": "theirs"}
    assert player.session.metadata["file"] == "chat.json"
    assert player.session.tags == ["x"]


def test_sessions_are_named_and_numbered(vcr, tmp_path):
    players = imported(vcr, write(tmp_path, [CHAT[:3]] * 11, "my runs!.json"))
    assert [player.session.session_id for player in players[:2]] == ["my_runs-00", "my_runs-01"]
    (player,) = imported(vcr, write(tmp_path, CHAT), "--id", "talk")
    assert player.session.session_id == "talk"
    assert vcr("import", write(tmp_path, CHAT), "--id", "../x").status == 1


def test_importing_twice_makes_a_second_take(vcr, tmp_path):
    path = write(tmp_path, CHAT)
    imported(vcr, path)
    (player,) = imported(vcr, path)
    assert player.path.stem == "chat~2"
    assert messages_of(player) == CHAT


def test_legacy_function_calls_unmatched_results_and_parts(vcr, tmp_path):
    chat = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": "", "function_call": {"name": "add", "arguments": "[1, 2]"}},
        {"role": "function", "name": "add", "content": "3"},
        {"role": "tool", "tool_call_id": "nobody asked", "content": "?"},
        {"role": "assistant", "content": "3", "model": "gpt-x", "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    ]
    (player,) = imported(vcr, write(tmp_path, chat))
    assert player.get_input_state(1) == {"tool": "add", "args": [1, 2]}
    assert player.get_frame(2).metadata.custom["unmatched"] is True
    assert (player.rows[3].model, player.rows[3].tokens) == ("gpt-x", 9)
    assert messages_of(player) == chat


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("hello", "it is not JSON"),
        ('{"a": 1}', 'this one has "a"'),
        ("3", "a list of messages is expected here, not int"),
        ('[{"role": "user"}, 5]', 'message 1: an object with a "role" is expected, not 5'),
        ('[[{"role": "user"}], [{"content": "x"}]]', "run 1, message 0"),
        ('{"messages": []}\n{"messages": [1]}\n', "line 2, message 0"),
        ('{"messages": []}\n{"messages": \n', "line 2"),
    ],
)
def test_other_content_is_refused_with_its_place(vcr, tmp_path, content, said):
    path = write(tmp_path, content)
    with pytest.raises(ImportFileError) as caught:
        read_runs(path)
    assert said in str(caught.value)
    result = vcr("import", path)
    assert result.status == 1
    assert said in result.err
    assert not (tmp_path / ".vcr").exists()


def test_directory_instead_of_a_file_is_refused(vcr, tmp_path):
    (tmp_path / "runs").mkdir()
    result = vcr("import", "--from", "openai-messages", "runs")
    assert result.status == 2
    assert "name the files in it" in result.err


def test_export_gives_the_messages_back(vcr, tmp_path):
    imported(vcr, write(tmp_path, CHAT))
    assert vcr("export", "chat", "--to", "messages").json == CHAT


def test_secrets_are_replaced_unless_asked_not_to(vcr, tmp_path):
    key = "sk-proj-" + "aB3dE5gH" * 6
    path = write(tmp_path, [{"role": "user", "content": f"my key is {key}"}, {"role": "assistant", "content": "ok"}])
    (player,) = imported(vcr, path)
    assert key not in json.dumps(messages_of(player))
    (player,) = imported(vcr, path, "--no-redact")
    assert key in json.dumps(messages_of(player))


def test_recording_grows_with_the_messages_not_with_their_square(tmp_path):
    def size_of(turns):
        messages = [{"role": "assistant" if n % 2 else "user", "content": f"{n:0500d}"} for n in range(turns)]
        recorder = VCRRecorder(tmp_path / ".vcr")
        return record_run(recorder, Run(messages, {}, ""), session_id=f"t{turns}", source="x").stat().st_size

    assert size_of(400) < 2.5 * size_of(200)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
a_message = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "function", "developer"])},
    optional={
        "content": json_values,
        "name": json_values,
        "tool_call_id": json_values,
        "tool_calls": json_values | st.lists(st.fixed_dictionaries({"id": json_values, "function": json_values})),
        "function_call": json_values,
        "usage": json_values,
        "model": json_values,
        "$vcr": json_values,
    },
)


@settings(
    max_examples=scaled(1000, 60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(a_message, max_size=8))
def test_any_message_list_comes_back_equal(tmp_path, messages):
    recorder = VCRRecorder(tmp_path / ".vcr", redact=False)
    path = record_run(recorder, Run(messages, {}, ""), session_id="any", source="x")
    player = VCRPlayer.load(path)
    assert messages_of(player) == messages
    player.close()
    path.unlink()


@needs_real_data
def test_two_hundred_real_runs_import_come_back_equal_and_verify(vcr, tmp_path):
    players = imported(vcr, REAL)
    runs = json.loads(REAL.read_bytes())
    assert len(players) == len(runs) == 200
    for player, run in zip(players, runs, strict=True):
        assert messages_of(player) == run["traj"]
        assert player.session.metadata["run"] == {name: run[name] for name in run if name != "traj"}
        assert player.verify().ok
        assert sum(row.kind == "tool" for row in player.rows) == sum(m["role"] == "tool" for m in run["traj"])
        assert sum(row.kind == "llm" for row in player.rows) == sum(m["role"] == "assistant" for m in run["traj"])
        player.close()
    content = sum(len(json.dumps(run)) for run in runs)
    assert sum(player.path.stat().st_size for player in players) <= 2 * content
    result = vcr("verify", "--states")
    assert result.status == 0
    assert result.out.count("ok  ") == 200
