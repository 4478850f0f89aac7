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
from langgraph.errors import GraphBubbleUp

from vcr_core.engine import RunningStep
from vcr_core.engine.scope import Scope, current_scope
from vcr_langgraph.compat import CONFIG_KEY_CALL, set_child_config
from vcr_langgraph.graph_call import GraphCall
from vcr_langgraph.node_step import NodeStep

Function = Callable[..., Any]


def record_tasks(call: GraphCall, config: RunnableConfig) -> RunnableConfig:
    """Return a task's config in which the tasks that it calls are recorded, and make it the current one."""
    plain = config.get("configurable", {}).get(CONFIG_KEY_CALL)
    if plain is None:
        return config

    def recorded(function: Function, *args: Any, **kwargs: Any) -> Any:
        outer = current_scope.get() or call.scope
        with call.driven():
            return plain(_recorded_function(call, outer, function), *args, **kwargs)

    changed: RunnableConfig = {**config, "configurable": {**config.get("configurable", {}), CONFIG_KEY_CALL: recorded}}
    set_child_config(config, changed)
    return changed


def _recorded_function(call: GraphCall, outer: Scope, function: Function) -> Function:
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def arun(*args: Any, **kwargs: Any) -> Any:
            step, running = _begin(call, outer, function, args, kwargs)
            if running is None:
                if step.was_cancelled:
                    await step.step.wait_async()
                return step.serve()
            with running:
                try:
                    output = await function(*step.given["args"], **step.given["kwargs"])
                except GraphBubbleUp as signal:
                    step.bubble(signal)
                    raise
            return step.succeed(output)

        return arun

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        step, running = _begin(call, outer, function, args, kwargs)
        if running is None:
            return step.serve()
        with running:
            try:
                output = function(*step.given["args"], **step.given["kwargs"])
            except GraphBubbleUp as signal:
                step.bubble(signal)
                raise
        return step.succeed(output)

    return run


def _begin(
    call: GraphCall, outer: Scope, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[NodeStep, RunningStep | None]:
    config = get_config()
    scope = Scope(call.run, path=outer.path(None), parent=outer, step=outer.step)
    step = NodeStep(call, None, {"args": list(args), "kwargs": kwargs}, config, scope=scope, function=function)
    running = step.step if isinstance(step.step, RunningStep) else None
    if running is not None:
        record_tasks(call, config)
    return step, running
