"""Running a recorded graph again: whole from the tape, from any step on, with edits, mocks and mended code."""

from __future__ import annotations

import asyncio
import functools
import operator
import sys
from dataclasses import dataclass
from typing import Annotated, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph, add_messages
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel

from vcr_core import DivergenceError, ResumeConfig, VCRPlayer
from vcr_core.engine import run_again
from vcr_core.errors import UsageError
from vcr_langgraph import VCRLangGraph

ASKED = {"count": 0, "log": []}
REPLAY = ResumeConfig(mode="replay")


class State(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]


def resume(player, graph, **config):
    found = run_again(player, graph, ResumeConfig(patience=2.0, **config))
    if found.error is not None:
        raise found.error
    return found


def contents(result):
    return [message.content for message in result["messages"]]


@pytest.mark.parametrize("sync", [True, False])
def test_a_full_replay_runs_nothing_and_ends_in_the_same_state(graphs, vcr, load, ran, sync):
    graph = vcr.wrap_graph(graphs.builder(sync=sync).compile())
    result = graph.invoke(ASKED) if sync else asyncio.run(graph.ainvoke(ASKED))
    player, before = load(), dict(ran)
    replayed = run_again(player, graph, REPLAY)
    assert (replayed.error, replayed.result, replayed.live_steps) == (None, result, 0)
    assert ran == before


@pytest.mark.parametrize("sync", [True, False])
def test_a_full_replay_of_an_agent_calls_no_model_and_no_tool(graphs, vcr, load, ran, sync):
    graph = vcr.wrap_graph(graphs.agent())
    asked = {"messages": [{"role": "user", "content": "find"}]}
    result = graph.invoke(asked) if sync else asyncio.run(graph.ainvoke(asked))
    before = dict(ran)
    replayed = run_again(load(), graph, REPLAY)
    assert replayed.error is None
    assert replayed.result == result
    assert ran == before
    assert before == {"llm": 3, "tool": 3}


@pytest.mark.parametrize("sync", [True, False])
def test_resume_at_every_step_of_an_agent_serves_what_came_before(graphs, vcr, load, ran, sync):
    graph = vcr.wrap_graph(graphs.agent())
    asked = {"messages": [("user", "find")]}
    result = graph.invoke(asked) if sync else asyncio.run(graph.ainvoke(asked))
    player = load()
    rows = list(player.rows)
    for cut in range(len(rows)):
        inside = {row.index for row in rows if row.parent == rows[cut].key}
        served = [row for row in rows[:cut] if row.index not in inside]
        models, tools = (sum(row.kind == kind for row in served) for kind in ("llm", "tool"))
        ran.clear()
        resumed = resume(player, graphs.agent(skip=models), from_frame=cut)
        assert contents(resumed.result) == contents(result)
        assert dict(ran) == {k: v for k, v in (("llm", 3 - models), ("tool", 3 - tools)) if v}


def test_resume_at_every_step_equals_the_full_run(graphs, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile())
    result = graph.invoke(ASKED)
    player = load()
    rows = list(player.rows)
    for cut in range(len(rows)):
        ran.clear()
        resumed = resume(player, graph, from_frame=cut)
        assert resumed.result == result
        inner = {row.index for row in rows if row.parent == rows[cut].key}
        live = [row.node_name for row in rows if row.index >= cut or row.index in inner]
        assert sum(ran.values()) == sum(name != "sub" for name in live)


@pytest.mark.parametrize(("channel", "value"), [("log", ["edited"]), ("count", 5), ("secret_note", "changed")])
def test_an_edit_takes_effect_at_each_step(graphs, vcr, load, channel, value):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    player = load()
    for cut in range(len(player)):
        resumed = resume(player, graph, from_frame=cut, state_overrides={channel: value})
        assert resumed.unused == []
        fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
        key = player.rows[cut].key
        edited = next(frame for frame in fork.frames if frame.key == key)
        assert edited.origin == "edit"
        assert edited.input_state == {**player.frames[cut].input_state, channel: value}
        after = edited.output_state[channel]
        assert after[: len(value)] == value if channel == "log" else edited.node_name in ("draft", "judge") or after
        step = edited.metadata.custom["langgraph"]["step"]
        after_it = [frame for frame in fork.frames if frame.parent == edited.parent and frame.index > edited.index]
        following = [frame for frame in after_it if frame.metadata.custom.get("langgraph", {"step": 0})["step"] > step]
        if channel == "log":
            assert all("edited" in frame.input_state["log"] for frame in following)
        again = run_again(fork, graph, REPLAY)  # a fork with an edit is a recording like any other
        assert (again.error, again.result) == (None, resumed.result)


