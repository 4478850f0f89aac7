"""Graphs that the tests record, and the counts of what really ran in them."""

from __future__ import annotations

import json
import operator
import threading
from collections import Counter
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool as langchain_tool
from langgraph.graph import END, START, StateGraph

from vcr_core import VCRPlayer, VCRRecorder
from vcr_langgraph import VCRLangGraph


class State(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]
    secret_note: str


class Asked(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]


class Answer(TypedDict, total=False):
    count: int


class Ran(Counter):
    """How often each node, model or tool really ran."""

    lock = threading.Lock()

    def hit(self, name):
        with self.lock:
            self[name] += 1

    def node(self, name, **update):
        def run(state):
            self.hit(name)
            made = {"log": [name], **update}
            if name in ("draft", "inner_one", "inner_two", "judge"):
                made["count"] = state.get("count", 0) + 1
            return made

        run.__name__ = name
        return run


@pytest.fixture
def ran():
    return Ran()


def make_builder(ran, *, sync=True):
    """A loop around a subgraph, two parallel nodes and a list join; `secret_note` is in no schema but the state's."""
    node = ran.node if sync else lambda name, **update: as_async(ran.node(name, **update))
    inner = StateGraph(State)
    inner.add_node("inner_one", node("inner_one")).add_node("inner_two", node("inner_two"))
    inner.add_edge(START, "inner_one").add_edge("inner_one", "inner_two")
    builder = StateGraph(State, input_schema=Asked, output_schema=Answer)
    builder.add_node("draft", node("draft", secret_note="kept"))
    builder.add_node("sub", inner.compile(name="inner"))
    for name in ("left", "right", "judge"):
        builder.add_node(name, node(name))
    builder.add_edge(START, "draft").add_edge("draft", "sub").add_edge("sub", "left").add_edge("sub", "right")
    builder.add_edge(["left", "right"], "judge")
    builder.add_conditional_edges("judge", lambda state: "draft" if state["count"] < 8 else END, ["draft", END])
    return builder


def as_async(function):
    async def run(state):
        return function(state)

    run.__name__ = function.__name__
    return run


class CountingModel(GenericFakeChatModel):
    ran: Any

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[tool.name for tool in tools])

    def _generate(self, *args, **kwargs):
        self.ran.hit("llm")
        return super()._generate(*args, **kwargs)

    def _stream(self, *args, **kwargs):
        self.ran.hit("llm")
        message = next(self.messages)
        facts = {"usage_metadata": message.usage_metadata, "response_metadata": message.response_metadata}
        calls = [
            {"name": c["name"], "args": json.dumps(c["args"]), "id": c["id"], "index": i}
            for i, c in enumerate(message.tool_calls)
        ]
        for word in message.content.split():
            yield ChatGenerationChunk(message=AIMessageChunk(f"{word} "))
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=calls, **facts))


def answers():
    facts = {
        "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
        "response_metadata": {"model_name": "fake-1"},
    }
    two = [{"name": "search", "args": {"query": q}, "id": f"call-{q}"} for q in ("a", "b")]
    yield AIMessage("", tool_calls=two, **facts)
    yield AIMessage("", tool_calls=[{"name": "search", "args": {"query": "c"}, "id": "call-c"}], **facts)
    yield AIMessage("all found", **facts)


def make_agent(ran, *, skip=0, **options):
    from langchain.agents import create_agent

    @langchain_tool
    def search(query: str) -> str:
        """Look something up."""
        ran.hit("tool")
        return f"found {query}"

    messages = answers()
    for _ in range(skip):
        next(messages)
    return create_agent(CountingModel(messages=messages, ran=ran), [search], system_prompt="Be brief.", **options)


@pytest.fixture
def recorder(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        yield recorder


@pytest.fixture
def vcr(recorder):
    return VCRLangGraph(recorder)


@pytest.fixture
def load(recorder):
    def load():
        recorder.save()
        return VCRPlayer.load(recorder.path)

    return load


class Graphs:
    """Builders of the graphs, with fresh models; what runs in them is counted."""

    def __init__(self, ran):
        self.ran = ran

    def builder(self, **options):
        return make_builder(self.ran, **options)

    def agent(self, **options):
        return make_agent(self.ran, **options)


@pytest.fixture
def graphs(ran):
    return Graphs(ran)
