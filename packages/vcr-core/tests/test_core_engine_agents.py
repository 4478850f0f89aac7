"""Whole agents: real conversations, random programs, streams, values, misuse."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import os
import random
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vcr_core import (
    DivergenceError,
    ResumeConfig,
    ResumeMode,
    UsageError,
    VCRPlayer,
    VCRRecorder,
    assert_deterministic,
    compare_sessions,
    llm,
    route_values,
    session,
    step,
    tool,
)
from vcr_core.engine import KEEP, NotDeterministicError, bisect_run, run_again
from vcr_core.exporters.packing import pack_session

FULL = bool(os.environ.get("VCR_FULL"))
REPLAY = ResumeConfig(mode=ResumeMode.REPLAY)
TAU_BENCH = Path(__file__).parents[4] / "shared" / "data" / "tau-bench-airline.json"
live: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    live.clear()


def record(directory: Path, agent: Any, *args: Any, name: str = "run") -> tuple[Any, VCRPlayer]:
    recorder = VCRRecorder(directory)
    recorder.start_session(name)
    if asyncio.iscoroutinefunction(agent):
        result = asyncio.run(recorder.arun(agent, *args))
    else:
        result = recorder.run(agent, *args)
    recorder.close()
    live.clear()
    return result, VCRPlayer.load(recorder.store.path(name))


class Conversation:
    """Stands for the model, the tools and the user of one recorded conversation: it may be asked once, in order."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self._left = iter(messages)

    def next(self, role: str) -> dict[str, Any]:
        message = next(self._left)
        assert message["role"] == role
        return message


def react_agent(world: Conversation | None, first: list[dict[str, Any]], turns: list[str]) -> list[dict[str, Any]]:
    """Talk as the conversation did: the model is asked, its tool calls are made, the user answers."""

    @llm
    def model(messages: list[dict[str, Any]]) -> dict[str, Any]:
        assert world is not None, "the model was called live"
        live.append("model")
        return world.next("assistant")

    @tool
    def call_tool(name: str, arguments: str, number: int) -> dict[str, Any]:
        assert world is not None, "a tool was called live"
        live.append("tool")
        return world.next("tool")

    @step
    def user(number: int) -> dict[str, Any]:
        assert world is not None, "the user was asked live"
        live.append("user")
        return world.next("user")

    messages = list(first)
    for number, role in enumerate(turns):
        if role == "assistant":
            messages.append(model(messages))
        elif role == "tool":
            call = messages[-1]["tool_calls"][0]["function"]
            messages.append(call_tool(call["name"], call["arguments"], number))
        else:
            messages.append(user(number))
    return messages


def conversations() -> list[list[dict[str, Any]]]:
    if not TAU_BENCH.exists():
        pytest.skip(f"the real conversations are not here: {TAU_BENCH}")
    return [run["traj"] for run in json.loads(TAU_BENCH.read_text())]


def test_real_conversations_replay_and_resume_at_every_tool_call(tmp_path: Path) -> None:
    chosen = conversations() if FULL else conversations()[::20]
    counts = {"assistant": 0, "tool": 0, "cuts": 0}
    for number, messages in enumerate(chosen):
        first = list(itertools.takewhile(lambda message: message["role"] != "assistant", messages))
        turns = [message["role"] for message in messages[len(first) :]]
        recorder = VCRRecorder(tmp_path)
        recorder.start_session(f"tau-{number}")
        world = Conversation(messages[len(first) :])
        assert recorder.run(react_agent, world, first, turns) == messages
        recorder.close()
        player = VCRPlayer.load_by_id(f"tau-{number}", tmp_path)
        live.clear()

        def replayed(_: Any, first: Any, turns: Any) -> Any:
            return react_agent(None, first, turns)

        replayed.__qualname__ = react_agent.__qualname__
        again = run_again(player, replayed, REPLAY, record=False)
        assert again.error is None
        assert again.result == messages
        assert live == []
        counts["assistant"] += turns.count("assistant")
        counts["tool"] += turns.count("tool")
        for cut, role in enumerate(turns):
            if role != "tool":
                continue
            rest = Conversation(messages[len(first) + cut :])

            def resumed(_: Any, first: Any, turns: Any, rest: Conversation = rest) -> Any:
                return react_agent(rest, first, turns)

            resumed.__qualname__ = react_agent.__qualname__
            forked = run_again(player, resumed, ResumeConfig(from_frame=cut), record=False)
            assert forked.error is None
            assert forked.result == messages
            assert (forked.served_steps, forked.live_steps) == (cut, len(turns) - cut)
            counts["cuts"] += 1
    if FULL:
        assert counts == {"assistant": 2454, "tool": 1164, "cuts": 1164}
    print(f"tau-bench: {counts}")