def test_a_fork_of_a_fork_keeps_its_edit(graphs, vcr, load):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    player = load()
    first = resume(player, graph, from_frame=4, state_overrides={"log": ["edited"]})
    fork = VCRPlayer.load_by_id(first.session_id, player.path.parent)
    second = resume(fork, graph, from_frame=len(fork) - 1)
    assert second.result == first.result
    grandchild = VCRPlayer.load_by_id(second.session_id, player.path.parent)
    third = resume(grandchild, graph, from_frame=len(grandchild) - 1)
    assert third.result == first.result
    states = [{frame.key: frame.output_state for frame in session.frames} for session in (grandchild, fork)]
    assert states[0] == states[1]


def test_an_edit_may_be_a_patch(graphs, vcr, load):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    player = load()
    patch = [{"op": "replace", "path": "/log/0", "value": "patched"}]
    resumed = resume(player, graph, from_frame=4, state_overrides=patch)
    fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
    assert fork.frames[-1].output_state["log"][0] == "patched"


def test_other_input_before_the_cut_diverges(graphs, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    player, before = load(), dict(ran)
    changed = StateGraph(State).add_node("draft", lambda s: {"count": 1}).add_node("new", lambda s: {"count": 2})
    changed = changed.add_edge(START, "new").add_edge("new", "draft").compile()
    for config in (REPLAY, ResumeConfig(from_frame=4)):
        missed = run_again(player, changed, config)
        assert isinstance(missed.error, DivergenceError)
        assert missed.error.kind in ("unexpected", "input")
    assert ran == before


def test_a_mended_node_runs_live_and_the_rest_is_served(graphs, vcr, load, ran):
    builder = graphs.builder()
    graph = vcr.wrap_graph(builder.compile())
    graph.invoke(ASKED)
    player = load()
    mended = graphs.builder()
    judge = mended.nodes["judge"].runnable
    judge.func = lambda state: {"count": 100, "log": ["mended"]}
    judge.afunc = None
    cut = next(row.index for row in player.rows if row.node_name == "judge")
    ran.clear()
    assert resume(player, mended.compile(), from_frame=cut).result == {"count": 100}
    assert sum(ran.values()) == 0


def test_mocks_stand_for_nodes_models_and_tools(graphs, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    ran.clear()
    mocked = resume(load(), graph, mode="mock", inject_mocks={"judge": {"count": 50}})
    assert mocked.result == {"count": 50}
    assert sum(ran.values()) == 0


def test_a_model_can_be_mocked_inside_a_live_node(graphs, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.agent())
    graph.invoke({"messages": [("user", "find")]})
    ran.clear()
    mocks = {"CountingModel": AIMessage("mocked")}
    mocked = resume(load(), graph, mode="mock", live=["model"], inject_mocks=mocks)
    assert contents(mocked.result) == ["find", "mocked"]
    assert ran["llm"] == 0


def test_skipped_nodes_change_nothing(graphs, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile())
    graph.invoke(ASKED)
    ran.clear()
    resumed = resume(load(), graph, from_frame=0, skip_nodes=["left"])
    assert ran["left"] == 0
    assert resumed.result == {"count": 8}


def test_earlier_answers_of_a_node_that_runs_again_are_served(vcr, load, ran):
    def two_questions(state):
        answers = []
        for text in ("first", "second"):
            ran.hit(text)
            model = GenericFakeChatModel(messages=iter([AIMessage(f"{text} {ran['again']}")]))
            answers.append(model.invoke(text).content)
        return {"log": answers}

    graph = vcr.wrap_graph(StateGraph(State).add_node("ask", two_questions).add_edge(START, "ask").compile())
    assert graph.invoke({"log": []})["log"] == ["first 0", "second 0"]
    ran["again"] = 1
    assert resume(load(), graph, from_frame=1).result["log"] == ["first 0", "second 1"]


def test_streamed_answers_are_served_chunk_for_chunk(vcr, load):
    words = iter([AIMessage("one two three")])

    def talk(state):
        return {"log": [chunk.content for chunk in GenericFakeChatModel(messages=words).stream("hi")]}

    def last(state):
        return {"count": 1}

    builder = StateGraph(State).add_node("talk", talk).add_node("last", last)
    graph = vcr.wrap_graph(builder.add_edge(START, "talk").add_edge("talk", "last").compile())
    result = graph.invoke({"log": []})
    live_node = resume(load(), graph, mode="mock", live=["talk"])
    assert live_node.result["log"] == result["log"]


def test_recorded_tasks_do_not_run_again(vcr, load, ran):
    @task
    def double(number):
        ran.hit("double")
        return number * 2

    @task
    async def triple(number):
        ran.hit("triple")
        return number * 3

    @entrypoint()
    def flow(numbers):
        ran.hit("flow")
        return sum(future.result() for future in [double(number) for number in numbers])

    graph = vcr.wrap_graph(flow)
    assert graph.invoke([1, 2, 3]) == 12
    player = load()
    assert [row.node_name for row in player.rows] == ["double", "double", "double", "flow"]
    assert {row.parent for row in player.rows[:3]} == {player.rows[3].key}
    before = dict(ran)
    replayed = run_again(player, graph, REPLAY)
    assert (replayed.error, replayed.result) == (None, 12)
    assert ran == before
    resumed = resume(player, graph, from_frame=2)
    assert resumed.result == 12
    assert ran["double"] == before["double"] + 1
    assert ran["flow"] == before["flow"] + 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="LangGraph's asynchronous tasks need Python 3.11")
def test_recorded_asynchronous_tasks_do_not_run_again(vcr, load, ran):
    @task
    async def double(number):
        ran.hit("double")
        await asyncio.sleep(0)
        return number * 2

    @entrypoint()
    async def flow(numbers):
        return sum(await asyncio.gather(*(double(number) for number in numbers)))

    graph = vcr.wrap_graph(flow)
    assert asyncio.run(graph.ainvoke([1, 2, 3])) == 12
    for cut, runs in ((3, 0), (2, 1)):
        ran.clear()
        assert resume(load(), graph, from_frame=cut).result == 12
        assert ran["double"] == (3 if cut == 3 else runs)
    ran.clear()
    assert run_again(load(), graph, REPLAY).result == 12
    assert ran["double"] == 0


def test_interrupts_and_their_answers_are_replayed(vcr, load, ran):
    def ask(state):
        ran.hit("ask")
        return {"log": [interrupt("sure?")]}

    def act(state):
        ran.hit("act")
        return {"count": len(state["log"])}

    builder = StateGraph(State).add_node("ask", ask).add_node("act", act).add_edge(START, "ask").add_edge("ask", "act")
    saver = InMemorySaver()
    graph = vcr.wrap_graph(builder.compile(checkpointer=saver))
    config = {"configurable": {"thread_id": "t"}}
    graph.invoke({"log": []}, config)
    result = graph.invoke(Command(resume="yes"), config)
    player, kept = load(), graph.get_state(config)
    assert [row.status for row in player.rows] == ["interrupt", "ok", "ok"]
    ran.clear()
    assert run_again(player, graph, REPLAY).result == result
    assert sum(ran.values()) == 0
    for cut, runs in ((1, {"ask": 1, "act": 1}), (2, {"act": 1})):
        ran.clear()
        assert resume(player, graph, from_frame=cut).result == result
        assert ran == runs
    edited = resume(player, graph, from_frame=2, state_overrides={"log": ["a", "b", "c"]})
    assert edited.result["count"] == 3
    assert graph.get_state(config) == kept  # the recorded thread is as it was


def test_a_call_that_ended_in_an_interrupt_is_replayed_as_one(vcr, load, ran):
    def ask(state):
        ran.hit("ask")
        return {"log": [interrupt("sure?")]}

    builder = StateGraph(State).add_node("ask", ask).add_edge(START, "ask")
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver()))
    recorded = graph.invoke({"log": []}, {"configurable": {"thread_id": "t"}})
    ran.clear()
    again = run_again(load(), graph, REPLAY)
    assert again.error is None
    assert [i.value for i in again.result["__interrupt__"]] == [i.value for i in recorded["__interrupt__"]] == ["sure?"]
    assert sum(ran.values()) == 0


