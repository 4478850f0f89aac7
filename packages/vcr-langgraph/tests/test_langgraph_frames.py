"""What the frames of a recorded graph say: steps, triggers, paths, states, statuses, nesting."""

from __future__ import annotations

import asyncio
import itertools
import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt

from vcr_core.engine import current_run

ASKED = {"count": 0, "log": []}


class State(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]
    item: str


def facts(frame):
    return frame.metadata.custom["langgraph"]


def test_parallel_frames_carry_step_triggers_and_path(graphs, vcr, load):
    vcr.wrap_graph(graphs.builder().compile()).invoke(ASKED)
    frames = {frame.node_name: frame for frame in load().frames[:7]}
    left, right = facts(frames["left"]), facts(frames["right"])
    assert left["step"] == right["step"] == facts(frames["judge"])["step"] - 1
    assert left["triggers"] == ["branch:to:left"]
    assert left["path"] == ["__pregel_pull", "left"]
    assert facts(frames["judge"])["triggers"] == ["branch:to:judge", "join:left+right:judge"]
    assert facts(frames["inner_one"])["namespace"] == "sub|inner_one"
    assert frames["inner_one"].parent == frames["sub"].key
    assert len({row.key for row in load().rows}) == len(load())


def test_the_state_after_a_step_is_the_state_before_the_next(graphs, vcr, load):
    vcr.wrap_graph(graphs.builder().compile()).invoke(ASKED)
    frames = list(load().frames)
    outer = [frame for frame in frames if frame.parent is None]
    assert outer[0].output_state["secret_note"] == "kept"  # in neither the input's nor the output's schema
    steps = sorted({facts(frame)["step"] for frame in outer})
    for step, following in itertools.pairwise(steps):
        now = [frame for frame in outer if facts(frame)["step"] == step]
        after = [frame for frame in outer if facts(frame)["step"] == following]
        merged = dict(now[0].input_state)
        for frame in sorted(now, key=lambda frame: frame.node_name):
            new = frame.output_state["log"][len(frame.input_state["log"]) :]
            merged = {**merged, **frame.output_state, "log": merged["log"] + new}
        for frame in after:
            assert frame.input_state == merged
    inner = [frame for frame in frames if frame.parent is not None]
    assert inner[0].output_state == inner[1].input_state


def test_sent_tasks_have_frames_of_their_own(vcr, load):
    builder = StateGraph(State)
    builder.add_node("spread", lambda state: {"count": 3})
    builder.add_node("work", lambda given: {"log": [given["item"]]})
    builder.add_conditional_edges(
        "spread", lambda s: [Send("work", {"item": f"i{n}"}) for n in range(s["count"])], ["work"]
    )
    builder.add_edge(START, "spread")
    result = vcr.wrap_graph(builder.compile()).invoke({"count": 0, "log": []})
    assert result["log"] == ["i0", "i1", "i2"]
    work = [frame for frame in load().frames if frame.node_name == "work"]
    assert sorted(frame.input_state["__input__"]["item"] for frame in work) == ["i0", "i1", "i2"]
    assert sorted(facts(frame)["path"][1] for frame in work) == [0, 1, 2]
    assert len({frame.key for frame in work}) == 3


def test_each_attempt_is_a_frame(vcr, load):
    tries = []

    def shaky(state):
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("first time")
        return {"count": 1}

    policy = RetryPolicy(initial_interval=0.01, jitter=False)
    builder = StateGraph(State).add_node("shaky", shaky, retry_policy=policy).add_edge(START, "shaky")
    vcr.wrap_graph(builder.compile()).invoke({"count": 0})
    first, second = load().frames
    assert (first.status, second.status) == ("error", "ok")
    assert (facts(first)["attempt"], facts(second)["attempt"]) == (1, 2)
    assert first.error.type.endswith("ConnectionError")


def test_an_attempt_begins_with_the_state_although_the_one_before_wrote_into_its_input(vcr, load):
    given = []

    def shaky(state):
        given.append(dict(state))
        if len(given) == 1:
            state["count"] = 99
            raise ConnectionError("first time")
        return {"count": 1}

    policy = RetryPolicy(initial_interval=0.01, jitter=False)
    builder = StateGraph(State).add_node("shaky", shaky, retry_policy=policy).add_edge(START, "shaky")
    vcr.wrap_graph(builder.compile()).invoke({"count": 0, "log": []})
    assert [state["count"] for state in given] == [0, 99]  # LangGraph hands the same dict to each attempt
    first, second = load().frames
    assert first.input_state == second.input_state == {"count": 0, "log": []}
    assert facts(second)["input"]["count"] == 99


