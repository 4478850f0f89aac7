"""A wrapped graph gives what the plain one gives: results, drawings, and the same events in every mode."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import StreamWriter

from vcr_core import VCRRecorder
from vcr_langgraph import VCRLangGraph

ASKED = {"count": 0, "log": []}
MODES = ["values", "updates", "custom", "messages", "tasks", "debug", "checkpoints"]
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00")


def normal(event):
    text = json.dumps(event, default=repr, sort_keys=True)
    text = _TIME.sub("T", _UUID.sub("U", text))
    return text.replace(", id='U'", "")  # whether the reducer gave the id before or after the event was read is chance


def talking_builder(graphs):
    """Adds a node that writes custom data and calls a model to the usual graph."""
    builder = graphs.builder()

    def talk(state, writer: StreamWriter):
        writer({"talking": True})
        GenericFakeChatModel(messages=iter([AIMessage("direct words")])).invoke("hi")
        made = graphs.agent().invoke({"messages": [("user", "hello")]})
        return {"log": [made["messages"][-1].content]}

    builder.add_node("talk", talk).add_edge("draft", "talk")
    return builder


def compiled(graphs, **options):
    return talking_builder(graphs).compile(checkpointer=InMemorySaver(), **options)


@pytest.mark.parametrize("subgraphs", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_streams_of_every_mode_are_the_same(graphs, vcr, mode, subgraphs):
    config = {"configurable": {"thread_id": "t"}}
    options = {"stream_mode": mode, "subgraphs": subgraphs}
    plain = Counter(map(normal, compiled(graphs).stream(ASKED, config, **options)))
    wrapped = Counter(map(normal, vcr.wrap_graph(compiled(graphs)).stream(ASKED, config, **options)))
    assert wrapped == plain
    assert plain


@pytest.mark.parametrize("subgraphs", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_asynchronous_streams_of_every_mode_are_the_same(graphs, vcr, mode, subgraphs):
    if sys.version_info < (3, 11) and mode in ("custom", "messages"):
        pytest.skip("LangGraph's asynchronous code has no such streams below Python 3.11")
    config = {"configurable": {"thread_id": "t"}}

    async def gather(graph):
        return Counter([normal(e) async for e in graph.astream(ASKED, config, stream_mode=mode, subgraphs=subgraphs)])

    plain = asyncio.run(gather(compiled(graphs)))
    assert asyncio.run(gather(vcr.wrap_graph(compiled(graphs)))) == plain
    assert plain


def test_event_streams_are_the_same(graphs, vcr):
    async def gather(graph):
        found = Counter()
        config = {"configurable": {"thread_id": "t"}}
        async for event in graph.astream_events(ASKED, config, version="v2"):
            found[normal([event["event"], event["name"], event["tags"], event["metadata"], event["data"]])] += 1
        return found

    assert asyncio.run(gather(vcr.wrap_graph(compiled(graphs)))) == asyncio.run(gather(compiled(graphs)))


def test_results_states_and_drawings_are_the_same(graphs, vcr):
    plain, wrapped = compiled(graphs), vcr.wrap_graph(compiled(graphs))
    config = {"configurable": {"thread_id": "t"}}
    assert wrapped.invoke(ASKED, config) == plain.invoke(ASKED, config)
    assert wrapped.get_state(config).values == plain.get_state(config).values
    assert type(wrapped).__name__ == type(plain).__name__
    assert isinstance(wrapped, type(plain))
    for xray in (False, True):
        assert wrapped.get_graph(xray=xray).draw_mermaid() == plain.get_graph(xray=xray).draw_mermaid()
        assert wrapped.get_graph(xray=xray).to_json() == plain.get_graph(xray=xray).to_json()
    assert [name for name, _ in wrapped.get_subgraphs()] == [name for name, _ in plain.get_subgraphs()]


def test_the_original_records_nothing_and_wrapping_twice_records_once(ran, graphs, vcr, load):
    plain = graphs.builder().compile()
    wrapped = vcr.wrap_graph(plain)
    assert vcr.wrap_graph(wrapped) is wrapped
    plain.invoke(ASKED)
    assert len(load()) == 0
    wrapped.invoke(ASKED)
    once = len(load())
    assert once == sum(ran.values()) / 2 + ran["draft"] / 2  # each node once, and the subgraph's own frames
    vcr.wrap_graph(wrapped).invoke(ASKED)
    assert len(load()) == 2 * once


def test_a_graph_wrapped_for_two_recorders_records_for_the_last(graphs, vcr, tmp_path, load):
    with VCRRecorder(tmp_path / "other") as other:
        twice = VCRLangGraph(other).wrap_graph(vcr.wrap_graph(graphs.builder().compile()))
        twice.invoke(ASKED)
        assert other.frame_count > 0
    assert len(load()) == 0


def test_a_wrapped_builder_and_its_original_go_their_own_ways(graphs, vcr):
    builder = graphs.builder()
    wrapped = vcr.wrap_graph(builder)
    before = {name: set(part) for name, part in vars(builder).items() if isinstance(part, (dict, set))}
    wrapped.add_node("more", lambda state: {}).add_edge("left", "more").add_edge(["left", "more"], "right")

    def go_on(state):
        return "more"

    wrapped.add_conditional_edges("judge", go_on, ["more"])
    assert {name: set(part) for name, part in vars(builder).items() if isinstance(part, (dict, set))} == before
    assert len(builder.branches["judge"]) == 1
    builder.add_node("other", lambda state: {}).add_edge("judge", "other")
    assert "other" not in wrapped.nodes
    assert wrapped.compile().nodes["more"]


def test_a_wrapped_builder_compiles_to_a_recording_graph(graphs, vcr, load):
    builder = graphs.builder()
    wrapped = vcr.wrap_graph(builder)
    assert isinstance(wrapped, StateGraph)
    assert wrapped.compile().invoke(ASKED) == builder.compile().invoke(ASKED)
    assert len(load()) > 0


def test_configured_copies_go_on_recording(graphs, vcr, load):
    vcr.wrap_graph(graphs.builder().compile()).with_config(tags=["x"]).invoke(ASKED)
    assert len(load()) > 0


def test_state_is_read_and_updated_as_before(graphs, vcr):
    config = {"configurable": {"thread_id": "t"}}
    plain = graphs.builder().compile(checkpointer=InMemorySaver())
    wrapped = vcr.wrap_graph(graphs.builder().compile(checkpointer=InMemorySaver()))
    for graph in (plain, wrapped):
        graph.invoke(ASKED, config)
        graph.update_state(config, {"log": ["by hand"]}, as_node="draft")
    assert wrapped.get_state(config).values == plain.get_state(config).values
    assert wrapped.get_state(config).next == plain.get_state(config).next


def test_what_a_node_caches_is_found_by_the_plain_graph_too(vcr):
    from langgraph.types import CachePolicy

    calls = []

    def slow(state):
        calls.append(1)
        return {"count": 1}

    cache = InMemoryCache()
    builder = StateGraph(dict).add_node("slow", slow, cache_policy=CachePolicy()).add_edge(START, "slow")
    vcr.wrap_graph(builder.compile(cache=cache)).invoke({"count": 0})
    builder.compile(cache=cache).invoke({"count": 0})
    assert len(calls) == 1


def test_any_runnable_may_be_a_node(vcr, load):
    chain = RunnableLambda(lambda s: s) | RunnableLambda(lambda s: {"count": s["count"] + 1})
    graph = StateGraph(dict).add_node("chain", chain).add_edge(START, "chain").compile()
    assert vcr.wrap_graph(graph).invoke({"count": 1}) == {"count": 2}
    assert load().list_nodes() == ["chain"]


def test_wrapping_something_else_is_refused(vcr):
    from vcr_core.errors import UsageError

    with pytest.raises(UsageError, match="wrap_node"):
        vcr.wrap_graph(lambda state: state)
