"""Teaches ``VCRPlayer.resume`` to run compiled graphs; found through the entry point ``vcr.agents``."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from langgraph.pregel import Pregel

from vcr_core.engine import Run, agent_name
from vcr_core.engine.scope import Scope, current_scope
from vcr_core.engine.tape import RunLine
from vcr_core.errors import UsageError
from vcr_langgraph.graph_call import opening_step
from vcr_langgraph.integration import recording_graph
from vcr_langgraph.recorded_calls import Call, UpdateLine, calls_again, ended_well, own_call, updates_of
from vcr_langgraph.recorded_types import register_types
from vcr_langgraph.run_opening import ASYNC, plain_config, tasks_are_branches


class LangGraphAgent:
    """Compiled graphs, wrapped or not.

    A recording may hold several calls of one graph (the turns of a conversation, an interrupt and its answer).  All
    calls up to the one that holds the cut are made again, so that the thread is what it was.
    """

    calls_all_runs = True

    def accepts(self, agent: Any) -> bool:
        """True for every compiled graph; for its class too, by which a recording knows it, to say what is missing."""
        return isinstance(agent, Pregel) or (isinstance(agent, type) and issubclass(agent, Pregel))

    def name(self, agent: Any) -> str:
        """Return the name of the graph's class: any compiled graph may stand for the recorded one.

        Raises:
            UsageError: If it is only the class.
        """
        if isinstance(agent, type):
            raise UsageError(
                f"the recording says what was run, a {agent.__name__}, not where it is: name the graph, as in "
                "`vcr resume SESSION module:graph`"
            )
        return agent_name(agent)

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Make the recorded calls again, with the recorded input and the plain part of the recorded config."""
        again = _Again(agent, given, run)
        if again.in_loop:
            return asyncio.run(_acall_in_loop(again))
        for together in again.calls:
            with _no_branches():
                again.make(together)
        return again.result()

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """As `call`, in an event loop."""
        return await _acall(_Again(agent, given, run))


async def _acall_in_loop(again: _Again) -> Any:
    with tasks_are_branches():
        return await _acall(again)


async def _acall(again: _Again) -> Any:
    for together in again.calls:
        with _no_branches():
            await again.amake(together)
    return again.result()


class _Again:
    """The recorded calls of one run, made again.

    Args:
        agent: The graph.
        given: What it is called with, where the recording holds no other calls.
        run: The run.

    Attributes:
        calls: What is to be made, in order; those of one list overlapped when they were recorded, and do so again.
        in_loop: True if one of them was made in an event loop.
    """

    def __init__(self, agent: Any, given: Any, run: Run) -> None:
        register_types()
        self._graph = recording_graph(agent, getattr(agent, "vcr_recorder", None))
        self._run = run
        self.calls = calls_again(run, given)
        self._own = own_call(self.calls, run.tape)
        self._result: Any = None
        self.in_loop = any(
            call.in_loop if isinstance(call, UpdateLine) else call.input["kwargs"].get(ASYNC)
            for together in self.calls
            for call in together
        )

    def make(self, together: list[Call]) -> None:
        """Make calls that overlapped, each but a single one in a thread of its own."""
        if len(together) == 1:
            self._make_one(together[0])
            return
        with ThreadPoolExecutor(len(together)) as pool:
            made = [pool.submit(contextvars.copy_context().run, self._make_one, call) for call in together]
        for future in made:
            future.result()

    async def amake(self, together: list[Call]) -> None:
        """As `make`, in tasks of the running event loop."""
        if len(together) == 1:
            await self._amake_one(together[0])
            return
        made = await asyncio.gather(*map(self._amake_one, together), return_exceptions=True)
        for outcome in made:
            if outcome is not None:
                raise outcome

    def _make_one(self, call: Call) -> None:
        with _scope_of(self._run, call):
            if isinstance(call, UpdateLine):
                self._graph.bulk_update_state(*updates_of(call))
                return
            args, kwargs = _arguments(call.input)
            try:
                self._keep(call, self._graph.invoke(*args, **kwargs))
            except Exception as error:
                self._go_on_after(error, call)

    async def _amake_one(self, call: Call) -> None:
        with _scope_of(self._run, call):
            if isinstance(call, UpdateLine):
                await self._graph.abulk_update_state(*updates_of(call))
                return
            args, kwargs = _arguments(call.input)
            try:
                self._keep(call, await self._graph.ainvoke(*args, **kwargs))
            except Exception as error:
                self._go_on_after(error, call)

    def _keep(self, call: RunLine, result: Any) -> None:
        if call is self._own:
            self._result = result

    def _go_on_after(self, error: Exception, call: RunLine) -> None:
        """Raise what a call raised, unless the recorded one raised too and the program went on after it."""
        run = self._run
        if call is self._own or run.error is not None or call.root in ended_well(run.tape):
            raise error

    def result(self) -> Any:
        """Return what the call gave that holds the cut.

        Raises:
            DivergenceError: If nothing of it was asked for: its thread is not what it was.
        """
        run, row = self._run, opening_step(self._run)
        stood_for = run.config.skip_nodes or run.config.inject_mocks
        if row is not None and row.key is not None and run.live_steps == 0 and not stood_for:
            raise run.diverged("leftover", row.key, name=row.node_name, frame=row.index)
        return self._result


@contextmanager
def _no_branches() -> Generator[None, None, None]:
    """Have threads and tasks in the block be no branches of the run: each makes a call with a root of its own."""
    token = current_scope.set(None)
    try:
        yield
    finally:
        current_scope.reset(token)


@contextmanager
def _scope_of(run: Run, call: Call) -> Generator[None, None, None]:
    """Make a recorded call's own root the scope of what it does."""
    root = None if isinstance(call, UpdateLine) else call.root
    token = current_scope.set(run.scope if root in (None, run.scope.path(None)) else Scope(run, path=root))
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