@step
def work(state: dict[str, Any]) -> dict[str, Any]:
    live.append("work")
    return {**state, "value": state["value"] * 3 + 1}


fate: list[int] = []
"""What is drawn next; chance decides once it is used up."""


@tool
def draw(limit: int) -> int:
    live.append("draw")
    return fate.pop(0) if fate else random.randrange(limit)


@step
def fail(reason: str) -> None:
    live.append("fail")
    raise ValueError(reason)


@step
def nested(state: dict[str, Any], depth: int) -> int:
    live.append("nested")
    total = draw(10)
    if depth:
        total += nested(state, depth - 1)
    return total


def interpret(program: list[Any], state: dict[str, Any]) -> dict[str, Any]:
    """Run a random program: what it does next depends on what its steps gave."""
    for instruction in program:
        kind = instruction[0]
        if kind == "work":
            state = work(state)
        elif kind == "draw":
            state["value"] += draw(instruction[1])
        elif kind == "fail":
            try:
                fail(f"because {state['value']}")
            except ValueError as error:
                state["errors"] = [*state.get("errors", []), str(error)]
        elif kind == "nested":
            state["value"] += nested(state, instruction[1])
        elif kind == "loop":
            for _ in range(instruction[1]):
                state = interpret(instruction[2], state)
        else:
            state = interpret(instruction[1] if state["value"] % 2 else instruction[2], state)
    return state


def random_agent(program: list[Any]) -> dict[str, Any]:
    return interpret(program, {"value": 1})


LEAVES = st.one_of(
    st.just(["work"]),
    st.tuples(st.just("draw"), st.integers(1, 5)).map(list),
    st.just(["fail"]),
    st.tuples(st.just("nested"), st.integers(0, 2)).map(list),
)
PROGRAMS = st.recursive(
    st.lists(LEAVES, max_size=4),
    lambda inner: st.lists(
        st.one_of(
            LEAVES,
            st.tuples(st.just("loop"), st.integers(0, 3), inner).map(list),
            st.tuples(st.just("if"), inner, inner).map(list),
        ),
        max_size=4,
    ),
    max_leaves=8,
)


