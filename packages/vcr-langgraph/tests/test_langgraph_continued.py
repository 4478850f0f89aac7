"""Threads that several calls continue: interrupts, failures, a person's corrections, time travel, calls at once."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, TypedDict

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from vcr_core import DivergenceError, ResumeConfig, VCRPlayer
from vcr_core.engine import run_again
from vcr_core.errors import UsageError
from vcr_langgraph.checkpoint_place import LostCheckpointError

THREAD = {"configurable": {"thread_id": "t"}}
ASKED = {"log": []}
REPLAY = ResumeConfig(mode="replay")


class State(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]


def resume(player, graph, **config):
    found = run_again(player, graph, ResumeConfig(patience=2.0, **config))
    if found.error is not None:
        raise found.error
    return found


def chain(**nodes):
    """A builder whose nodes follow each other."""
    builder = StateGraph(State)
    above = START
    for name, function in nodes.items():
        builder.add_node(name, function).add_edge(above, name)
        above = name
    return builder


def asks(ran, name, *questions):
    def ask(state):
        ran.hit(name)
        return {"log": [interrupt(question) for question in questions]}

    return ask


def answered_subgraph(vcr, ran):
    """A recorded graph whose subgraph was left by a question, and called again with the answer."""
    inner = chain(fetch=ran.node("fetch"), ask=asks(ran, "ask", "sure?")).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    graph.invoke(Command(resume="yes"), THREAD)
    return graph


def breaks_once(ran, name):
    def work(state):
        ran.hit(name)
        if ran[f"{name} mended"] == 0:
            raise ValueError("broken")
        return {"log": [name]}

    return work


def ran_at(player, graph, ran, **config):
    """Return what really ran in a resume, and what it gave."""
    ran.clear()
    ran["work mended"] = 1
    result = resume(player, graph, **config).result
    return {name: times for name, times in ran.items() if times and not name.endswith("mended")}, result


def index_of(player, name, status="ok"):
    return next(row.index for row in player.rows if (row.node_name, row.status) == (name, status))


# -- what an interrupt or a failure left inside of a step --------------------------------------------------------------


def test_tasks_of_an_interrupted_entrypoint_are_not_run_again(vcr, load, ran):
    @task
    def write(topic):
        ran.hit("write")
        return f"essay about {topic}"

    @entrypoint(checkpointer=InMemorySaver())
    def flow(topic):
        ran.hit("flow")
        return write(topic).result(), interrupt("good?")

    graph = vcr.wrap_graph(flow)
    graph.invoke("cats", THREAD)
    result = graph.invoke(Command(resume="yes"), THREAD)
    player = load()
    assert [(row.node_name, row.status) for row in player.rows] == [
        ("write", "ok"),
        ("flow", "interrupt"),
        ("flow", "ok"),
    ]
    assert ran_at(player, graph, ran, from_frame=2) == ({"flow": 1}, result)
    assert ran_at(player, graph, ran, mode="replay") == ({}, result)


@pytest.mark.parametrize("sync", [True, False])
def test_nested_tasks_keep_what_they_wrote_and_were_answered(vcr, load, ran, sync):
    if sync:

        @task
        def leaf(number):
            ran.hit(f"leaf {number}")
            return number + 1

        @task
        def middle(number):
            ran.hit("middle")
            return leaf(number).result(), interrupt("middle?")

        @entrypoint(checkpointer=InMemorySaver())
        def flow(number):
            return leaf(10).result(), middle(number).result(), leaf(20).result(), interrupt("last?")

    else:

        @task
        async def leaf(number):
            ran.hit(f"leaf {number}")
            return number + 1

        @task
        async def middle(number):
            ran.hit("middle")
            return await leaf(number), interrupt("middle?")

        @entrypoint(checkpointer=InMemorySaver())
        async def flow(number):
            return await leaf(10), await middle(number), await leaf(20), interrupt("last?")

    graph = vcr.wrap_graph(flow)

    def call(given):
        return graph.invoke(given, THREAD) if sync else asyncio.run(graph.ainvoke(given, THREAD))

    call(1)
    call(Command(resume="A"))
    result = call(Command(resume="B"))
    player = load()
    end = len(player.rows) - 1
    assert ran_at(player, graph, ran, from_frame=end) == ({}, result)
    assert ran_at(player, graph, ran, from_frame=index_of(player, "middle"))[0] == {"middle": 1, "leaf 20": 1}


@pytest.mark.parametrize("sync", [True, False])
def test_steps_of_an_interrupted_subgraph_are_not_run_again(vcr, load, ran, sync):
    nodes = {"fetch": ran.node("fetch"), "ask": asks(ran, "ask", "sure?"), "after": ran.node("after")}
    inner = chain(**nodes).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))

    def call(given):
        return graph.invoke(given, THREAD) if sync else asyncio.run(graph.ainvoke(given, THREAD))

    call(ASKED)
    result = call(Command(resume="yes"))
    player = load()
    cut = index_of(player, "sub", "interrupt") + 1
    live = [{"ask": 1, "after": 1}, {"after": 1}, {"ask": 1, "after": 1}, {}]
    for number, expected in enumerate(live):
        assert ran_at(player, graph, ran, from_frame=cut + number) == (expected, result)
    assert ran_at(player, graph, ran, mode="replay") == ({}, result)


def test_a_served_step_inside_of_a_served_one_is_recorded_once(vcr, load, ran):
    graph = answered_subgraph(vcr, ran)
    player = load()
    resumed = resume(player, graph, from_frame=len(player))
    fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
    assert [row.key for row in fork.rows] == [row.key for row in player.rows]
    assert run_again(fork, graph, REPLAY).error is None


def test_steps_of_a_failed_subgraph_are_not_run_again(vcr, load, ran):
    inner = chain(fetch=ran.node("fetch"), work=breaks_once(ran, "work")).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))
    with pytest.raises(ValueError, match="broken"):
        graph.invoke(ASKED, THREAD)
    ran["work mended"] = 1
    result = graph.invoke(None, THREAD)
    player = load()
    assert ran_at(player, graph, ran, from_frame=index_of(player, "work")) == ({"work": 1}, result)
    assert ran_at(player, graph, ran, from_frame=index_of(player, "sub")) == ({"work": 1}, result)


def test_a_fork_goes_on_inside_of_the_subgraph_that_was_left(vcr, load, ran):
    inner = chain(fetch=ran.node("fetch"), ask=asks(ran, "ask", "sure?")).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    player = load()
    resumed = resume(player, graph, from_frame=len(player))
    ran.clear()
    own = {"configurable": {"thread_id": f"t@{resumed.session_id}"}}
    assert graph.invoke(Command(resume="yes"), own)["log"] == ["fetch", "yes"]
    assert ran == {"ask": 1}


def test_a_subgraph_with_a_memory_of_its_own_keeps_it(vcr, load, ran):
    class Memory(TypedDict, total=False):
        seen: int
        word: str

    class Word(TypedDict, total=False):
        word: str

    def count(state):
        ran.hit("count")
        return {"seen": state.get("seen", 0) + 1}

    inner = StateGraph(Memory, input_schema=Word).add_node("count", count).add_edge(START, "count")
    outer = StateGraph(Memory).add_node("sub", inner.compile(checkpointer=True)).add_edge(START, "sub")
    graph = vcr.wrap_graph(outer.compile(checkpointer=InMemorySaver()))
    results = [graph.invoke({"word": word}, THREAD) for word in "abc"]
    player = load()
    assert results[-1]["seen"] == 3
    assert ran_at(player, graph, ran, from_frame=len(player) - 1) == ({"count": 1}, results[-1])


def test_each_interrupt_of_a_node_gets_its_own_answer(vcr, load, ran):
    builder = chain(ask=asks(ran, "ask", "first?", "second?"))
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    graph.invoke(Command(resume="A"), THREAD)
    result = graph.invoke(Command(resume="B"), THREAD)
    assert result["log"] == ["A", "B"]
    assert ran_at(load(), graph, ran, from_frame=2) == ({"ask": 1}, result)


def test_an_answer_that_a_served_step_took_is_not_given_to_the_next(vcr, load, ran):
    inner = chain(first=asks(ran, "first", "first?"), second=asks(ran, "second", "second?")).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    graph.invoke(Command(resume="A"), THREAD)
    result = graph.invoke(Command(resume="B"), THREAD)
    player = load()
    live, stopped = ran_at(player, graph, ran, from_frame=index_of(player, "second", "interrupt"))
    assert live == {"second": 1}
    assert [found.value for found in stopped["__interrupt__"]] == ["second?"]
    assert ran_at(player, graph, ran, from_frame=index_of(player, "second")) == ({"second": 1}, result)


def test_a_subgraph_that_was_left_may_not_hold_other_steps(vcr, load, ran):
    answered_subgraph(vcr, ran)
    player = load()
    changed = chain(new=ran.node("new"), ask=asks(ran, "ask", "sure?")).compile()
    ran.clear()
    missed = run_again(player, chain(sub=changed).compile(checkpointer=InMemorySaver()), ResumeConfig(from_frame=3))
    assert isinstance(missed.error, DivergenceError)
    assert ran["new"] == 0


# -- what a program did to a thread between two calls ------------------------------------------------------------------


def plan_and_act(**options):
    def act(state):
        return {"log": [f"did {state['log'][-1]}"]}

    return chain(plan=lambda state: {"log": ["delete all"]}, act=act).compile(checkpointer=InMemorySaver(), **options)


@pytest.mark.parametrize("sync", [True, False])
def test_a_correction_of_the_state_is_repeated(vcr, load, sync):
    graph = vcr.wrap_graph(plan_and_act(interrupt_before=["act"]))

    async def correct():
        await graph.ainvoke(ASKED, THREAD)
        await graph.aupdate_state(THREAD, {"log": ["delete one"]})
        return await graph.ainvoke(None, THREAD)

    if sync:
        graph.invoke(ASKED, THREAD)
        graph.update_state(THREAD, {"log": ["delete one"]})
        result = graph.invoke(None, THREAD)
    else:
        result = asyncio.run(correct())
    player, kept = load(), graph.get_state(THREAD)
    assert result["log"] == ["delete all", "delete one", "did delete one"]
    for config in ({"from_frame": 1}, {"from_frame": 2}, {"mode": "replay"}):
        resumed = resume(player, graph, **config)
        assert resumed.result == result
        fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
        assert resume(fork, graph, mode="replay").result == result
    edited = resume(player, graph, from_frame=1, state_overrides={"log": ["delete two"]})
    assert edited.result["log"] == ["delete two", "did delete two"]
    assert graph.get_state(THREAD) == kept  # the recorded thread is as it was


def test_a_corrected_message_keeps_its_id(vcr, load):
    builder = StateGraph(MessagesState).add_node("hear", lambda state: {"messages": [("ai", "heard")]})
    builder.add_node("answer", lambda state: {"messages": [("ai", f"{len(state['messages'])} messages")]})
    builder.add_edge(START, "hear").add_edge("hear", "answer")
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver(), interrupt_before=["answer"]))
    graph.invoke({"messages": [HumanMessage("hi")]}, THREAD)
    graph.update_state(THREAD, {"messages": [HumanMessage("and more")]})
    result = graph.invoke(None, THREAD)
    replayed = run_again(load(), graph, REPLAY)
    assert (replayed.error, replayed.result) == (None, result)


def test_a_thread_that_begins_with_a_correction_is_replayed(vcr, load):
    graph = vcr.wrap_graph(plan_and_act())
    graph.update_state(THREAD, {"log": ["from before"]})
    result = graph.invoke({"log": ["asked"]}, THREAD)
    player = load()
    assert result["log"][:2] == ["from before", "asked"]
    for config in ({"from_frame": 0}, {"mode": "replay"}):
        assert resume(player, graph, **config).result == result


@pytest.mark.parametrize("sync", [True, False])
def test_a_call_from_an_old_checkpoint_is_repeated(vcr, load, sync):
    graph = vcr.wrap_graph(plan_and_act())

    async def travel():
        await graph.ainvoke(ASKED, THREAD)
        before = [found async for found in graph.aget_state_history(THREAD) if found.next == ("act",)]
        await graph.ainvoke({"log": ["another turn"]}, THREAD)
        return await graph.ainvoke(None, before[0].config)

    if sync:
        graph.invoke(ASKED, THREAD)
        before = next(found for found in graph.get_state_history(THREAD) if found.next == ("act",))
        graph.invoke({"log": ["another turn"]}, THREAD)
        result = graph.invoke(None, before.config)
    else:
        result = asyncio.run(travel())
    player = load()
    assert len(result["log"]) == 2
    for config in ({"from_frame": len(player) - 1}, {"from_frame": len(player)}, {"mode": "replay"}):
        resumed = resume(player, graph, **config)
        assert resumed.result == result
        fork = VCRPlayer.load_by_id(resumed.session_id, player.path.parent)
        assert resume(fork, graph, mode="replay").result == result
    edited = resume(player, graph, from_frame=len(player) - 1, state_overrides={"log": ["other"]})
    assert edited.result["log"] == ["other", "did other"]


def test_a_program_that_reads_and_changes_its_thread_is_replayed_on_its_own(recorder, vcr, load):
    graph = vcr.wrap_graph(plan_and_act(interrupt_before=["act"]))

    def program(asked):
        graph.invoke({"log": [asked]}, THREAD)
        first = graph.get_state(THREAD).config
        graph.update_state(THREAD, {"log": [f"not {graph.get_state(THREAD).values['log'][-1]}"]})
        graph.invoke(None, THREAD)
        graph.invoke(None, first)
        return len(list(graph.get_state_history(THREAD))), graph.get_state(THREAD).values["log"]

    result = recorder.run(program, "asked")
    player, kept = load(), list(graph.get_state_history(THREAD))
    for config in ({"from_frame": 1}, {"from_frame": 2}, {"mode": "replay"}):
        assert resume(player, program, **config).result == result
    assert list(graph.get_state_history(THREAD)) == kept


def test_a_call_may_begin_with_a_step_that_is_skipped_or_mocked(vcr, load, ran):
    builder = chain(ask=asks(ran, "ask", "sure?"), act=ran.node("act"))
    graph = vcr.wrap_graph(builder.compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    graph.invoke(Command(resume="yes"), THREAD)
    player = load()
    mocks = {"ask": {"log": ["mocked"]}}
    assert ran_at(player, graph, ran, from_frame=1, inject_mocks=mocks)[1]["log"] == ["mocked", "act"]
    assert ran_at(player, graph, ran, from_frame=1, skip_nodes=["ask"])[0] == {"act": 1}
    assert ran_at(player, graph, ran, from_frame=1, skip_nodes=["ask", "act"])[0] == {}


def test_a_change_that_was_not_recorded_is_told_at_the_cut(vcr, load):
    plain = plan_and_act(interrupt_before=["act"])
    graph = vcr.wrap_graph(plain)
    graph.invoke(ASKED, THREAD)
    plain.update_state(THREAD, {"log": ["delete one"]}, as_node="plan")
    graph.invoke(None, THREAD)
    player = load()
    for overrides in ({}, {"count": 3}):
        missed = run_again(player, graph, ResumeConfig(from_frame=1, state_overrides=overrides))
        assert isinstance(missed.error, DivergenceError)
        assert missed.error.kind in ("input", "unexpected")


def test_a_call_that_does_not_reach_the_cut_is_told(vcr, load):
    plain = plan_and_act()
    graph = vcr.wrap_graph(plain)
    graph.invoke(ASKED, THREAD)
    plain.update_state(THREAD, None, as_node="plan")  # goes back to before the last node
    graph.invoke(None, THREAD)
    player = load()
    missed = run_again(player, graph, ResumeConfig(from_frame=len(player) - 1))
    assert isinstance(missed.error, DivergenceError)
    assert missed.error.kind == "leftover"


def test_a_checkpoint_from_before_the_recording_is_told(vcr, load):
    plain = plan_and_act()
    plain.invoke(ASKED, THREAD)
    before = next(found for found in plain.get_state_history(THREAD) if found.next == ("act",))
    graph = vcr.wrap_graph(plain)
    graph.invoke(None, before.config)
    missed = run_again(load(), graph, REPLAY)
    assert isinstance(missed.error, LostCheckpointError)


def test_a_change_inside_of_a_subgraph_is_refused(vcr, load, ran):
    inner = chain(ask=asks(ran, "ask", "sure?")).compile()
    graph = vcr.wrap_graph(chain(sub=inner).compile(checkpointer=InMemorySaver()))
    graph.invoke(ASKED, THREAD)
    graph.update_state(graph.get_state(THREAD).tasks[0].state, {"log": ["changed"]})
    graph.invoke(Command(resume="yes"), THREAD)
    player = load()
    assert resume(player, graph, from_frame=0).error is None
    assert isinstance(run_again(player, graph, REPLAY).error, UsageError)


# -- calls at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sync", [True, False])
def test_each_cut_of_calls_that_overlapped_can_be_resumed(vcr, load, ran, sync):
    meeting = asyncio.Event()

    async def wait(state):
        ran.hit("wait")
        if ran["wait"] == 3:
            meeting.set()
        await meeting.wait()
        return {"count": state["count"] + 1}

    def both(state):
        ran.hit("wait")
        return {"count": state["count"] + 1}

    graph = vcr.wrap_graph(chain(wait=both if sync else wait, last=ran.node("last")).compile())
    asked = [{"count": number, "log": []} for number in (10, 20, 30)]
    results = graph.batch(asked) if sync else asyncio.run(graph.abatch(asked))
    player = load()
    for cut in range(len(player) + 1):
        root = player.rows[cut].key.partition("/")[0] if cut < len(player) else "2"
        expected = next(result for result in results if result["count"] == [11, 21, 31][int(root)])
        ran.clear()
        assert resume(player, graph, from_frame=cut).result == expected
    assert ran == {}
