"""The one-pass search of changes finds what a comparison of all states finds, and stays linear."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.blame import MISSING, find_changes
from vcr_core.json_pointer import value_at
from vcr_core.testing.scale import scaled

LONG = "x" * 900  # so that states are written as patches
keys = st.sampled_from(["a", "b", "0", "1"])
leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "s", LONG])
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
states = st.fixed_dictionaries({"a": trees, "b": trees, "pad": st.just([LONG, LONG, LONG])}, optional={"0": trees})
pointers = st.lists(keys, min_size=0, max_size=3).map(lambda tokens: "".join(f"/{token}" for token in tokens))


@settings(
    max_examples=scaled(1000, 80),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    st.lists(st.tuples(states, states, st.booleans()), min_size=1, max_size=6), pointers, st.sampled_from([None, True])
)
def test_changes_are_those_of_a_comparison_of_all_states(tmp_path, steps, pointer, diff_mode):
    recorder = VCRRecorder(tmp_path / ".vcr", diff_mode=diff_mode, redact=False)
    recorder.start_session("any")
    previous = {}
    for before, after, follows in steps:
        recorder.record_step("s", previous if follows else before, after, latency_ms=0.0)
        recorder.record_tool_call("t", "t", before, after, latency_ms=0.0)
        previous = after
    recorder.close()
    player = VCRPlayer.load(recorder.store.path(recorder.session_id))
    expected = [frame.index for frame in player.blame(pointer)][::-1]
    found = list(find_changes(player, pointer, keep=copy.deepcopy))
    assert [change.frame for change in found] == expected
    for change in found:
        old = value_at(player.wire_state(change.frame, "input"), pointer, MISSING)
        new = value_at(player.wire_state(change.frame), pointer, MISSING)
        assert (change.old, change.new) == (old, new)
    player.close()
    player.path.unlink()


def test_blame_of_a_growing_history_builds_no_state_anew(tmp_path, monkeypatch):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("grow")
        state = {"history": [], "n": 0}
        for number in range(300):
            following = {"history": [*state["history"], f"{number:0300d}"], "n": number // 10}
            recorder.record_step("grow", state, following)
            state = following
    player = VCRPlayer.load(tmp_path / ".vcr" / "grow.vcr")
    built = []
    read = player.wire_state
    monkeypatch.setattr(player, "wire_state", lambda *words: built.append(words) or read(*words))
    assert len(list(find_changes(player, "/n", keep=str))) == 29
    assert len(list(find_changes(player, "/history", keep=len))) == 300
    assert [change.frame for change in find_changes(player, "/history/7", keep=str)] == [7]
    assert built == []


@pytest.mark.parametrize("limit", ["1", "3"])
def test_blame_limit_gives_the_last_changes(vcr, recorded, limit):
    assert [e["frame"]["index"] for e in vcr("blame", "my_run", "/plan", "-n", limit, "--json").json] == [3, 0][
        : int(limit)
    ]
