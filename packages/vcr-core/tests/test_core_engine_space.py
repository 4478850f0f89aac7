"""What the engine writes grows with what is new, however a step hands its history on, and is served from that."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vcr_core import ResumeConfig, ResumeMode, VcrError, VCRPlayer, VCRRecorder, step
from vcr_core.engine import run_again
from vcr_core.exporters.packing import pack_session
from vcr_core.testing.scale import scaled

State = dict[str, Any]
Messages = list[Any]
TURNS = scaled(150, 60)
PASSWORD = "".join(random.Random(5).sample(string.ascii_letters + string.digits, 16))
live: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    live.clear()


def message(number: int) -> dict[str, Any]:
    return {"role": "assistant", "content": f"{number:06d} " + "lorem ipsum " * 85}


def size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def reply_to(history: Messages) -> dict[str, Any]:
    """Return a message that no history held before."""
    return message(int(history[-1]["content"].split()[0]) + 1 if history else 0)


def ran(history: Messages) -> dict[str, Any]:
    live.append("ran")
    return reply_to(history)


@step
def in_place(state: State) -> State:
    state["messages"].append(ran(state["messages"]))
    return state


@step
def copied(state: State) -> State:
    state["messages"].append(ran(state["messages"]))
    return {**state}


@step
def nothing_returned(state: State) -> None:
    state["messages"].append(ran(state["messages"]))


@step
def argument_changed(messages: Messages, question: str) -> int:
    messages.append(ran(messages))
    return len(messages)


@step
def argument_returned(messages: Messages, question: str) -> Messages:
    messages.append(ran(messages))
    return messages


@step
def new_list(messages: Messages, question: str) -> Messages:
    return [*messages, ran(messages)]


@step
def trimmed(messages: Messages, question: str) -> Messages:
    return [*messages[-19:], ran(messages)]


@step
def new_dict(memory: State, question: str) -> State:
    live.append("ran")
    return {**memory, f"fact {len(memory)}": message(len(memory))}


@step
def longer_text(state: State) -> State:
    live.append("ran")
    return {**state, "n": state["n"] + 1, "log": state.get("log", "") + f"{state['n']} " + "lorem ipsum " * 85}


@step
def longer_argument(text: str, question: str) -> str:
    live.append("ran")
    return text + f"{len(text)} " + "lorem ipsum " * 85


def run_states(advance: Callable[[State], Any]) -> Callable[[int], State]:
    def agent(turns: int) -> State:
        state: State = {"messages": [], "n": 0}
        for _ in range(turns):
            result = advance(state)
            state = state if result is None else result
        return state

    return agent


def run_arguments(advance: Callable[..., Any], first: Any) -> Callable[[int], Any]:
    def agent(turns: int) -> Any:
        held = type(first)(first)
        for _ in range(turns):
            result = advance(held, "and then?")
            held = result if isinstance(result, type(first)) else held
        return held

    return agent


AGENTS: dict[str, Callable[[int], Any]] = {
    "in place": run_states(in_place),
    "copied": run_states(copied),
    "nothing returned": run_states(nothing_returned),
    "argument changed": run_arguments(argument_changed, []),
    "argument returned": run_arguments(argument_returned, []),
    "new list": run_arguments(new_list, []),
    "trimmed": run_arguments(trimmed, []),
    "new dict": run_arguments(new_dict, {}),
    "longer text": run_states(longer_text),
    "longer argument": run_arguments(longer_argument, ""),
}


@pytest.mark.parametrize("kind", AGENTS)
def test_steps_that_lengthen_a_history_take_linear_space_and_are_served_the_same(tmp_path: Path, kind: str) -> None:
    agent = AGENTS[kind]
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        result = recorder.run(agent, TURNS)
    assert len(live) == TURNS
    assert size_of(tmp_path) < 4 * (TURNS + 20) * 1030
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert player.verify().ok
    live.clear()
    again = run_again(player, agent, ResumeConfig(mode=ResumeMode.REPLAY), record=False)
    assert (again.error, again.result, live) == (None, result, [])
    for cut in (0, 1, TURNS // 2, TURNS - 1):
        live.clear()
        assert player.resume(agent, ResumeConfig(from_frame=cut, new_session_id=f"from{cut}")) == f"from{cut}"
        assert len(live) == TURNS - cut
        resumed = VCRPlayer.load_by_id(f"from{cut}", tmp_path)
        for index in (0, cut, TURNS - 1):
            assert resumed.state(index, "input") == player.state(index, "input")
            assert resumed.state(index) == player.state(index)


@pytest.mark.parametrize("kind", AGENTS)
def test_a_packed_recording_of_such_steps_is_served_the_same(tmp_path: Path, kind: str) -> None:
    agent = AGENTS[kind]
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        result = recorder.run(agent, 12)
    source = VCRPlayer.load_by_id("run", tmp_path)
    pack_session(source, tmp_path / "packed.vcr")
    live.clear()
    again = run_again(
        VCRPlayer.load(tmp_path / "packed.vcr"), agent, ResumeConfig(mode=ResumeMode.REPLAY), record=False
    )
    assert (again.error, again.result, live) == (None, result, [])


@step
def answer(state: State) -> State:
    return {**state, "messages": [*state["messages"], ran(state["messages"])]}


@step
def look(messages: Messages) -> Messages:
    return [*messages, ran(messages)]


def turn(state: State) -> State:
    return answer(state)


def turn_of_messages(messages: Messages) -> Messages:
    return look(messages)


async def turn_async(state: State) -> State:
    await asyncio.sleep(0)
    return answer(state)


@pytest.mark.parametrize("kind", ["state", "messages", "async"])
def test_a_session_of_many_turns_takes_linear_space_and_each_turn_runs_again(tmp_path: Path, kind: str) -> None:
    """A chat: one run for each turn, with all that was said before."""
    agent: Any = {"state": turn, "messages": turn_of_messages, "async": turn_async}[kind]
    said: Messages = []
    given: Messages = []
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("chat")
        for number in range(TURNS):
            said = [*said, {"role": "user", "content": f"{number} " + "dolor sit " * 100}]
            given.append(said)
            if kind == "messages":
                said = recorder.run(agent, said)
            elif kind == "async":
                said = asyncio.run(recorder.arun(agent, {"messages": said}))["messages"]
            else:
                said = recorder.run(agent, {"messages": said})["messages"]
    assert size_of(tmp_path) < 4 * TURNS * 2060
    player = VCRPlayer.load_by_id("chat", tmp_path)
    assert player.verify().ok
    live.clear()
    for index in (0, 1, TURNS // 2, TURNS - 1):
        config = ResumeConfig(from_frame=index, mode=ResumeMode.FORK)
        found = run_again(player, agent, config, record=False)
        expected = [*given[index], reply_to(given[index])]
        assert found.result == (expected if kind == "messages" else {"messages": expected})
    assert live == ["ran"] * 4


def test_runs_that_go_on_at_the_same_time_keep_their_lines_of_states_apart(tmp_path: Path) -> None:
    async def talk(name: str) -> State:
        state: State = {"messages": [{"role": "user", "content": f"{ord(name)}000 " + name * 1000}]}
        for _ in range(TURNS // 2):
            state = answer(state)
            await asyncio.sleep(0)
        return state

    async def both(recorder: VCRRecorder) -> list[State]:
        return await asyncio.gather(*(recorder.arun(talk, name) for name in "abc"))

    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        results = asyncio.run(both(recorder))
    assert size_of(tmp_path) < 2 * 3 * (TURNS // 2 + 5) * 1030
    player = VCRPlayer.load_by_id("run", tmp_path)
    ends = [player.state(index) for index in range(len(player))][-3:]
    assert sorted(map(str, ends)) == sorted(map(str, results))


@pytest.mark.parametrize(
    "lean",
    [
        {},
        {"frame": 99, "part": "output", "at": "", "patch": []},
        {"frame": 0, "part": "output", "at": "/nowhere", "patch": []},
        {"frame": 0, "part": "output", "at": "", "patch": [{"op": "append", "path": "/n"}]},
        {"frame": 0, "part": 5, "at": None, "patch": 7},
    ],
)
def test_a_line_that_leans_on_nothing_is_told(tmp_path: Path, lean: dict[str, Any]) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"n": 1})
    player = VCRPlayer.load_by_id("run", tmp_path)
    with pytest.raises(VcrError):
        player.expand({"args": [{"$vcr": "state", **lean}], "kwargs": {}})


class Picky:
    def __eq__(self, other: object) -> bool:
        raise ValueError("do not compare me")

    __hash__ = None  # type: ignore[assignment]


def test_objects_that_refuse_to_be_compared_do_not_disturb_the_agent(tmp_path: Path) -> None:
    def agent(given: Any) -> Any:
        answer({"messages": [message(n) for n in range(5)], "given": given})
        look([given, *(message(n) for n in range(5))])
        return [given, {"messages": [given]}]

    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        for given in ([Picky()], {"messages": [Picky()]}, Picky(), [message(0), Picky()]):
            for _ in range(2):
                recorder.run(agent, given)
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert player.verify().ok
    assert len(player) == 16


@step
def keep(arguments: Messages, secret: Any) -> Messages:
    arguments.append({"role": "tool", "args": {"password": PASSWORD}, "text": "ipsum " * 200})
    return [*arguments, f"password={PASSWORD}", ["authorization", PASSWORD]]


def test_no_secret_is_written_by_any_of_these_ways(tmp_path: Path) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        history: Messages = [message(n) for n in range(5)]
        for number in range(6):
            given = {"messages": history, "api_key": PASSWORD[::-1]}
            history = [*recorder.run(lambda state: keep(state["messages"], "x"), given), number]
            recorder.run(lambda name, state: keep(state["messages"], name), "authorization", given)
            recorder.run(lambda state, *, password: keep(state["messages"], password), given, password=PASSWORD)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "key")
    assert PASSWORD.encode() not in written
    assert PASSWORD[::-1].encode() not in written
