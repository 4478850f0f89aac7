"""`VCRCheckpointSaver`: LangGraph's own conformance suite, other processes, and values of every type."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import enum
import itertools
import operator
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel

from vcr_core import ResumeConfig, VCRPlayer
from vcr_core.engine import run_again
from vcr_langgraph import VCRCheckpointSaver
from vcr_langgraph.checkpoint_log import DamagedCheckpointError, DamagedCheckpointWarning
from vcr_langgraph.checkpoint_values import VCRSerializer
from vcr_langgraph.node_update import describe_update, restore_update


class Reopening(BaseCheckpointSaver):
    """Opens the file anew for each call, so that nothing but the file is remembered."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def saver(self):
        return VCRCheckpointSaver(self.path)

    async def aget_tuple(self, config):
        return await self.saver().aget_tuple(config)

    async def alist(self, config, **options):
        async for found in self.saver().alist(config, **options):
            yield found

    async def aput(self, *arguments):
        return await self.saver().aput(*arguments)

    async def aput_writes(self, *arguments, **options):
        await self.saver().aput_writes(*arguments, **options)

    async def adelete_thread(self, thread_id):
        await self.saver().adelete_thread(thread_id)

    async def acopy_thread(self, source, target):
        await self.saver().acopy_thread(source, target)

    async def aprune(self, thread_ids, **options):
        await self.saver().aprune(thread_ids, **options)

    async def adelete_for_runs(self, run_ids):
        await self.saver().adelete_for_runs(run_ids)


@pytest.mark.parametrize("make", [VCRCheckpointSaver, Reopening])
def test_every_check_of_the_conformance_suite_passes(tmp_path, make):
    numbers = itertools.count()

    @checkpointer_test(name="vcr")
    async def saver():
        yield make(tmp_path / f"{next(numbers)}.vcr")

    report = asyncio.run(validate(saver))
    passed = sum(found.tests_passed for found in report.results.values())
    failed = {name: found.failures for name, found in report.results.items() if found.failures}
    skipped = [name for name, found in report.results.items() if not found.detected]
    assert (failed, skipped) == ({}, [])
    assert passed >= 81


PROGRAM = """
    import operator, sys
    from typing import Annotated, TypedDict
    from langgraph.graph import START, StateGraph
    from langgraph.types import Command, interrupt
    from vcr_core import VCRRecorder
    from vcr_langgraph import VCRCheckpointSaver, VCRLangGraph

    class State(TypedDict):
        log: Annotated[list, operator.add]

    builder = StateGraph(State)
    for name in ("left", "right"):
        builder.add_node(name, lambda state, name=name: {"log": [name]}).add_edge(START, name)
    builder.add_node("middle", lambda state: {"log": [interrupt("go on?")]})
    builder.add_node("join", lambda state: {"log": ["join"]})
    builder.add_edge("left", "middle").add_edge(["middle", "right"], "join")
    graph = builder.compile(checkpointer=VCRCheckpointSaver(sys.argv[1]))
    if sys.argv[3] == "recorded":
        graph = VCRLangGraph(VCRRecorder(sys.argv[1] + "-runs")).wrap_graph(graph)
    given = {"log": []} if sys.argv[2] == "first" else Command(resume="yes")
    print(graph.invoke(given, {"configurable": {"thread_id": "t"}})["log"], flush=True)
    import os
    os._exit(0)
"""


@pytest.mark.parametrize("how", ["plain", "recorded"])
def test_a_list_join_resumes_to_the_right_end_in_a_fresh_process(tmp_path, how):
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM))

    def run(turn):
        command = [sys.executable, str(program), str(tmp_path / "threads.vcr"), turn, how]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    assert run("first") == "['left', 'right']"
    assert run("second") == "['left', 'right', 'yes', 'join']"


def test_two_savers_of_one_file_see_each_other(tmp_path):
    class State(TypedDict):
        log: Annotated[list, operator.add]

    builder = StateGraph(State).add_node("say", lambda s: {"log": ["said"]}).add_edge(START, "say")
    config = {"configurable": {"thread_id": "t"}}
    one, two = (builder.compile(checkpointer=VCRCheckpointSaver(tmp_path / "t.vcr")) for _ in range(2))
    one.invoke({"log": ["a"]}, config)
    two.invoke({"log": ["b"]}, config)
    assert one.get_state(config).values["log"] == ["a", "said", "b", "said"]
    assert len(list(one.get_state_history(config))) == len(list(two.get_state_history(config))) == 6


def test_the_file_is_sealed_like_any_recording(tmp_path):
    saver = VCRCheckpointSaver(tmp_path / "t.vcr")
    builder = StateGraph(dict).add_node("ask", lambda s: {"x": interrupt("?")}).add_edge(START, "ask")
    builder.compile(checkpointer=saver).invoke({"x": 1}, {"configurable": {"thread_id": "t"}})
    assert VCRPlayer.load(tmp_path / "t.vcr").verify(finished=False).ok
    content = (tmp_path / "t.vcr").read_bytes()
    (tmp_path / "t.vcr").write_bytes(content.replace(b'"x":1', b'"x":2', 1))
    assert not VCRPlayer.load(tmp_path / "t.vcr").verify(finished=False).ok