@settings(max_examples=1000 if FULL else 40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=PROGRAMS, choice=st.randoms(use_true_random=False))
def test_random_agents_replay_equal_and_resume_after_a_crash(
    tmp_path_factory: pytest.TempPathFactory, program: list[Any], choice: random.Random
) -> None:
    directory = tmp_path_factory.mktemp("random")
    result, player = record(directory, random_agent, program)
    again = run_again(player, random_agent, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert live == []

    lines = player.path.read_bytes().splitlines(keepends=True)
    frames = [n for n, line in enumerate(lines) if line.startswith(b'{"type":"frame"')]
    if not frames:
        return
    crashed_at = choice.choice(frames)
    (directory / "crashed.vcr").write_bytes(b"".join(lines[:crashed_at]))
    crashed = VCRPlayer.load_by_id("crashed", directory)
    drawn = [player.goto_frame(row.index) for row in player.rows if row.node_name == "draw"]
    fate[:] = drawn[sum(row.node_name == "draw" for row in crashed.rows) :]
    survived = run_again(crashed, random_agent, ResumeConfig(from_frame=len(crashed)), record=False)
    assert (survived.error, survived.result, fate) == (None, result, [])
    again = run_again(player, random_agent, ResumeConfig(from_frame=len(player)), record=False)
    assert (again.error, again.result) == (None, result)


@step
def two_kilobytes(number: int) -> dict[str, Any]:
    return {"number": number, "text": "word " * 400}


def long_agent(steps: int) -> int:
    return sum(two_kilobytes(number)["number"] for number in range(steps))


def test_a_long_replay_costs_no_more_for_each_step_than_a_short_one(tmp_path: Path) -> None:
    long = 10_000 if FULL else 3_000
    players = {steps: record(tmp_path, long_agent, steps, name=f"run-{steps}")[1] for steps in (100, long)}
    ratios: list[float] = []
    for _ in range(5):
        cost: dict[int, float] = {}
        for steps, repeats in ((100, 10), (long, 1)):
            began = time.perf_counter()
            for _ in range(repeats):
                assert run_again(players[steps], long_agent, REPLAY, record=False).error is None
            cost[steps] = (time.perf_counter() - began) / (steps * repeats)
        ratios.append(cost[long] / cost[100])
    assert min(ratios) <= 2.0, ratios


@llm
def stream(words: int, fails: bool = False) -> Iterator[str]:
    for number in range(words):
        live.append("chunk")
        yield f"word {number}"
    if fails:
        raise ConnectionError("cut off")


@llm
async def astream(words: int) -> AsyncIterator[str]:
    for number in range(words):
        live.append("chunk")
        await asyncio.sleep(0)
        yield f"word {number}"


def collect(take: int | None, fails: bool) -> tuple[list[str], str]:
    found: list[str] = []
    try:
        for chunk in stream(5, fails):
            found.append(chunk)
            if take is not None and len(found) == take:
                break
    except ConnectionError as error:
        return found, str(error)
    return found, "ended"


@pytest.mark.parametrize(("take", "fails"), [(None, False), (None, True), (1, False), (3, False)])
def test_streams_are_served_chunk_for_chunk(tmp_path: Path, take: int | None, fails: bool) -> None:
    result, player = record(tmp_path, collect, take, fails)
    again = run_again(player, collect, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert live == []


def test_a_stream_that_is_read_further_than_it_was_recorded_diverges(tmp_path: Path) -> None:
    taken = [2]

    def reader() -> list[str]:
        return [chunk for chunk, _ in zip(stream(5), range(taken[0]), strict=False)]

    _, player = record(tmp_path, reader)
    taken[0] = 4
    again = run_again(player, reader, REPLAY, record=False)
    assert isinstance(again.error, DivergenceError)
    assert again.error.kind == "stream"
    assert live == []


def test_asynchronous_streams_are_served(tmp_path: Path) -> None:
    async def reader() -> list[str]:
        found = [chunk async for chunk in astream(4)]
        async for chunk in astream(4):
            found.append(chunk)
            if chunk == "word 1":
                break
        return found

    result, player = record(tmp_path, reader)
    again = run_again(player, reader, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert live == []


def test_recorded_values_are_given_again(tmp_path: Path) -> None:
    def valued() -> list[Any]:
        items = list(range(10))
        session.shuffle(items)
        values = [session.now(), session.time(), session.random(), session.uuid4(), session.randint(1, 6)]
        return [*values, session.choice("abc"), session.token_hex(4), items, session.value("mine", lambda: "x")]

    result, player = record(tmp_path, valued)
    again = run_again(player, valued, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert {row.kind for row in player.rows} == {"value"}


def test_the_standard_library_is_routed_on_request(tmp_path: Path) -> None:
    def unchanged() -> list[Any]:
        picked = random.sample(range(100), 3)
        return [time.time(), datetime.datetime.now(), random.random(), random.randint(1, 9), uuid.uuid4(), picked]  # noqa: DTZ005  # as users write it

    plain = (time.time, datetime.datetime, random.random, uuid.uuid4)
    with route_values():
        result, player = record(tmp_path, unchanged)
        again = run_again(player, unchanged, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert isinstance(result[1], datetime.datetime)
    assert plain == (time.time, datetime.datetime, random.random, uuid.uuid4)


def test_assert_deterministic_finds_what_depends_on_chance() -> None:
    assert assert_deterministic(long_agent, 5, repeats=5) == 10
    counter = itertools.count()

    def by_chance() -> Any:
        return two_kilobytes(next(counter))

    with pytest.raises(NotDeterministicError, match="/number"):
        assert_deterministic(by_chance, repeats=5)


def test_what_a_step_does_to_its_arguments_is_repeated(tmp_path: Path) -> None:
    @step
    def append(state: dict[str, Any]) -> None:
        live.append("append")
        state.setdefault("items", []).append(len(state))

    @step
    def extend(items: list[int], by: int) -> list[int]:
        live.append("extend")
        items.extend(range(by))
        return items

    def mutating() -> Any:
        state: dict[str, Any] = {}
        append(state)
        append(state)
        same = extend(state["items"], 3)
        assert same is state["items"]
        return state

    result, player = record(tmp_path, mutating)
    for cut in range(4):
        live.clear()
        again = run_again(player, mutating, ResumeConfig(from_frame=cut), record=False)
        assert (again.error, again.result) == (None, result)
        assert len(live) == 3 - cut

    forked = VCRPlayer.load_by_id(player.resume(mutating, ResumeConfig(from_frame=2)), tmp_path)
    pack_session(forked, tmp_path / "packed.vcr")
    live.clear()
    for copy in (forked, VCRPlayer.load(tmp_path / "packed.vcr")):
        again = run_again(copy, mutating, REPLAY, record=False)
        assert (again.error, again.result, live) == (None, result, [])


def test_large_inputs_are_served_from_a_packed_file(tmp_path: Path) -> None:
    @step
    def count(text: str) -> int:
        live.append("count")
        return len(text)

    def reader() -> int:
        return count("many words " * 3000)

    _, player = record(tmp_path, reader)
    pack_session(player, tmp_path / "packed.vcr")
    live.clear()
    for copy in (player, VCRPlayer.load(tmp_path / "packed.vcr")):
        again = run_again(copy, reader, REPLAY, record=False)
        assert (again.error, again.result, live) == (None, 33_000, [])


def pipeline(n: int) -> dict[str, Any]:
    state: dict[str, Any] = {"value": n}
    for _ in range(5):
        state = work(state)
    if state["value"] > 1000:
        raise OverflowError(str(state["value"]))
    return state


def test_sessions_are_compared_step_by_step(tmp_path: Path) -> None:
    _, player = record(tmp_path, pipeline, 1)
    forked = run_again(player, pipeline, ResumeConfig(from_frame=3, state_overrides={"value": 2}))
    other = VCRPlayer.load_by_id(forked.session_id or "", tmp_path)
    comparison = compare_sessions(player, other)
    assert [pair.status for pair in comparison.pairs] == ["same"] * 3 + ["changed"] * 2
    assert comparison.first_change is not None
    assert comparison.first_change.input[0].path == "/value"
    assert compare_sessions(player, player).same


def test_bisect_finds_the_first_step_whose_replacement_makes_the_run_pass(tmp_path: Path) -> None:
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("run")
    with pytest.raises(OverflowError):
        recorder.run(pipeline, 50)
    recorder.close()
    player = VCRPlayer.load_by_id("run", tmp_path)

    def oracle(row: Any, before: Any, after: Any) -> Any:
        return {"value": 5} if row.index in (2, 3) else KEEP if row.status == "error" else after

    found = bisect_run(player, pipeline, oracle)
    assert (found.frame, found.name, found.tried) == (2, "work", [2])
    assert found.resumption is not None
    assert found.resumption.result == {"value": (5 * 3 + 1) * 3 + 1}


def test_a_step_outside_of_a_run_is_a_plain_call() -> None:
    assert work({"value": 1}) == {"value": 4}
    assert list(stream(2)) == ["word 0", "word 1"]
    assert session.random() != session.random()


def test_a_run_inside_a_run_of_the_same_recorder_is_refused(tmp_path: Path) -> None:
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("outer")

    def outer() -> Any:
        return recorder.run(pipeline, 1)

    with pytest.raises(UsageError, match="inside a run"):
        recorder.run(outer)
    recorder.close()
    assert VCRPlayer.load_by_id("outer", tmp_path).verify().ok


def test_a_run_of_another_recorder_inside_a_run_is_its_own(tmp_path: Path) -> None:
    inner = VCRRecorder(tmp_path)
    inner.start_session("inner")

    def outer() -> Any:
        before = work({"value": 0})
        return [before, inner.run(pipeline, 1), work({"value": 9})]

    record(tmp_path, outer, name="outer")
    inner.close()
    assert [row.key for row in VCRPlayer.load_by_id("outer", tmp_path).rows] == ["0:work#0", "0:work#1"]
    assert len(VCRPlayer.load_by_id("inner", tmp_path)) == 5


def test_a_coroutine_function_is_not_run_by_the_plain_entry(tmp_path: Path) -> None:
    async def agent() -> None: ...

    with pytest.raises(UsageError, match="arun"):
        VCRRecorder(tmp_path).run(agent)
    assert list(tmp_path.iterdir()) == []


def test_a_generator_that_is_not_exhausted_does_not_spoil_the_session(tmp_path: Path) -> None:
    def abandoning() -> str:
        chunks = stream(5)
        first = next(iter(chunks))
        work({"value": 1})
        return first

    result, player = record(tmp_path, abandoning)
    assert player.verify().ok
    again = run_again(player, abandoning, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)


def test_a_cancelled_task_is_recorded_as_cancelled_and_cancelled_again(tmp_path: Path) -> None:
    @step
    async def slow(seconds: float) -> str:
        live.append("slow")
        await asyncio.sleep(seconds)
        return "done"

    async def impatient() -> list[str]:
        task = asyncio.create_task(slow(30))
        quick = await slow(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return [quick, "cancelled"]
        return [quick, "finished"]

    result, player = record(tmp_path, impatient)
    assert sorted(row.status for row in player.rows) == ["cancelled", "ok"]
    again = run_again(player, impatient, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert live == []


def test_threads_started_before_the_run_record_nothing(tmp_path: Path) -> None:
    begin, done = threading.Event(), threading.Event()

    def stranger() -> None:
        begin.wait(5)
        work({"value": 7})
        done.set()

    thread = threading.Thread(target=stranger)
    thread.start()

    def agent() -> Any:
        begin.set()
        done.wait(5)
        return work({"value": 1})

    _, player = record(tmp_path, agent)
    thread.join()
    assert len(player) == 1
    assert player.get_input_state(0) == {"value": 1}


def test_an_argument_that_cannot_be_recorded_does_not_stop_the_agent(tmp_path: Path) -> None:
    class Client:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    @step
    def use(client: Client, question: str) -> str:
        return f"answer to {question}"

    def agent() -> str:
        return use(Client(), "why")

    result, player = record(tmp_path, agent)
    again = run_again(player, agent, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)


class Robot:
    """Steps may be methods of any kind."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @step
    def plan(self, goal: str) -> str:
        live.append("plan")
        return f"plan for {goal}"

    @tool
    @staticmethod
    def measure(length: int) -> int:
        live.append("measure")
        return length * 2

    @step
    async def act(self, plan: str) -> str:
        live.append("act")
        return f"did {plan}"


def test_methods_may_be_steps(tmp_path: Path) -> None:
    async def agent() -> list[Any]:
        robot = Robot()
        return [robot.plan("tea"), Robot.measure(3), await robot.act("boil")]

    result, player = record(tmp_path, agent)
    assert player.get_input_state(0) == {"goal": "tea"}
    again = run_again(player, agent, REPLAY, record=False)
    assert (again.error, again.result) == (None, result)
    assert live == []
