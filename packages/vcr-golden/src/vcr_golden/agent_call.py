"""Calling an agent with the input that was recorded, or with another one."""

from __future__ import annotations

import functools
from typing import Any

from vcr_core import DivergenceError, UsageError
from vcr_core.diff import first_difference
from vcr_core.engine.agents import PlainAgent, kind_of_agent
from vcr_core.engine.entry import is_async
from vcr_golden.run_lines import RunLines
from vcr_golden.wire import PackedInputs


def input_difference(lines: RunLines, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Any, Any] | None:
    """Return where the arguments given differ from the recorded ones: pointer, recorded, now; None if they do not."""
    inputs = PackedInputs()
    now = inputs.wire({"args": list(args), "kwargs": kwargs})
    if inputs.equal(lines.input, now):
        return None
    return first_difference(lines.input, now)


def refuse_new_input(lines: RunLines, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """See that the arguments given are the recorded ones.

    Raises:
        DivergenceError: If they are not.
    """
    difference = input_difference(lines, args, kwargs)
    if difference is not None:
        path, recorded, now = difference
        raise DivergenceError("input", f"the call of {lines.agent}", path=path, expected=recorded, actual=now)


def with_input(agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the agent as something that ignores what it is called with and takes these arguments instead.

    Raises:
        UsageError: If it is not a plain callable.
    """
    if not isinstance(kind_of_agent(agent), PlainAgent):
        raise UsageError("a new input can only be given to a plain function: wrap the graph or crew in one")
    if is_async(agent):

        async def call_async(*_: Any, **__: Any) -> Any:
            return await agent(*args, **kwargs)

        return _named_like(call_async, agent)

    def call(*_: Any, **__: Any) -> Any:
        return agent(*args, **kwargs)

    return _named_like(call, agent)


def _named_like(wrapper: Any, agent: Any) -> Any:
    target = agent.func if isinstance(agent, functools.partial) else agent
    if hasattr(target, "__qualname__"):
        functools.update_wrapper(wrapper, target)
        return wrapper
    wrapper.__qualname__ = type(target).__qualname__
    wrapper.__module__ = type(target).__module__
    return wrapper
