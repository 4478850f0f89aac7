"""Any history of states reads back equal at every index, in every mode, and in linear space."""

from __future__ import annotations

import base64
import copy
import functools
import itertools
import random
import tempfile
import unittest.mock
from collections import OrderedDict, defaultdict, deque
from pathlib import Path

import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcr_core import FrameRow, VCRPlayer, VCRRecorder
from vcr_core.testing import samples
from vcr_core.testing.equality import difference
from vcr_core.testing.scale import scaled
from vcr_core.testing.strategies import histories

MODES = [None, True, False]


class Report(pydantic.BaseModel):
    items: list[str]

    @functools.cached_property
    def total(self) -> int:
        return len(self.items)


def deeply(change):
    """Return a function that changes all lists of a state; `change` gets the items."""

    def walk(value):
        if type(value) is dict:
            return {key: walk(item) for key, item in value.items()}
        return change([walk(item) for item in value]) if type(value) is list else value

    return walk


FORMS = {
    "as it is": lambda state: state,
    "tuples": deeply(tuple),
    "deques": deeply(deque),
    "windows": deeply(lambda items: deque(items, 5)),
    "numbered": deeply(lambda items: dict(enumerate(items))),
    "in a struct": lambda state: samples.Message("agent", state),
    "in a named tuple": lambda state: samples.Pair(1, state),
}


def record(folder, history, mode, form=FORMS["as it is"]):
    """Record a history, and return the states as they were at each step."""
    state, moves = copy.deepcopy(history)
    taken, given_back = [], []
    with VCRRecorder(folder, diff_mode=mode, redact=False) as recorder:
        recorder.start_session("history")
        for move in moves:
            before = copy.deepcopy(state)
            output = move(state)
            taken.append(form(copy.deepcopy(before)))
            recorder.record_step("node", form(before), form(output))
            given_back.append(form(copy.deepcopy(output)))
            state = output
    return taken, given_back


def check(folder, taken, given_back, *, order=None):
    player = VCRPlayer.load_by_id("history", folder, allow=samples.ALL)
    assert len(player.frames) == len(taken)
    for index in order or range(len(taken)):
        assert difference(taken[index], player.get_input_state(index)) is None, f"input of frame {index}"
        assert difference(given_back[index], player.goto_frame(index)) is None, f"output of frame {index}"
    assert player.verify().ok
    player.close()