def test_the_turns_of_a_conversation_are_replayed(graphs, vcr, load, ran):
    def say(state):
        ran.hit("say")
        return {"log": [f"heard {len(state['log'])}"]}

    builder = StateGraph(State).add_node("say", say).add_edge(START, "say")
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver()))
    config = {"configurable": {"thread_id": "t"}}
    results = [graph.invoke({"log": [f"turn {n}"]}, config) for n in range(3)]
    player = load()
    ran.clear()
    resumed = resume(player, graph, from_frame=2)
    assert resumed.result == results[2]
    assert ran["say"] == 1
    fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
    assert run_again(fork, graph, REPLAY).result == results[2]


def test_statuses_other_than_ok_are_served_as_they_were(vcr, load, ran):
    def shaky(state):
        ran.hit("shaky")
        if ran["shaky"] == 1:
            raise ConnectionError("first time")
        return {"count": 1}

    def fail(state):
        ran.hit("fail")
        raise ValueError("broken")

    inner = StateGraph(State)
    inner.add_node("leave", lambda s: Command(graph=Command.PARENT, goto="landed", update={"log": ["left"]}))
    inner.add_edge(START, "leave")
    builder = StateGraph(State)
    builder.add_node("shaky", shaky, retry_policy=RetryPolicy(initial_interval=0.01, jitter=False))
    builder.add_node("sub", inner.compile(name="inner"), destinations=("landed",))
    builder.add_node("landed", lambda s: {"log": ["landed"]})
    builder.add_node("fail", fail, error_handler=lambda s: Command(update={"log": ["handled"]}, goto="spread"))
    builder.add_node("spread", lambda s: Command(goto=[Send("work", {"log": [n]}) for n in range(2)]))
    builder.add_node("work", lambda s: {"log": [f"work {s['log'][0]}"]}, cache_policy=CachePolicy())
    builder.add_edge(START, "shaky").add_edge("shaky", "sub").add_edge("landed", "fail")
    cache = InMemoryCache()
    graph = vcr.wrap_graph(builder.compile(cache=cache))
    result = graph.invoke(ASKED)
    assert result["log"] == ["left", "landed", "handled", "work 0", "work 1"]
    player = load()
    ran.clear()
    assert run_again(player, graph, REPLAY).result == result
    assert sum(ran.values()) == 0
    for cut in range(len(player)):
        ran.update(shaky=1)
        assert resume(player, graph, from_frame=cut).result == result, cut


