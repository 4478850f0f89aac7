"""The functional API: calls of ``@task`` functions become steps of their own, inside the step that makes them."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config

from vcr_core.engine.scope import Scope, current_scope
from vcr_langgraph.compat import CONFIG_KEY_CALL
from vcr_langgraph.graph_call import GraphCall, calling_scope
from vcr_langgraph.node_step import NodeStep
from vcr_langgraph.served_body import serve, serve_async

Function = Callable[..., Any]


class RecordedCalls:
    """What a task calls other tasks with: each of them is recorded.

    Args:
        call: The call of the graph.
        plain: What LangGraph would call them with.
    """

    __slots__ = ("call", "plain")

    def __init__(self, call: GraphCall, plain: Function) -> None:
        self.call = call
        self.plain = plain

    def __call__(self, function: Function, *args: Any, **kwargs: Any) -> Any:
        """Call a task's function as LangGraph would, recorded."""
        outer = current_scope.get() or self.call.scope
        token = calling_scope.set(outer)
        try:
            with self.call.driven():
                return self.plain(_recorded_function(self.call, outer, function), *args, **kwargs)
        finally:
            calling_scope.reset(token)


def record_tasks(call: GraphCall, config: RunnableConfig) -> None:
    """Have the tasks that a task calls recorded; `config` is that of its attempt, which LangGraph made for it alone."""
    configurable = config.get("configurable", {})
    plain = configurable.get(CONFIG_KEY_CALL)
    if plain is not None:
        # Another attempt begins with what the one before it had.
        plain = plain.plain if isinstance(plain, RecordedCalls) else plain
        configurable[CONFIG_KEY_CALL] = RecordedCalls(call, plain)


def _recorded_function(call: GraphCall, outer: Scope, function: Function) -> Function:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def arun(*args: Any, **kwargs: Any) -> Any:
            step = _begin(call, outer, function, args, kwargs)
            if not step.live:
                return await serve_async(step, None, get_config())
            with step:
                output = await function(*step.given["args"], **step.given["kwargs"])
            return step.succeed(output)

        return arun

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        step = _begin(call, outer, function, args, kwargs)
        if not step.live:
            return serve(step, None, get_config())
        with step:
            output = function(*step.given["args"], **step.given["kwargs"])
        return step.succeed(output)

    return run


def _begin(
    call: GraphCall, outer: Scope, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> NodeStep:
    config = get_config()
    scope = Scope(call.run, path=outer.path(None), parent=outer, step=outer.step)
    step = NodeStep(call, None, {"args": list(args), "kwargs": kwargs}, config, scope=scope, function=function)
    if step.live:
        record_tasks(call, config)
    return step
