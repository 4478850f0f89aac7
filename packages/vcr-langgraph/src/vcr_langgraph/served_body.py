"""What LangGraph has to keep of the inside of a served step, for a later call of the thread to go on from.

A step that an interrupt or an error left is made again by the next call, from the checkpoints of its subgraph, from
what its tasks wrote, and from the answers it was given.  So such a step is not only answered for: its subgraph is
called and its tasks are asked for, with every step in there answered from the tape.  No code of the user's runs but
reducers and routers.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langgraph.pregel import Pregel

from vcr_core.engine import EndedStep
from vcr_core.engine.scope import current_scope
from vcr_core.engine.served_step import ServedStep
from vcr_core.frames import FrameRow
from vcr_langgraph.compat import checkpointer_of, plain_call, skip_call, take_answers
from vcr_langgraph.graph_call import GraphCall
from vcr_langgraph.kept_step import LEFT, KeptStep, inside_served
from vcr_langgraph.node_step import NodeStep, recorded_facts, signal_of
from vcr_langgraph.step_key import KeyParts
from vcr_langgraph.tape_thread import replay_of


def serve(step: NodeStep, bound: Any, config: RunnableConfig) -> Any:
    """Return what a step gave, or raise what it raised, once LangGraph has what it will go on from.

    Args:
        step: The step.
        bound: What would run; its subgraph, if it is one.
        config: Its task's config.
    """
    row = _row_of(step)
    if row is not None and isinstance(bound, Pregel):
        if _is_gone_on_from(row, bound, config):
            with _inside(step.step, row):
                bound.invoke(step.given, config)
    elif row is not None:
        _keep_tasks(step.call, row, config)
        _keep_answers(step.call, row, config)
    return step.serve()


async def serve_async(step: NodeStep, bound: Any, config: RunnableConfig) -> Any:
    """As `serve`, in an event loop."""
    row = _row_of(step)
    if row is not None and isinstance(bound, Pregel):
        if _is_gone_on_from(row, bound, config):
            with _inside(step.step, row):
                await bound.ainvoke(step.given, config)
    elif row is not None:
        await _keep_tasks_async(step.call, row, config)
        _keep_answers(step.call, row, config)
    return await step.serve_async()


def _row_of(step: NodeStep) -> FrameRow | None:
    """Return the frame that a step is served from; None if something else stands for it."""
    tape, index = step.call.run.tape, step.step.index
    if tape is None or index is None or not isinstance(step.step, (ServedStep, KeptStep)) or step.overridden:
        return None
    return tape.rows[index]


def _is_gone_on_from(row: FrameRow, graph: Pregel[Any, Any, Any, Any], config: RunnableConfig) -> bool:
    """True if the thread goes on from the checkpoints of a subgraph."""
    return (row.status in LEFT or graph.checkpointer is True) and checkpointer_of(config) is not None


@contextmanager
def _inside(step: EndedStep, row: FrameRow) -> Generator[None, None, None]:
    """Make the block the inside of a served step; how it ends is for the tape to say."""
    tokens = current_scope.set(step.scope.inside(step.call.key or "", step.call)), inside_served.set(True)
    try:
        yield
    except GraphBubbleUp:
        pass
    except Exception:
        if row.status != "error" or step.run.error is not None:
            raise
    finally:
        current_scope.reset(tokens[0])
        inside_served.reset(tokens[1])


def _keep_answers(call: GraphCall, row: FrameRow, config: RunnableConfig) -> None:
    """Have the answers to interrupts taken that the step took, so that the next ``interrupt`` gets the next one."""
    asked = replay_of(call.run).asked
    namespace = config.get("metadata", {}).get("langgraph_checkpoint_ns", "")
    if row.status == "interrupt" or namespace in asked:
        asked.add(namespace)
        take_answers(config)


# -- tasks that were called from a task ------------------------------------------------------------------------------


def _keep_tasks(call: GraphCall, row: FrameRow, config: RunnableConfig) -> None:
    """Have LangGraph keep what the tasks wrote that a task had called."""
    for inner in _tasks_of(call, row):
        if inner is None:
            skip_call(config)
            continue
        with call.driven():
            future = plain_call(config)(_named(inner, functools.partial(_answer, call, inner)), ((), {}))
        future.exception()  # waits; the step around it ends as the tape says


async def _keep_tasks_async(call: GraphCall, row: FrameRow, config: RunnableConfig) -> None:
    for inner in _tasks_of(call, row):
        if inner is None:
            skip_call(config)
            continue
        with call.driven():
            future = plain_call(config)(_named_async(call, inner), ((), {}))
        await asyncio.gather(future, return_exceptions=True)


def _tasks_of(call: GraphCall, row: FrameRow) -> list[FrameRow | None]:
    """Return the tasks that a step called before it was left, in order; None for one whose end nobody will ask for."""
    tape = call.run.tape
    assert tape is not None
    found: dict[int, FrameRow] = {}
    for index in tape.subtree(row.key or "") if row.status in LEFT else ():
        inner = tape.rows[index]
        parts = KeyParts.of(inner.key, inner.node_name)
        if inner.parent == row.key and parts is not None and parts.call == call.path and tape.serves(index):
            found[int(parts.task.rpartition(".")[2])] = inner  # the last attempt of each
    if not found:
        return []
    first = 0 if (row.key or "").endswith("#0") else min(found)
    every = (found.get(place) for place in range(first, max(found) + 1))
    return [None if inner is None or _has_failed(call, inner) else inner for inner in every]


def _has_failed(call: GraphCall, row: FrameRow) -> bool:
    return row.status in LEFT and row.status != "interrupt" and not _tasks_of(call, row)


def _answer(call: GraphCall, row: FrameRow) -> Any:
    config = get_config()
    _keep_tasks(call, row, config)
    return _outcome(call, row, config)


def _outcome(call: GraphCall, row: FrameRow, config: RunnableConfig) -> Any:
    """Return what a task gave, or raise what it raised."""
    tape = call.run.tape
    assert tape is not None
    _keep_answers(call, row, config)
    output = tape.player.state(row.index)
    if row.status == "interrupt":
        raise signal_of(call.run, recorded_facts(call.run, row.index), config.get("metadata", {}))
    if isinstance(output, BaseException) and row.status in LEFT:
        raise output
    return output


def _named(row: FrameRow, answer: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that LangGraph takes for the task: it goes by the name."""

    def stand_in() -> Any:
        return answer()

    stand_in.__name__ = row.node_name
    return stand_in


def _named_async(call: GraphCall, row: FrameRow) -> Callable[[], Any]:
    async def stand_in() -> Any:
        config = get_config()
        await _keep_tasks_async(call, row, config)
        return _outcome(call, row, config)

    stand_in.__name__ = row.node_name
    return stand_in