@settings(max_examples=scaled(1000, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.sampled_from(MODES), st.randoms(use_true_random=False))
def test_any_history_reads_back_equal_at_every_index(history, mode, rng):
    with tempfile.TemporaryDirectory() as folder:
        taken, given_back = record(folder, history, mode)
        order = list(range(len(taken)))
        rng.shuffle(order)
        check(folder, taken, given_back, order=order)


@settings(max_examples=scaled(1000, 60), deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.sampled_from(MODES), st.sampled_from(list(FORMS)))
def test_any_history_reads_back_equal_in_containers_of_any_kind(history, mode, form):
    with tempfile.TemporaryDirectory() as folder:
        check(folder, *record(folder, history, mode, FORMS[form]))


@settings(max_examples=scaled(1000, 60), deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.sampled_from(MODES), st.sampled_from(["state", "log", "messages"]), st.booleans())
def test_any_history_of_calls_reads_back_equal(history, mode, given_back, mutates):
    state, moves = copy.deepcopy(history)
    taken, results, changed = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        with VCRRecorder(folder, diff_mode=mode, redact=False) as recorder:
            recorder.start_session("history")
            for move in moves:
                before = copy.deepcopy(state)
                output = move(state)
                result = output if given_back == "state" else output.get(given_back)
                mutated = {"": state} if mutates and output is state else None
                row = FrameRow(-1, "call", "tool", call="state")
                recorder.record_frame(row, before, result, style="call", mutated=mutated)
                taken.append(before)
                results.append(copy.deepcopy(result))
                changed.append(copy.deepcopy(mutated or {}))
                state = output
        check(folder, taken, results)
        player = VCRPlayer.load_by_id("history", folder, allow=samples.ALL)
        for index, expected in enumerate(changed):
            assert difference(expected, player.decode(player.wire_mutated(index))) is None
        player.close()


def mutate(rng, state, n):
    """Do to a long history what agents do, in place."""
    messages = state["messages"]
    choice = rng.random()
    if choice < 0.6 or len(messages) < 4:
        messages.extend({"role": "user", "content": f"{n} " + "word " * rng.randint(0, 150), "n": n} for _ in range(2))
    elif choice < 0.7:
        messages[rng.randrange(len(messages))]["content"] = f"changed in {n}"
    elif choice < 0.75:
        del messages[rng.randrange(len(messages)) :][:3]
    elif choice < 0.8:
        messages.insert(rng.randrange(len(messages)), {"role": "system", "content": "early", "n": True})
    elif choice < 0.84:
        rng.shuffle(messages)
    elif choice < 0.88:
        state["messages"] = messages[-len(messages) // 2 :]
    elif choice < 0.92:
        state["plan"] = samples.Plan(n, [*state["plan"].steps, {1, n}])
    elif choice < 0.96:
        state["plan"].steps.append(n)
    else:
        state["scores"].append(rng.random())
    return state


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(scaled(12, 2)))
def test_long_histories_read_back_equal(tmp_path, mode, seed):
    rng = random.Random(seed)
    state = {"messages": [], "plan": samples.Plan("g"), "scores": [0.5] * 20, "flags": (1, True)}
    moves = [lambda state, n=n: mutate(rng, state, n) for n in range(200)]
    taken, given_back = [], []
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        for move in moves:
            taken.append(copy.deepcopy(state))
            before = copy.deepcopy(state) if rng.random() < 0.3 else {**state, "messages": list(state["messages"])}
            move(state)
            # What is not copied is shared with the output, and has moved on: that is what was recorded then.
            taken[-1] = copy.deepcopy(before)
            recorder.record_step("node", before, state)
            given_back.append(copy.deepcopy(state))
    order = list(range(200))
    rng.shuffle(order)
    check(tmp_path, taken, given_back, order=order)


@pytest.mark.parametrize("mode", MODES)
def test_a_change_of_type_alone_is_seen(tmp_path, mode):
    filler = "x" * 3000
    states = [
        {"a": 1, "b": [0.0] * 20, "c": [1, 2], "d": {"e": 1}, "fill": filler},
        {"a": True, "b": [-0.0] * 20, "c": (1, 2), "d": {"e": 1.0}, "fill": filler},
        {"a": 1.0, "b": [0] * 20, "c": [True, 2], "d": {"e": True}, "fill": filler},
        {"a": samples.Level.LOW, "b": [False] * 20, "c": [1, 2.0], "d": {"e": 1, "f": None}, "fill": filler},
        {"a": None, "b": [], "c": "12", "d": [1], "fill": filler},
    ]
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        for before, after in itertools.pairwise(states):
            recorder.record_step("node", before, after)
    check(tmp_path, states[:-1], states[1:])


class Picky:
    def __eq__(self, other):
        raise ValueError("do not compare me")

    __hash__ = None


LOOKALIKES = [(1, True), (0, False), (1, 1.0), (0.0, -0.0), ({1: "x"}, {True: "x"}), ([1] * 20, [True] * 20)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("old", "new"), LOOKALIKES)
def test_a_change_of_type_is_seen_in_the_copy_of_a_list_that_grew(tmp_path, old, new, mode):
    fill = [{"role": "user", "text": f"{n} " + "lorem ipsum " * 20} for n in range(20)]
    before = {"messages": [*fill, {"value": old}]}
    after = {"messages": [*copy.deepcopy(fill), {"value": new}, {"value": "more"}]}
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        recorder.record_step("first", before, before)
        recorder.record_step("second", before, after)
        recorder.record_step("third", after, {"messages": [*after["messages"], "and more"]})
    check(tmp_path, [before, before, after], [before, after, {"messages": [*after["messages"], "and more"]}])


@pytest.mark.parametrize("mode", MODES)
def test_a_key_that_a_patch_would_read_as_the_end_of_a_list_is_a_key(tmp_path, mode):
    log = "text " * 600
    states = [{"log": log, "ops": {"+": 1, **more}} for more in ({}, {"-": 1}, {"-": 2}, {"-": [2]}, {"-": [2, 3]})]
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        for before, after in itertools.pairwise(states):
            recorder.record_step("node", before, after)
    check(tmp_path, states[:-1], states[1:])


@pytest.mark.parametrize("mode", MODES)
def test_a_property_that_a_model_remembers_is_no_field_of_it(tmp_path, mode):
    model = Report(items=["text " * 600])
    states = [{"model": model, "n": 0}, {"model": model.model_copy(deep=True), "n": 1}]
    assert states[1]["model"].total == 1
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        recorder.record_step("node", *states)
    player = VCRPlayer.load_by_id("history", tmp_path, allow=[Report])
    assert player.goto_frame(0)["model"] == model
    assert b"total" not in (tmp_path / "history.vcr").read_bytes()


@pytest.mark.parametrize("mode", MODES)
def test_objects_that_answer_anything_to_equality_hide_no_change(tmp_path, mode):
    fill = "y" * 3000
    with VCRRecorder(tmp_path, diff_mode=mode) as recorder:
        recorder.start_session("history")
        recorder.record_step("a", {"x": (1,), "fill": fill}, {"x": unittest.mock.ANY, "fill": fill})
        recorder.record_step("b", {"x": Picky(), "n": 1, "fill": fill}, {"x": Picky(), "n": 2, "fill": fill})
        recorder.record_step("c", {"x": "text", "n": 2, "fill": fill}, {"x": Picky(), "n": 3, "fill": fill})
    player = VCRPlayer.load_by_id("history", tmp_path)
    assert player.goto_frame(0)["x"] != (1,)
    assert [player.goto_frame(i).get("n") for i in range(3)] == [None, 2, 3]


def grow(recorder, steps, size=1000):
    state = {"messages": []}
    for n in range(steps):
        before = {"messages": list(state["messages"])}
        state["messages"].append({"role": "user", "content": f"{n:06d} " + "x" * (size - 50)})
        recorder.record_step("node", before, state)
    return state


@pytest.mark.parametrize("steps", [500, scaled(5000, 2500)])
def test_a_growing_history_takes_linear_space(tmp_path, steps):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        state = grow(recorder, steps)
    content = len(msgspec.json.encode(state))
    stored = sum(path.stat().st_size for path in tmp_path.rglob("*.vcr"))
    assert stored <= 2 * content, f"{stored / content:.2f} times the content"
    player = VCRPlayer.load_by_id("history", tmp_path)
    assert player.goto_frame(-1) == state
    assert len(player.get_input_state(steps // 2)["messages"]) == steps // 2


GROWING = {
    "tuple": tuple,
    "deque": deque,
    "numbered": lambda items: dict(enumerate(items)),
    "default dict": lambda items: defaultdict(list, messages=items),
    "ordered dict": lambda items: OrderedDict(messages=items),
    "struct": lambda items: samples.Message("agent", items),
    "named tuple": lambda items: samples.Pair(1, items),
    "tuples in a list": lambda items: [("user", item["content"]) for item in items],
    "beside odd keys": lambda items: {1: "one", "messages": items},
    "text": lambda items: "".join(item["content"] for item in items),
    "two of them": lambda items: {"even": items[::2], "odd": tuple(items[1::2])},
}


@pytest.mark.parametrize("kind", GROWING)
def test_a_history_takes_linear_space_in_a_container_of_any_kind(tmp_path, kind):
    messages = [{"role": "user", "content": f"{n:06d} " + "x" * 1000} for n in range(121)]
    states = [{"held": GROWING[kind](messages[:n])} for n in range(121)]
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for before, after in itertools.pairwise(states):
            recorder.record_step("node", before, after)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2 * 120 * 1030
    player = VCRPlayer.load_by_id("history", tmp_path, allow=samples.ALL)
    for index in (0, 60, 119):
        assert player.goto_frame(index) == states[index + 1]


ITEMS = {
    "text": st.text(max_size=6) | st.sampled_from(["sk-ant-" + "a1B2" * 12, "x" * 20_000, "\ud800", 'a"b', "\u5bc6"]),
    "numbers": st.integers(-30, 30) | st.sampled_from([2**53, 2**63, 2**200]),
    "tuples": st.tuples(st.integers(0, 4), st.text(max_size=1)) | st.tuples(st.none()) | st.tuples(st.booleans()),
    "of all kinds": st.none() | st.booleans() | st.integers(0, 9) | st.floats(0, 2) | st.text(max_size=1) | st.binary(),
}


@settings(max_examples=scaled(1000, 60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(sorted(ITEMS)), st.sampled_from(MODES), st.sampled_from([set, frozenset]))
def test_any_history_of_a_set_reads_back_equal_and_is_written_as_if_whole(data, kind, mode, cls):
    items = ITEMS[kind]
    state = data.draw(st.sets(items, max_size=30))
    states = [cls(state)]
    for _ in range(data.draw(st.integers(1, 8))):
        state = (state - data.draw(st.sets(items, max_size=3))) | data.draw(st.sets(items, max_size=3))
        states.append(cls(state))
    many = [{"n": n, "seen": seen, "text": "x" * 3000} for n, seen in enumerate(states)]
    with tempfile.TemporaryDirectory() as folder:
        with VCRRecorder(folder, diff_mode=mode, redact=False) as recorder:
            recorder.start_session("history")
            for before, after in itertools.pairwise(many):
                recorder.record_step("node", before, after)
        check(folder, many[:-1], many[1:])
        player = VCRPlayer.load_by_id("history", folder)
        for index, after in enumerate(many[1:]):
            if not any(type(item) is int and item >= 2**64 for item in after["seen"]):  # written with a tag or without
                assert player.wire_state(index) == player_of_one(folder, after).wire_state(0), index


def player_of_one(folder, state):
    """Return a player of a recording of one state, written whole."""
    with VCRRecorder(folder, redact=False) as recorder:
        recorder.start_session()
        recorder.record_step("node", {}, state)
        return VCRPlayer.load(recorder.path)


@pytest.mark.parametrize("kind", ["text", "numbers", "tuples"])
@pytest.mark.parametrize("cls", [set, frozenset])
def test_a_set_that_grows_takes_linear_space(tmp_path, kind, cls):
    item = {"text": lambda n: f"https://example.org/{n * 7919 % 10007}/page", "numbers": lambda n: n * 7919 % 10007}
    item["tuples"] = lambda n: (n % 50, n * 7919 % 10007)
    seen = set()
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for n in range(800):
            before = cls(seen)
            seen.add(item[kind](n))
            recorder.record_step("visit", {"seen": before}, {"seen": cls(seen)})
    assert Path(tmp_path, "history.vcr").stat().st_size < 800 * 1000  # each step has its own fields beside the item
    player = VCRPlayer.load_by_id("history", tmp_path)
    for index in (0, 100, 500, 799):
        assert player.goto_frame(index) == {"seen": cls(item[kind](n) for n in range(index + 1))}


def test_a_secret_that_joins_a_set_is_not_written(tmp_path):
    secret = "sk-ant-api03-" + "aB3" * 20
    seen = {f"{n} plain text" for n in range(300)}
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for item in (secret, ("authorization", secret), "the end", "password=hunter2secret"):
            before = set(seen)
            seen.add(item)
            recorder.record_step("visit", {"seen": before}, {"seen": set(seen)})
    written = Path(tmp_path, "history.vcr").read_bytes()
    assert secret.encode() not in written
    assert b"hunter2secret" not in written
    assert len(VCRPlayer.load_by_id("history", tmp_path).goto_frame(3)["seen"]) == 304


@pytest.mark.parametrize("first", [[], [{"role": "system", "content": "answer shortly"}]], ids=["", "kept first"])
@pytest.mark.parametrize("leave", [1, 3])
@pytest.mark.parametrize("kind", [list, tuple, deque])
def test_a_window_over_a_history_is_written_by_what_comes_and_goes(tmp_path, first, leave, kind):
    messages = [{"role": "user", "content": f"{n:06d} " + "x" * 1000} for n in range(140)]
    states = [{"window": kind([*first, *messages[at : at + 20]])} for at in range(0, 120, leave)]
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for before, after in itertools.pairwise(states):
            recorder.record_step("node", before, after)
    assert Path(tmp_path, "history.vcr").stat().st_size < 3 * 140 * 1030
    player = VCRPlayer.load_by_id("history", tmp_path)
    assert [player.goto_frame(index) for index in range(len(states) - 1)] == states[1:]


def test_an_image_sent_two_hundred_times_is_stored_once(tmp_path):
    image = "data:image/png;base64," + base64.b64encode(random.Random(1).randbytes(750_000)).decode()
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        state = {"messages": [{"role": "user", "content": [{"type": "image", "url": image}]}]}
        for n in range(200):
            recorder.record_llm_call("ask", list(state["messages"]), {"text": f"answer {n}"})
            state["messages"].append({"role": "assistant", "content": [{"type": "image", "url": image}, n]})
    stored = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert stored <= 1_500_000
    player = VCRPlayer.load_by_id("history", tmp_path)
    assert player.get_input_state(199)["prompt"][-1]["content"][0]["url"] == image


def test_what_must_be_read_for_one_state_is_bounded_by_its_size(tmp_path):
    """A state that keeps its size gets a whole copy each time its differences add up to it."""
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        state = {"slots": ["x" * 200 for _ in range(100)], "n": 0}
        for n in range(600):
            before = {**state, "slots": list(state["slots"])}
            state["slots"][n % 100] = f"{n:04d}" + "y" * 196
            recorder.record_step("node", before, state)
    player = VCRPlayer.load_by_id("history", tmp_path)
    whole = len(msgspec.json.encode(state))
    worst = max(_bytes_behind(player, index) for index in range(0, 600, 7))
    assert worst <= 5 * whole, f"{worst / whole:.1f} times the state"


def _bytes_behind(player, index):
    total = 0
    while True:
        line = player.raw_line(index)
        total += len(line)
        states, _tagged = player.source.states(index)
        if states.base is None or states.output_state is not msgspec.UNSET:
            return total
        index = states.base


def test_two_lines_of_states_do_not_disturb_each_other(tmp_path):
    first, second = {"log": ["a" * 500] * 10, "k": 0}, {"log": ["b" * 500] * 10, "k": 0}
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for n in range(40):
            for state, chain in ((first, "one"), (second, "two")):
                before = copy.deepcopy(state)
                state["log"].append(f"{chain} {n}" * 20)
                recorder.record_frame(_row(chain), before, copy.deepcopy(state), chain=chain)
    assert Path(tmp_path, "history.vcr").stat().st_size < 80_000
    player = VCRPlayer.load_by_id("history", tmp_path)
    assert (player.goto_frame(78), player.goto_frame(79)) == (first, second)


def _row(name):
    from vcr_core import FrameRow

    return FrameRow(-1, name)


@pytest.mark.parametrize("agents", [2, 4])
@pytest.mark.parametrize("kind", ["other names", "same names", "same instructions"])
@pytest.mark.parametrize("how", ["step", "llm"])
def test_the_states_of_agents_that_take_turns_take_linear_space(tmp_path, agents, kind, how):
    names = [f"messages of {n}" if kind == "other names" else "messages" for n in range(agents)]
    first = [{"role": "system", "content": "answer shortly"}] if kind == "same instructions" else []
    states = [{name: list(first), "model": "m"} for name in names]
    kept = []
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for turn in range(60):
            for n, name in enumerate(names):
                before = copy.deepcopy(states[n])
                states[n][name].append({"role": "user", "content": f"{n} {turn} " + "x" * 1000})
                kept.append(copy.deepcopy(states[n] if how == "step" else before))
                if how == "step":
                    recorder.record_step("node", before, states[n])
                else:
                    recorder.record_llm_call("node", before, "yes")
    assert Path(tmp_path, "history.vcr").stat().st_size < 2 * agents * 60 * 1030
    player = VCRPlayer.load_by_id("history", tmp_path)
    for index, expected in enumerate(kept):
        found = player.goto_frame(index) if how == "step" else player.get_input_state(index)["prompt"]
        assert found == expected


RESULTS = {
    "list": lambda messages: list(messages),
    "dict": lambda messages: {"total": len(messages), "notes": list(messages)},
    "text": lambda messages: "".join(message["content"] for message in messages),
    "object": lambda messages: samples.Message("user", list(messages)),
    "the same": lambda messages: {"document": "x" * 4000},
}


@pytest.mark.parametrize("kind", RESULTS)
def test_results_that_grow_from_call_to_call_take_linear_space(tmp_path, kind):
    messages, results = [], []
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("history")
        for n in range(80):
            messages.append({"role": "user", "content": f"{n:06d} " + "x" * 1000})
            results.append(RESULTS[kind](messages))
            recorder.record_tool_call("node", "notes", {"n": n}, results[-1])
            recorder.record_tool_call("node", "other", {"n": n}, "ok")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2 * 80 * 1030
    player = VCRPlayer.load_by_id("history", tmp_path, allow=samples.ALL)
    assert [player.goto_frame(2 * n)["result"] for n in range(80)] == results