def test_a_node_that_sees_a_part_of_the_state_is_recorded_with_all_of_it(vcr, load):
    class Part(TypedDict):
        count: int

    def narrow(state: Part):
        return {"count": state["count"] + 1}

    builder = StateGraph(State).add_node("narrow", narrow, input_schema=Part).add_edge(START, "narrow")
    vcr.wrap_graph(builder.compile()).invoke({"count": 0, "log": ["kept"]})
    (frame,) = load().frames
    assert frame.input_state == {"count": 0, "log": ["kept"]}
    assert frame.output_state == {"count": 1, "log": ["kept"]}
    assert facts(frame)["input_keys"] == ["count"]


def test_an_interrupt_is_not_an_error(vcr, load):
    builder = StateGraph(State).add_node("ask", lambda state: {"log": [interrupt("sure?")]}).add_edge(START, "ask")
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver()))
    config = {"configurable": {"thread_id": "t"}}
    assert "__interrupt__" in graph.invoke({"log": []}, config)
    assert graph.invoke(Command(resume="yes"), config)["log"] == ["yes"]
    player = load()
    assert [row.status for row in player.rows] == ["interrupt", "ok"]
    assert facts(player.frames[0])["interrupts"][0]["value"] == "sure?"
    assert facts(player.frames[0])["thread"] == "t"
    assert player.get_errors() == []


def test_a_command_to_the_parent_is_not_an_error(vcr, load):
    inner = StateGraph(State)
    inner.add_node("leave", lambda state: Command(graph=Command.PARENT, goto="landed", update={"log": ["left"]}))
    inner.add_edge(START, "leave")
    outer = StateGraph(State).add_node("sub", inner.compile(name="inner"), destinations=("landed",))
    outer.add_node("landed", lambda state: {"log": ["landed"]}).add_edge(START, "sub")
    assert vcr.wrap_graph(outer.compile()).invoke({"log": []})["log"] == ["left", "landed"]
    assert [(row.node_name, row.status) for row in load().rows] == [
        ("leave", "command"),
        ("sub", "command"),
        ("landed", "ok"),
    ]


def test_a_cached_node_is_cached(vcr, load):
    builder = StateGraph(State).add_node("slow", lambda s: {"count": 7}, cache_policy=CachePolicy())
    graph = vcr.wrap_graph(builder.add_edge(START, "slow").compile(cache=InMemoryCache()))
    assert [graph.invoke({"count": 0})["count"] for _ in range(2)] == [7, 7]
    assert [row.status for row in load().rows] == ["ok", "cached"]
    assert load().frames[1].output_state["count"] == 7


def test_an_error_handler_and_the_failed_node_have_frames(vcr, load):
    def fail(state):
        raise ValueError("broken")

    builder = StateGraph(State)
    builder.add_node("fail", fail, error_handler=lambda state: {"log": ["handled"]}).add_edge(START, "fail")
    assert vcr.wrap_graph(builder.compile()).invoke({"log": []})["log"] == ["handled"]
    assert [row.status for row in load().rows] == ["error", "ok"]


def test_a_node_that_mutates_its_input_does_not_change_the_recorded_one(vcr, load):
    def rude(state):
        state["log"].append("scribble")
        state["count"] = 99
        return {"count": 1}

    builder = StateGraph(State).add_node("rude", rude).add_edge(START, "rude")
    vcr.wrap_graph(builder.compile()).invoke({"count": 0, "log": ["kept"]})
    assert load().frames[0].input_state == {"count": 0, "log": ["kept"]}


class Listener(BaseCallbackHandler):
    def __init__(self):
        self.heard = []

    def on_chat_model_start(self, *args, **kwargs):
        self.heard.append("llm")

    def on_tool_end(self, *args, **kwargs):
        self.heard.append("tool")


def test_callbacks_of_the_user_keep_ours(graphs, vcr, load):
    listener = Listener()
    asked = {"messages": [("user", "find")]}
    vcr.wrap_graph(graphs.agent()).invoke(asked, {"callbacks": [listener]})
    assert sorted(listener.heard) == ["llm"] * 3 + ["tool"] * 3
    assert [row.kind for row in load().rows].count("llm") == 3


