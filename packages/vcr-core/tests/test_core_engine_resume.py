"""A recorded run is run again: at every step, with edits, mocks and mended code."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vcr_core import (
    DivergenceError,
    InDoubtError,
    Mock,
    ResumeConfig,
    ResumeMode,
    UsageError,
    VCRPlayer,
    VCRRecorder,
    llm,
    patched,
    resume_many,
    step,
    tool,
    vcr_record,
)
from vcr_core.engine import run_again

STEPS = 20
live: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    live.clear()


def record(directory: Path, agent: Callable[..., Any], *args: Any, name: str = "run") -> VCRPlayer:
    with VCRRecorder(directory) as recorder:
        recorder.start_session(name)
        if asyncio.iscoroutinefunction(agent):
            asyncio.run(recorder.arun(agent, *args))
        else:
            recorder.run(agent, *args)
    live.clear()
    return VCRPlayer.load_by_id(name, directory)


def reload(player: VCRPlayer, session_id: str) -> VCRPlayer:
    return VCRPlayer.load_by_id(session_id, player.path.parent)


@step
def advance(state: dict[str, Any]) -> dict[str, Any]:
    live.append(f"advance {state['n']}")
    return {**state, "n": state["n"] + 1, "seen": [*state["seen"], state["n"]]}


def counting_agent(steps: int) -> dict[str, Any]:
    state: dict[str, Any] = {"n": 0, "seen": []}
    for _ in range(steps):
        state = advance(state)
    return state


@pytest.mark.parametrize("cut", range(STEPS + 1))
def test_a_run_resumed_at_a_step_runs_only_the_steps_behind_it(tmp_path: Path, cut: int) -> None:
    player = record(tmp_path, counting_agent, STEPS)
    before = player.path.read_bytes()
    new = reload(player, player.resume(counting_agent, ResumeConfig(from_frame=cut)))
    assert len(live) == STEPS - cut
    assert new.goto_frame(-1) == player.goto_frame(-1) == counting_agent(STEPS)
    assert [row.origin for row in new.rows] == ["tape"] * cut + ["live"] * (STEPS - cut)
    assert (new.session.parent_session_id, new.session.forked_from_frame) == ("run", cut)
    assert player.path.read_bytes() == before
    assert new.verify().ok


def test_an_edit_is_seen_by_the_step_at_the_cut_and_by_nothing_before_it(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, STEPS)
    new = reload(player, player.resume(counting_agent, ResumeConfig(from_frame=7, state_overrides={"n": 100})))
    assert live[0] == "advance 100"
    assert new.goto_frame(-1)["n"] == 100 + STEPS - 7
    assert new.goto_frame(6) == player.goto_frame(6)
    assert new.get_input_state(7)["n"] == 100
    assert new.frames[7].origin == "edit"


def test_an_edit_may_be_a_json_patch(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)
    patch = [{"op": "replace", "path": "/seen/0", "value": "edited"}]
    new = reload(player, player.resume(counting_agent, ResumeConfig(from_frame=2, state_overrides=patch)))
    assert new.goto_frame(-1)["seen"] == ["edited", 1, 2, 3]


def test_an_earlier_output_may_be_replaced(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)
    config = ResumeConfig(from_frame=3, output_overrides={2: {"n": 50, "seen": []}})
    new = reload(player, player.resume(counting_agent, config))
    assert new.goto_frame(-1) == {"n": 51, "seen": [50]}
    assert [row.origin for row in new.rows] == ["tape", "tape", "edit", "live"]


def test_a_cut_may_be_a_key_or_a_checkpoint(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 5)
    player.resume(counting_agent, ResumeConfig(from_frame="0:advance#3"))
    assert len(live) == 2

    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("by_hand")
        recorder.record_step("a", {"n": 1}, {"n": 2})
        recorder.record_checkpoint({"n": 2}, "good")
        recorder.record_step("b", {"n": 2}, {"n": -1})
    by_hand = VCRPlayer.load_by_id("by_hand", tmp_path)
    new = reload(by_hand, by_hand.resume(lambda state: {"n": state["n"] * 10}, ResumeConfig(from_frame="good")))
    assert new.goto_frame(-1) == {"n": 20}


def test_another_callable_is_called_with_the_state_before_the_cut(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 5)

    def coder(state: dict[str, Any]) -> dict[str, Any]:
        return advance(state)

    new = reload(player, player.resume(coder, ResumeConfig(from_frame=2, state_overrides={"n": 70})))
    assert live == ["advance 70"]
    assert [row.node_name for row in new.rows] == ["advance"] * 3
    assert new.goto_frame(-1)["n"] == 71


def test_of_a_session_of_several_runs_the_one_of_the_cut_is_run_again(tmp_path: Path) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for steps in (2, 4, 3):
            recorder.run(counting_agent, steps)
    player = VCRPlayer.load_by_id("run", tmp_path)
    for cut, steps, left in ((1, 2, 1), (2, 4, 4), (5, 4, 1), (7, 3, 2), (9, 3, 0)):
        live.clear()
        again = run_again(player, counting_agent, ResumeConfig(from_frame=cut), record=False)
        assert (again.error, again.result["n"], len(live)) == (None, steps, left), cut
    live.clear()
    again = run_again(player, counting_agent, ResumeConfig(mode=ResumeMode.REPLAY), record=False)
    assert (again.error, again.result["n"], live) == (None, 3, [])


def test_a_mended_agent_goes_on_where_the_broken_one_failed(tmp_path: Path) -> None:
    broken = [True]

    @step
    def fragile(state: dict[str, Any]) -> dict[str, Any]:
        live.append("fragile")
        if broken[0]:
            raise ValueError("no such file")
        return {**state, "done": True}

    def agent() -> dict[str, Any]:
        return fragile(advance(advance({"n": 0, "seen": []})))

    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        with pytest.raises(ValueError, match="no such file"):
            recorder.run(agent)
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert [row.status for row in player.rows] == ["ok", "ok", "error"]
    broken[0] = False
    live.clear()
    new = reload(player, player.resume(agent))
    assert live == ["fragile"]
    assert new.goto_frame(-1)["done"] is True


def changed_input(where: int) -> Callable[..., Any]:
    def counting_agent(steps: int) -> Any:
        state: dict[str, Any] = {"n": 0, "seen": []}
        for number in range(steps):
            state = advance(state)
            if number == where:
                state["n"] = -1
        return state

    counting_agent.__qualname__ = "counting_agent"
    return counting_agent


def test_a_changed_input_before_the_cut_is_an_error_that_names_the_step(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 6)
    with pytest.raises(DivergenceError) as caught:
        player.resume(changed_input(1), ResumeConfig(from_frame=5))
    error = caught.value
    assert (error.kind, error.key, error.path, error.frame) == ("input", "0:advance#2", "/n", 2)
    assert (error.expected, error.actual) == (2, -1)
    assert error.call_site is not None
    assert Path(__file__).name in error.call_site
    assert 1 <= len(error.candidates) <= 3
    assert live == []
    assert "from_frame=2" in str(error)


def test_a_divergence_that_the_agent_swallows_still_calls_nothing_and_is_raised(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)

    def counting_agent_(steps: int) -> Any:
        state: dict[str, Any] = {"n": 9, "seen": []}
        for _ in range(steps):
            try:
                state = advance(state)
            except Exception:  # an agent that catches everything
                state = {"n": 0, "seen": []}
        return state

    counting_agent_.__qualname__ = "counting_agent"
    with pytest.raises(DivergenceError):
        player.resume(counting_agent_, ResumeConfig(from_frame=2))
    assert live == []


@llm
async def ask(prompt: str) -> str:
    live.append(prompt)
    await asyncio.sleep(0)
    return f"answer to {prompt}"


@step
def ask_in_thread(prompt: str) -> str:
    live.append(prompt)
    return f"answer to {prompt}"


def test_a_changed_input_in_a_gathered_branch_calls_nothing(tmp_path: Path) -> None:
    prompts = ["a", "b", "c", "d"]

    async def gathering() -> list[str]:
        async def one(prompt: str) -> str:
            return await ask(await ask(prompt))

        return await asyncio.gather(*(one(prompt) for prompt in prompts))

    player = record(tmp_path, gathering)
    prompts[2] = "changed"
    with pytest.raises(DivergenceError) as caught:
        player.resume(gathering, ResumeConfig(from_frame=7))
    assert (caught.value.kind, caught.value.key) == ("input", "0/2:ask#0")
    assert live == []


def test_a_changed_input_in_a_thread_calls_nothing(tmp_path: Path) -> None:
    prompts = ["a", "b", "c", "d"]

    def threading_agent() -> list[str]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(ask_in_thread, prompts))

    player = record(tmp_path, threading_agent)
    prompts[1] = "changed"
    with pytest.raises(DivergenceError) as caught:
        player.resume(threading_agent, ResumeConfig(mode=ResumeMode.REPLAY))
    assert caught.value.kind == "input"
    assert caught.value.key.endswith(":ask_in_thread#0")
    assert live == []


def test_replay_reports_steps_that_are_left_over(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)
    resumption = run_again(player, counting_agent, ResumeConfig(mode=ResumeMode.REPLAY))
    assert resumption.error is None
    assert (resumption.live_steps, resumption.served_steps) == (0, 4)

    def counting_agent_(_: int) -> Any:
        return advance({"n": 0, "seen": []})

    counting_agent_.__qualname__ = "counting_agent"
    with pytest.raises(DivergenceError) as caught:
        player.resume(counting_agent_, ResumeConfig(mode=ResumeMode.REPLAY))
    assert (caught.value.kind, caught.value.key) == ("leftover", "0:advance#1")


def test_a_step_that_the_tape_does_not_hold_is_unexpected(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 3)

    def counting_agent_(steps: int) -> Any:
        ask_in_thread("new")
        return counting_agent(steps)

    counting_agent_.__qualname__ = "counting_agent"
    with pytest.raises(DivergenceError) as caught:
        player.resume(counting_agent_, ResumeConfig(from_frame=2))
    assert (caught.value.kind, caught.value.key) == ("unexpected", "0:ask_in_thread#0")
    assert live == []


def test_patched_keeps_old_tapes_and_gives_new_code_from_the_cut_on(tmp_path: Path) -> None:
    def version_one(n: int) -> list[str]:
        return [ask_in_thread(f"old {i}") for i in range(n)]

    def version_two(n: int) -> list[str]:
        return [ask_in_thread(f"new {i}" if patched("better-prompt") else f"old {i}") for i in range(n)]

    version_one.__qualname__ = version_two.__qualname__ = "versioned"
    player = record(tmp_path, version_one, 4)
    player.resume(version_two, ResumeConfig(from_frame=2))
    assert live == ["new 2", "new 3"]
    fresh = record(tmp_path, version_two, 2, name="fresh")
    fresh.resume(version_two, ResumeConfig(mode=ResumeMode.REPLAY))
    assert live == []


@llm
def think(prompt: str) -> str:
    live.append(f"think {prompt}")
    return "search" if "start" in prompt else "done"


@tool
def search(query: str) -> str:
    live.append(f"search {query}")
    if query == "boom":
        raise KeyError(query)
    return f"results for {query}"


def tool_agent(query: str) -> list[str]:
    said = think("start")
    try:
        found = search(query)
    except (KeyError, TimeoutError) as error:
        found = f"failed: {type(error).__name__}"
    return [said, found, think(f"have {found}")]


def test_a_live_model_meets_tools_from_the_tape(tmp_path: Path) -> None:
    player = record(tmp_path, tool_agent, "fish")
    resumption = run_again(player, tool_agent, ResumeConfig(mode=ResumeMode.MOCK, live=["kind:llm"]))
    assert live == ["think start", "think have results for fish"]
    assert resumption.result[1] == "results for fish"


def test_live_tools_meet_a_model_from_the_tape(tmp_path: Path) -> None:
    player = record(tmp_path, tool_agent, "fish")
    run_again(player, tool_agent, ResumeConfig(mode=ResumeMode.MOCK, live=["search"]))
    assert live == ["search fish"]


@pytest.mark.parametrize(
    "mocks",
    [
        {"search": "mocked"},
        {"0:search#0": "mocked"},
        {"kind:tool": lambda _: "mocked"},
        [Mock(match=lambda call: call.kind == "tool" and call.input == {"query": "fish"}, value="mocked")],
    ],
    ids=["name", "key", "kind", "predicate"],
)
def test_a_mock_answers_by_name_key_kind_or_predicate(tmp_path: Path, mocks: Any) -> None:
    player = record(tmp_path, tool_agent, "fish")
    config = ResumeConfig(mode=ResumeMode.MOCK, inject_mocks=mocks, live=["kind:llm"])
    resumption = run_again(player, tool_agent, config)
    assert resumption.result[1] == "mocked"
    assert resumption.unused == []
    new = reload(player, resumption.session_id or "")
    assert [row.origin for row in new.rows] == ["live", "mock", "live"]


def test_a_mock_may_raise(tmp_path: Path) -> None:
    player = record(tmp_path, tool_agent, "fish")
    config = ResumeConfig(mode=ResumeMode.MOCK, inject_mocks={"search": TimeoutError("too slow")}, live=["think"])
    assert run_again(player, tool_agent, config).result[1] == "failed: TimeoutError"


def test_a_mock_that_was_never_used_is_reported(tmp_path: Path) -> None:
    player = record(tmp_path, tool_agent, "fish")
    config = ResumeConfig(mode=ResumeMode.MOCK, inject_mocks={"serach": 1})
    with pytest.warns(UserWarning, match="serach"):
        resumption = run_again(player, tool_agent, config)
    assert resumption.unused == ["mock for 'serach' was never used"]


def test_skipped_steps_give_the_state_they_took(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 3)
    resumption = run_again(player, counting_agent, ResumeConfig(from_frame=1, skip_nodes=["advance"]))
    assert resumption.result == {"n": 1, "seen": [0]}
    assert live == []


def test_served_errors_have_their_class(tmp_path: Path) -> None:
    player = record(tmp_path, tool_agent, "boom")
    resumption = run_again(player, tool_agent, ResumeConfig(mode=ResumeMode.REPLAY))
    assert resumption.result[1] == "failed: KeyError"
    assert live == []


def test_contradictions_are_refused() -> None:
    with pytest.raises(UsageError, match="FORK"):
        ResumeConfig(mode=ResumeMode.REPLAY, state_overrides={"a": 1})
    with pytest.raises(UsageError, match="MOCK"):
        ResumeConfig(live=["think"])
    with pytest.raises(UsageError, match="FORK"):
        ResumeConfig(mode=ResumeMode.REPLAY, call="state")


@pytest.mark.parametrize("mode", [ResumeMode.REPLAY, ResumeMode.MOCK])
def test_an_agent_of_another_name_is_served_from_the_tape_too(tmp_path: Path, mode: ResumeMode) -> None:
    def renamed(steps: int) -> dict[str, Any]:
        return counting_agent(steps)

    again = run_again(record(tmp_path, counting_agent, 4), renamed, ResumeConfig(mode=mode))
    assert (again.error, again.result["n"], live) == (None, 4, [])


def test_a_recording_by_hand_is_not_replayed_by_running_everything(tmp_path: Path) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("n", {"n": 0, "seen": []}, {"n": 1, "seen": [0]})
    with pytest.raises(UsageError, match="recorded by hand"):
        run_again(VCRPlayer.load_by_id("run", tmp_path), advance, ResumeConfig(mode=ResumeMode.REPLAY))
    assert [path.name for path in tmp_path.glob("*.vcr")] == ["run.vcr"]
    assert live == []


def crashing_agent(directory: Path, *, key: str | None) -> tuple[VCRPlayer, Callable[[], Any]]:
    """Record a run that dies inside a step with an outside effect, as kill -9 would leave it."""

    @tool(effect="write", idempotency_key=key)
    def send(text: str) -> str:
        live.append(f"send {text}")
        return "sent"

    def agent() -> str:
        advance({"n": 0, "seen": []})
        return send("hello")

    player = record(directory, agent, name="whole")
    lines = player.path.read_bytes().splitlines(keepends=True)
    last_frame = max(n for n, line in enumerate(lines) if line.startswith(b'{"type":"frame"'))
    (directory / "died.vcr").write_bytes(b"".join(lines[:last_frame]))
    return VCRPlayer.load_by_id("died", directory), agent


def test_a_resume_refuses_to_guess_whether_an_effect_happened(tmp_path: Path) -> None:
    player, agent = crashing_agent(tmp_path, key=None)
    with pytest.raises(InDoubtError, match="send"):
        player.resume(agent)
    assert live == []
    player.resume(agent, ResumeConfig(in_doubt={"send": "retry"}))
    assert live == ["send hello"]
    live.clear()
    player.resume(agent, ResumeConfig(in_doubt={"*": "skip"}))
    assert live == []


def test_an_idempotency_key_makes_repeating_an_effect_safe(tmp_path: Path) -> None:
    player, agent = crashing_agent(tmp_path, key="mail-42")
    player.resume(agent)
    assert live == ["send hello"]


def test_several_forks_run_at_once_and_report_progress(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 10)
    configs = [ResumeConfig(from_frame=5, state_overrides={"n": n * 1000}) for n in range(6)]
    calls: list[tuple[str, int, int]] = []
    results = resume_many(counting_agent, configs, player=player, workers=3, progress=lambda *call: calls.append(call))
    assert [result.result["n"] for result in results] == [n * 1000 + 5 for n in range(6)]
    assert len({result.session_id for result in results}) == 6
    assert len(calls) == 60
    assert max(done for _, done, _ in calls) == 10


def test_one_fork_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)
    results = resume_many(
        counting_agent, [ResumeConfig(from_frame=99), ResumeConfig(from_frame=2)], player=player, workers=2
    )
    assert results[0].error is not None
    assert results[1].result["n"] == 4


def test_vcr_record_records_without_a_run(tmp_path: Path) -> None:
    recorder = VCRRecorder(tmp_path)

    @vcr_record(recorder, node_name="research_step")
    def research(state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "found": 3}

    @vcr_record(recorder)
    async def write(topic: str) -> str:
        return f"about {topic}"

    assert research({"topic": "bees"}) == {"topic": "bees", "found": 3}
    assert asyncio.run(write("bees")) == "about bees"
    recorder.close()
    player = VCRPlayer.load(recorder.store.path(recorder.store.names()[0]))
    assert player.list_nodes() == ["research_step", "write"]
    assert player.get_input_state(0) == {"topic": "bees"}
    assert player.get_input_state(1) == {"topic": "bees"}


@step
def outer(n: int) -> int:
    return inner(inner(n))


@tool
def inner(n: int) -> int:
    live.append(f"inner {n}")
    return n + 1


def test_a_cut_at_a_step_inside_another_runs_again_the_run_that_holds_it(tmp_path: Path) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for n in (1, 100):
            recorder.run(outer, n)
    player = VCRPlayer.load_by_id("run", tmp_path)
    for cut, result, ran in ((1, 3, ["inner 2"]), (4, 102, ["inner 101"])):
        live.clear()
        again = run_again(player, outer, ResumeConfig(from_frame=cut), record=False)
        assert (again.error, again.result, live) == (None, result, ran)


@tool
def note(log: list[int], n: int) -> int:
    live.append(f"note {n}")
    log.append(n)
    if n == 1:
        raise ValueError("not one")
    return n


def notes() -> list[int]:
    log: list[int] = []
    for n in range(4):
        with contextlib.suppress(ValueError):
            note(log, n)
    return log


@pytest.mark.parametrize("cut", range(5))
def test_what_a_step_did_to_its_arguments_before_it_raised_is_repeated(tmp_path: Path, cut: int) -> None:
    again = run_again(record(tmp_path, notes), notes, ResumeConfig(from_frame=cut))
    assert (again.error, again.result, len(live)) == (None, [0, 1, 2, 3], 4 - cut)


def test_a_fork_with_an_edited_state_is_replayed_and_forked_again(tmp_path: Path) -> None:
    player = record(tmp_path, counting_agent, 4)
    for edited in ({"n": 100, "seen": []}, {"n": 200, "seen": []}):
        fork = player.resume(counting_agent, ResumeConfig(from_frame=2, state_overrides=edited))
        player = reload(player, fork)
        assert [row.origin for row in player.rows] == ["tape", "tape", "edit", "live"]
        live.clear()
        again = run_again(player, counting_agent, ResumeConfig(mode=ResumeMode.REPLAY))
        assert (again.error, again.result["n"], live) == (None, edited["n"] + 2, [])
        assert [row.origin for row in reload(player, again.session_id or "").rows] == ["tape", "tape", "edit", "tape"]


def test_an_edit_of_an_argument_that_a_step_has_not_is_reported_and_not_recorded(tmp_path: Path) -> None:
    def agent() -> int:
        return inner(1)

    with pytest.warns(UserWarning, match=r"inner has no argument 'm' \(it has n\)"):
        again = run_again(record(tmp_path, agent), agent, ResumeConfig(from_frame=0, state_overrides={"m": 5, "n": 7}))
    assert again.result == 8
    assert VCRPlayer.load_by_id(again.session_id or "", tmp_path).get_input_state(0) == {"n": 7}