def test_a_cached_node_is_served_without_its_cache(vcr, load, ran):
    def slow(state):
        ran.hit("slow")
        return Command(update={"count": 7}, goto="last")

    builder = StateGraph(State).add_node("slow", slow, cache_policy=CachePolicy(), destinations=("last",))
    builder.add_node("last", lambda s: {"log": ["last"]}).add_edge(START, "slow")
    graph = vcr.wrap_graph(builder.compile(cache=InMemoryCache()))
    graph.invoke(ASKED)
    result = graph.invoke(ASKED)
    player = load()
    assert "cached" in [row.status for row in player.rows]
    fresh = builder.compile(cache=InMemoryCache())
    ran.clear()
    assert run_again(player, fresh, REPLAY).result == result
    assert ran["slow"] == 0


def test_cached_tasks_that_were_sent_are_served(vcr, load, ran):
    def work(state):
        ran.hit("work")
        return {"log": [state["number"]]}

    builder = StateGraph(State).add_node("plan", lambda s: {}).add_node("work", work, cache_policy=CachePolicy())
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", lambda s: [Send("work", {"number": n}) for n in range(2)], ["work"])
    compiled = builder.compile(cache=InMemoryCache())
    compiled.invoke(ASKED)
    graph = vcr.wrap_graph(compiled)
    result = graph.invoke(ASKED)
    player = load()
    assert [row.status for row in player.rows] == ["ok", "cached", "cached"]
    for cut in (1, 2, 3):
        ran.clear()
        assert resume(player, graph, from_frame=cut).result == result
        assert ran["work"] == 3 - cut
    assert resume(player, graph, mode="replay").result == result


@pytest.mark.parametrize("caller", ["entrypoint", "node"])
def test_cached_tasks_that_were_called_are_served(vcr, load, ran, caller):
    @task(cache_policy=CachePolicy())
    def double(number):
        ran.hit("double")
        return number * 2

    def flow(asked):
        return {"log": [double(1).result(), double(2).result()]}

    if caller == "entrypoint":
        compiled = entrypoint(cache=InMemoryCache())(flow)
    else:
        compiled = StateGraph(State).add_node("flow", flow).add_edge(START, "flow").compile(cache=InMemoryCache())
    compiled.invoke(ASKED)
    graph = vcr.wrap_graph(compiled)
    result = graph.invoke(ASKED)
    player = load()
    assert [row.status for row in player.rows] == ["cached", "cached", "ok"]
    assert {row.parent for row in player.rows[:2]} == {player.rows[2].key}
    ran.clear()
    assert resume(player, graph, mode="replay").result == result
    assert resume(player, graph, from_frame=1).result == result
    assert ran["double"] == 1