def test_an_agent_run_has_model_and_tool_frames_at_their_nodes(graphs, vcr, load, ran):
    result = vcr.wrap_graph(graphs.agent()).invoke({"messages": [{"role": "user", "content": "find"}]})
    assert result["messages"][-1].content == "all found"
    player = load()
    llm = [frame for frame in player.frames if frame.kind == "llm"]
    tools = [frame for frame in player.frames if frame.kind == "tool"]
    assert [(f.metadata.tokens_input, f.metadata.tokens_output, f.metadata.model) for f in llm] == [
        (10, 5, "fake-1")
    ] * 3
    assert sorted(frame.input_state["query"] for frame in tools) == ["a", "b", "c"]
    nodes = {frame.key: frame.node_name for frame in player.frames if frame.kind == "node"}
    assert {nodes[frame.parent] for frame in llm} == {"model"}
    assert {nodes[frame.parent] for frame in tools} == {"tools"}
    assert player.get_total_tokens() == 45


def test_streamed_answers_are_recorded_chunk_by_chunk(vcr, load):
    talker = GenericFakeChatModel(messages=iter([AIMessage("one two three")]))

    def talk(state):
        return {"log": [chunk.content for chunk in talker.stream("hi")]}

    builder = StateGraph(State).add_node("talk", talk).add_edge(START, "talk")
    result = vcr.wrap_graph(builder.compile()).invoke({"log": []})
    frame = next(frame for frame in load().frames if frame.kind == "llm")
    assert [chunk.content for chunk in frame.output_state.chunks] == result["log"]


def test_a_batch_never_mixes_frames(graphs, vcr, load):
    graph = vcr.wrap_graph(graphs.builder().compile())
    results = graph.batch([{"count": n, "log": [f"run {n}"]} for n in range(6)])
    assert len(results) == 6
    check_runs(load(), 6)


def test_a_gather_never_mixes_frames(graphs, vcr, load):
    graph = vcr.wrap_graph(graphs.builder(sync=False).compile())

    async def many():
        return await asyncio.gather(*(graph.ainvoke({"count": n, "log": [f"run {n}"]}) for n in range(6)))

    assert len(asyncio.run(many())) == 6
    check_runs(load(), 6)


def check_runs(player, count):
    by_root = {}
    for frame in player.frames:
        by_root.setdefault(frame.key.partition("/")[0], set()).add(frame.input_state["log"][0])
    assert len(by_root) == count
    assert all(len(labels) == 1 for labels in by_root.values())
    assert len(set.union(*by_root.values())) == count


def test_calls_inside_one_recorded_run_are_told_apart(graphs, recorder, vcr, load):
    graph = vcr.wrap_graph(graphs.builder().compile())

    def program(number):
        return [graph.invoke({"count": n, "log": []})["count"] for n in (number, number + 1)]

    recorder.run(program, 0)
    assert {row.key.partition("|")[0] for row in load().rows if row.parent is None} == {"0/LangGraph", "0/LangGraph~2"}


def test_a_failed_run_is_saved_with_its_error(vcr, load):
    def fail(state):
        raise ValueError("broken")

    builder = StateGraph(State).add_node("fail", fail).add_edge(START, "fail")
    with pytest.raises(ValueError, match="broken"):
        vcr.wrap_graph(builder.compile()).invoke({"count": 0})
    player = load()
    assert [(row.node_name, row.status) for row in player.rows] == [("fail", "error")]


def test_a_stream_that_is_closed_early_leaks_nothing(graphs, vcr, load):
    stream = vcr.wrap_graph(graphs.builder().compile()).stream(ASKED)
    next(stream)
    assert current_run() is None
    stream.close()
    assert len(load()) >= 1


def test_a_single_node_can_be_wrapped(vcr, load):
    @vcr.vcr_record("named")
    def one(state):
        return {"count": state["count"] + 1}

    builder = StateGraph(State).add_node("one", one).add_node("two", vcr.wrap_node(lambda s: {"count": 5}, name="two"))
    builder.add_edge(START, "one").add_edge("one", "two").add_edge("two", END)
    assert builder.compile().invoke({"count": 0})["count"] == 5
    assert load().list_nodes() == ["named", "two"]
