"""Crews made of scripted models, counters of what really ran, and no network."""

from __future__ import annotations

import os
import pathlib
import socket
import tempfile
import threading
import time
import warnings

import pytest

os.environ["CREWAI_STORAGE_DIR"] = tempfile.mkdtemp(prefix="vcr-crewai-")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # CrewAI's own imports warn; ours do not
    from crewai import Agent, BaseLLM, Crew, Flow, Process, Task
    from crewai.flow.flow import listen, start
    from crewai.tools import BaseTool

    import vcr_crewai  # noqa: F401  # sets the offline switches before crewai is imported

from pydantic import BaseModel

from vcr_core import VCRPlayer, VCRRecorder

COUNTS_LOCK = threading.Lock()
COUNTS = {"llm": 0, "tool": 0}
FAILING = {"on": False}
DELAY = {"llm": 0.0, "tool": 0.0}


HERE = pathlib.Path(__file__).parent


def pytest_collection_modifyitems(items):
    """CrewAI reads its own deprecated fields while it makes agents: that is no warning about this package."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:.*callbacks cannot be serialized:UserWarning"))


def count(what):
    with COUNTS_LOCK:
        COUNTS[what] += 1


def text_of(messages):
    if isinstance(messages, str):
        return messages
    return "\n".join(str(m.get("content")) for m in messages if m.get("role") != "system")


class Adder(BaseTool):
    name: str = "adder"
    description: str = "adds two numbers"

    def _run(self, a: int, b: int) -> str:
        count("tool")
        time.sleep(DELAY["tool"])
        return str(a + b)


class ScriptedLLM(BaseLLM):
    """Answers by what stands in the prompt; counts its tokens as a provider would."""

    def call(self, messages, tools=None, callbacks=None, available_functions=None, **kwargs):
        count("llm")
        time.sleep(DELAY["llm"])
        self._track_token_usage_internal({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
        return self.answer(text_of(messages), tools, messages)

    async def acall(self, messages, *args, **kwargs):
        return self.call(messages, *args, **kwargs)

    def answer(self, text, tools, messages):
        if "compute the sum" in text:
            if "Observation: 3" in text:
                return "Thought: I now know the final answer\nFinal Answer: sum is 3"
            return 'Thought: I need a tool\nAction: adder\nAction Input: {"a": 1, "b": 2}\n'
        if FAILING["on"] is True or (FAILING["on"] and FAILING["on"] in text):
            raise RuntimeError("the model is down")
        seen = "sum is 42" if "sum is 42" in text else "sum is 3" if "sum is 3" in text else "nothing"
        return f"Thought: I now can give a great answer\nFinal Answer: report on {seen}"


class NativeLLM(ScriptedLLM):
    """Calls tools natively."""

    def supports_function_calling(self):
        return True

    def answer(self, text, tools, messages):
        if "compute the sum" in text:
            if any(m.get("role") == "tool" for m in messages):
                return "sum is 3"
            arguments = '{"a": 1, "b": 2}'
            return [{"id": "call_1", "type": "function", "function": {"name": "adder", "arguments": arguments}}]
        return "report on " + ("sum is 42" if "sum is 42" in text else "sum is 3" if "sum is 3" in text else "nothing")


class ManagerLLM(ScriptedLLM):
    """Delegates each task once, then answers with what came back."""

    def answer(self, text, tools, messages):
        if "Observation:" in text:
            seen = text.rpartition("Observation:")[2].strip().splitlines()[0]
            return f"Thought: I now know the final answer\nFinal Answer: managed: {seen}"
        arguments = '{"task": "write about it", "context": "all there is", "coworker": "writer"}'
        return f"Thought: delegate\nAction: delegate_work_to_coworker\nAction Input: {arguments}\n"


def agent(role, llm, **options):
    return Agent(role=role, goal="be exact", backstory="a scripted worker", llm=llm, verbose=False, **options)


def make_crew(llm=ScriptedLLM, *, third=False, **options):
    adder, writer = agent("calculator", llm(model="scripted"), tools=[Adder()]), agent("writer", llm(model="scripted"))
    tasks = [
        Task(name="sum", description="compute the sum for {who}", expected_output="a number", agent=adder),
        Task(name="report", description="write the report", expected_output="a text", agent=writer),
    ]
    if third:
        tasks.append(Task(name="review", description="review it", expected_output="a text", agent=writer))
    return Crew(agents=[adder, writer], tasks=tasks, verbose=False, **options)


def make_managed_crew():
    writer = agent("writer", ScriptedLLM(model="scripted"))
    task = Task(name="managed", description="get it written", expected_output="a text")
    return Crew(
        agents=[writer],
        tasks=[task],
        process=Process.hierarchical,
        manager_llm=ManagerLLM(model="manager"),
        verbose=False,
    )


@pytest.fixture(autouse=True)
def nothing_ran(monkeypatch):
    COUNTS.update(llm=0, tool=0)
    FAILING["on"] = False
    DELAY.update(llm=0.0, tool=0.0)


@pytest.fixture(autouse=True)
def connections(monkeypatch):
    """What tried to leave the machine: any attempt fails, and the test with it."""
    attempts = []

    def refuse(self, address, *args):
        attempts.append(address)
        raise OSError(f"a connection to {address} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    yield attempts
    assert attempts == []


@pytest.fixture
def recorder(tmp_path):
    with VCRRecorder(tmp_path) as made:
        yield made


@pytest.fixture
def play():
    def load(recorder):
        return VCRPlayer.load(recorder.save())

    return load


@pytest.fixture(name="make_crew")
def make_crew_fixture():
    return make_crew


@pytest.fixture
def crews():
    return {"react": make_crew, "native": lambda: make_crew(NativeLLM), "managed": make_managed_crew}


@pytest.fixture
def counts():
    return COUNTS


@pytest.fixture
def failing():
    return FAILING


@pytest.fixture
def delay():
    return DELAY


class Notes(BaseModel):
    found: str = ""
    told: int = 0


class TwoSteps(Flow[Notes]):
    """A crew in the first method, the state in the second."""

    @start()
    def gather(self):
        self.state.found = make_crew().kickoff({"who": "flow"}).raw
        return "gathered"

    @listen(gather)
    async def tell(self, gathered):
        self.state.told += 1
        return f"told: {self.state.found}"


@pytest.fixture
def make_flow():
    return TwoSteps
