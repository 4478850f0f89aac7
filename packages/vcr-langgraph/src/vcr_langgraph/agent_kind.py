"""Teaches ``VCRPlayer.resume`` to run compiled graphs; found through the entry point ``vcr.agents``."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import msgspec
from langgraph.pregel import Pregel

from vcr_core.engine import Run, agent_name
from vcr_core.engine.scope import Scope, current_scope
from vcr_core.engine.tape import RunLine, Tape
from vcr_langgraph.integration import recording_graph
from vcr_langgraph.recorded_types import register_types
from vcr_langgraph.run_opening import ASYNC, plain_config, tasks_are_branches

_SCRIPT = "script"


class LangGraphAgent:
    """Compiled graphs, wrapped or not.

    A recording may hold several calls of one graph (the turns of a conversation, an interrupt and its answer).  All
    calls up to the one that holds the cut are made again, so that the thread is what it was.
    """

    calls_all_runs = True

    def accepts(self, agent: Any) -> bool:
        """True for every compiled graph."""
        return isinstance(agent, Pregel)

    def name(self, agent: Any) -> str:
        """Return the name of the graph's class: any compiled graph may stand for the recorded one."""
        return agent_name(agent)

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Make the recorded calls again, with the recorded input and the plain part of the recorded config."""
        graph = _ready(agent)
        calls = _calls(run, given)
        if any(line.input["kwargs"].get(ASYNC) for line in calls):
            return asyncio.run(self._acall_in_loop(graph, calls, run))
        result: Any = None
        for line in calls:
            args, kwargs = _arguments(line.input)
            with _scope_of(run, line):
                try:
                    result = graph.invoke(*args, **kwargs)
                except Exception as error:
                    _go_on_after(error, line, calls, run)
        return result

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """As `call`, in an event loop."""
        return await self._acalls(_ready(agent), _calls(run, given), run)

    async def _acall_in_loop(self, graph: Any, calls: list[RunLine], run: Run) -> Any:
        with tasks_are_branches():
            return await self._acalls(graph, calls, run)

    async def _acalls(self, graph: Any, calls: list[RunLine], run: Run) -> Any:
        result: Any = None
        for line in calls:
            args, kwargs = _arguments(line.input)
            with _scope_of(run, line):
                try:
                    result = await graph.ainvoke(*args, **kwargs)
                except Exception as error:
                    _go_on_after(error, line, calls, run)
        return result


def _ready(agent: Any) -> Any:
    register_types()
    return recording_graph(agent, getattr(agent, "vcr_recorder", None))


def _calls(run: Run, given: Any) -> list[RunLine]:
    """Return the recorded calls that are to be made again."""
    tape = run.tape
    if tape is None:
        return [RunLine(run.scope.path(None), "", given)]
    lines = _recorded_calls(tape)
    if len(lines) < 2:
        return [RunLine(run.scope.path(None), "", given)]
    if tape.cut < len(tape.rows):
        key = tape.rows[tape.cut].key or ""
        root = key.partition("/")[0]
        roots = [line.root for line in lines]
        lines = lines[: roots.index(root) + 1] if root in roots else lines
    if run.recorder is not None:
        for line in lines:
            again = msgspec.structs.replace(line, kind=_SCRIPT)
            run.recorder.writer.write_line("run", again)
    return lines


def _recorded_calls(tape: Tape) -> list[RunLine]:
    other_lines = getattr(tape.player.source, "other_lines", None)
    if other_lines is None:
        return []
    lines = [msgspec.json.decode(data, type=RunLine) for kind, data in other_lines() if kind == "run"]
    scripted = [line for line in lines if line.kind == _SCRIPT]
    for line in scripted or lines:
        line.input = tape.player.decode(tape.player.expand(line.input))
    return scripted or lines


def _go_on_after(error: Exception, line: RunLine, calls: list[RunLine], run: Run) -> None:
    """Raise what a call raised, unless the recorded one raised too and the program went on after it."""
    if line is calls[-1] or run.error is not None or line.root in _ended_well(run.tape):
        raise error


def _ended_well(tape: Tape | None) -> set[str]:
    """Return the roots of the recorded calls that gave a result."""
    other_lines = getattr(tape.player.source, "other_lines", None) if tape is not None else None
    if other_lines is None:
        return set()
    return {msgspec.json.decode(data)["root"] for kind, data in other_lines() if kind == "result"}


@contextmanager
def _scope_of(run: Run, line: RunLine) -> Generator[None, None, None]:
    """Make a recorded call's own root the scope of what it does."""
    if line.root == run.scope.path(None):
        yield
        return
    token = current_scope.set(Scope(run, path=line.root))
    try:
        yield
    finally:
        current_scope.reset(token)


def _arguments(given: Any) -> tuple[list[Any], dict[str, Any]]:
    args, kwargs = list(given["args"]), dict(given["kwargs"])
    kwargs.pop(ASYNC, None)
    if len(args) > 1:
        kwargs["config"] = args.pop(1)
    if "config" in kwargs:
        kwargs["config"] = plain_config(kwargs["config"])
    return args, kwargs


KIND = LangGraphAgent()