class Turns:
    """A file with two threads of one turn each; what a node of them said is in the lines of its thread only."""

    def __init__(self, path):
        self.path = path
        builder = StateGraph(dict).add_node("say", lambda state: {"said": f"said to {state['name']}"})
        self.builder = builder.add_edge(START, "say")
        with contextlib.closing(VCRCheckpointSaver(path)) as saver:
            for name in ("ann", "bob"):
                self.builder.compile(checkpointer=saver).invoke({"name": name}, self.config(name))

    @staticmethod
    def config(name):
        return {"configurable": {"thread_id": name}}

    def damage(self, name, mark, by):
        """Overwrite a part of the second checkpoint of a thread: the third, and last, leans on it."""
        lines = self.path.read_bytes().split(b"\n")
        puts = [number for number, line in enumerate(lines) if b"checkpoint:put" in line and name in line]
        assert mark in lines[puts[1]]
        lines[puts[1]] = lines[puts[1]].replace(mark, by * len(mark), 1)
        self.path.write_bytes(b"\n".join(lines))

    def open(self):
        return self.builder.compile(checkpointer=VCRCheckpointSaver(self.path))


@pytest.mark.parametrize("by", [b'"', b"}"])
def test_a_damaged_line_leaves_the_other_threads_as_they_are(tmp_path, by):
    turns = Turns(tmp_path / "t.vcr")
    turns.damage(b'"ann"', b'":', by)
    with pytest.warns(DamagedCheckpointWarning, match="vcr verify") as told:
        graph = turns.open()
    assert len(told) == 1
    assert graph.get_state(turns.config("bob")).values == {"said": "said to bob"}
    with pytest.raises(DamagedCheckpointError, match="thread 'ann'") as raised:
        graph.get_state(turns.config("ann"))
    assert pickle.loads(pickle.dumps(raised.value)).thread == "ann"  # made here


def test_a_damaged_value_leaves_the_other_threads_as_they_are(tmp_path):
    turns = Turns(tmp_path / "t.vcr")
    turns.damage(b'"ann"', b"channel_versions", b"\xff")
    graph = turns.open()
    assert graph.get_state(turns.config("bob")).values == {"said": "said to bob"}
    assert graph.get_state(turns.config("ann")).values == {"said": "said to ann"}
    with pytest.raises(DamagedCheckpointError):
        list(graph.get_state_history(turns.config("ann")))


def test_a_line_that_was_torn_off_is_no_damage(tmp_path):
    turns = Turns(tmp_path / "t.vcr")
    turns.path.write_bytes(turns.path.read_bytes()[:-20])
    graph = turns.open()
    assert graph.invoke({"name": "cat"}, turns.config("cat")) == {"said": "said to cat"}
    assert turns.open().get_state(turns.config("cat")).values == {"said": "said to cat"}


class Colour(enum.Enum):
    RED = "red"


class Form(BaseModel):
    name: str
    when: datetime.datetime


@dataclass
class Point:
    x: int
    tags: set


NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
VALUES: list[Any] = [
    HumanMessage("hi", id="1", name="me"),
    AIMessage(
        "",
        id="2",
        tool_calls=[{"name": "f", "args": {"a": [1]}, "id": "c", "type": "tool_call"}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model_name": "m"},
    ),
    AIMessage([{"type": "text", "text": "blocks"}], additional_kwargs={"k": 1}),
    AIMessageChunk("part", tool_call_chunks=[{"name": "f", "args": "{", "id": "c", "index": 0}]),
    SystemMessage("be brief"),
    ToolMessage("found", tool_call_id="c", artifact={"raw": b"\x00"}, status="error"),
    FunctionMessage("old", name="f"),
    ChatMessage("any", role="critic"),
    RemoveMessage(id="1"),
    Document("text", metadata={"page": 1}),
    Command(update={"x": (1, 2)}, goto="next", graph=Command.PARENT),
    Command(resume={"answer": [Colour.RED]}),
    Form(name="n", when=NOW),
    Point(1, {"a", "b"}),
    Colour.RED,
    NOW,
    datetime.date(2026, 1, 2),
    datetime.timedelta(seconds=3),
    {1, 2},
    frozenset({"a"}),
    (1, ("two", 3.0)),
    b"\x00\xff",
    {"nested": [{"tuple": (b"x", NOW)}]},
    {1: "int key"},
    float("inf"),
    None,
    2**80,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_of_every_type_come_back_as_they_were(value):
    serializer = VCRSerializer()
    back = serializer.loads_typed(serializer.dumps_typed(value))
    assert type(back) is type(value)
    assert back == value


@pytest.mark.parametrize("value", [Send("work", {"x": (1, 2)}), [Send("a", 1), Send("b", HumanMessage("hi", id="1"))]])
def test_sends_come_back_as_they_were(value):
    serializer = VCRSerializer()
    back = serializer.loads_typed(serializer.dumps_typed(value))
    assert back == value
    command = Command(goto=value, update={"x": 1})
    assert restore_update(describe_update(command, {}), {}) == command


def test_values_of_every_type_are_served_as_they_were(vcr, load):
    class State(TypedDict):
        values: Annotated[list, operator.add]
        kept: list

    builder = StateGraph(State)
    builder.add_node("make", lambda state: {"values": list(VALUES), "kept": list(VALUES)})
    builder.add_node("end", lambda state: {"values": []})
    graph = vcr.wrap_graph(builder.add_edge(START, "make").add_edge("make", "end").compile())
    result = graph.invoke({"values": [], "kept": []})
    replayed = run_again(load(), graph, ResumeConfig(mode="replay"))
    assert replayed.error is None
    assert replayed.result == result
    assert [type(value) for value in replayed.result["kept"]] == [type(value) for value in VALUES]