@pytest.mark.parametrize("final", [False, True])
def test_a_cached_entrypoint_is_served(vcr, load, ran, final):
    @entrypoint(cache=InMemoryCache(), cache_policy=CachePolicy())
    def flow(number):
        ran.hit("flow")
        return entrypoint.final(value=number + 1, save=number) if final else number + 1

    flow.invoke(1)
    graph = vcr.wrap_graph(flow)
    assert graph.invoke(1) == 2
    ran.clear()
    assert resume(load(), graph, mode="replay").result == 2
    assert ran["flow"] == 0


def last_messages(before, new):
    return add_messages(before, new)[-3:]


@pytest.mark.parametrize("schema", ["named", "root"])
def test_messages_have_the_same_ids_whoever_calls_the_reducer(vcr, load, schema):
    class Talk(TypedDict):
        talk: Annotated[list, functools.partial(last_messages)]

    def shown(messages):
        return messages if schema == "root" else {"talk": messages}

    builder = StateGraph(Annotated[list, add_messages] if schema == "root" else Talk)
    builder.add_node("one", lambda state: shown([("ai", "one")]))
    builder.add_node("two", lambda state: Command(update=shown(AIMessage("two")), goto="three"))
    builder.add_node("three", lambda state: shown("three"))
    graph = vcr.wrap_graph(builder.add_edge(START, "one").add_edge("one", "two").compile())
    result = graph.invoke(shown("hello"))
    player = load()
    assert resume(player, graph, mode="replay").result == result
    for cut in range(len(player)):
        assert len(resume(player, graph, from_frame=cut).result) == len(result)


def test_a_graph_is_not_run_by_the_name_of_its_class(graphs, vcr, load, tmp_path):
    graph = graphs.builder().compile()
    vcr.wrap_graph(graph).invoke(ASKED)
    player = load()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match="name the graph"):
        player.resume(type(graph))
    assert sorted(tmp_path.iterdir()) == before


class Model(BaseModel):
    count: int = 0
    log: Annotated[list, operator.add] = []


@dataclass
class Data:
    count: int = 0
    log: Annotated[list, operator.add] = None


@pytest.mark.parametrize("schema", [Model, Data])
def test_states_may_be_models_and_dataclasses(vcr, load, schema):
    builder = StateGraph(schema)
    builder.add_node("one", lambda s: {"count": s.count + 1, "log": ["one"]})
    builder.add_node("two", lambda s: schema(count=s.count + 1, log=["two"]))
    graph = vcr.wrap_graph(builder.add_edge(START, "one").add_edge("one", "two").compile())
    result = graph.invoke({"count": 0, "log": []})
    player = load()
    assert run_again(player, graph, REPLAY).result == result
    for cut in range(len(player)):
        assert resume(player, graph, from_frame=cut).result == result
    assert resume(player, graph, from_frame=1, state_overrides={"count": 10}).result["count"] == 11


def test_a_program_around_a_graph_is_resumed_as_a_whole(graphs, recorder, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile(checkpointer=InMemorySaver()))

    def program(number):
        config = {"configurable": {"thread_id": f"t{number}"}}
        return graph.invoke({"count": number, "log": []}, config)["count"]

    assert recorder.run(program, 0) == 8
    before = dict(ran)
    assert run_again(load(), program, REPLAY).result == 8
    assert ran == before


def test_a_run_of_the_graph_itself_is_resumed(graphs, recorder, vcr, load, ran):
    graph = vcr.wrap_graph(graphs.builder().compile())
    result = recorder.run(graph, ASKED)
    assert resume(load(), graph, from_frame=3).result == result
    assert VCRLangGraph(recorder).wrap_graph(graph) is graph


def test_resume_through_the_player_takes_a_plain_graph(graphs, vcr, load, tmp_path):
    vcr.wrap_graph(graphs.builder().compile()).invoke(ASKED)
    player = load()
    session_id = player.resume(graphs.builder().compile(), ResumeConfig(from_frame=3))
    fork = VCRPlayer.load_by_id(session_id, tmp_path)
    states = [{frame.key: frame.output_state for frame in session.frames} for session in (fork, player)]
    assert states[0] == states[1]
    assert fork.session.forked_from_frame == 3
