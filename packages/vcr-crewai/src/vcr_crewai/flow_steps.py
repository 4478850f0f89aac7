"""Flows: the kickoff is a step, and each method inside it is one, with the state before and after.

Only the method itself is replaced: CrewAI's own bookkeeping (listeners, routers, counts) runs for a served method too.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from contextlib import nullcontext
from typing import Any, cast

from vcr_core.engine import EndedStep, StepCall, current_run
from vcr_crewai.compat import is_executor
from vcr_crewai.executor_scope import hidden_run, seeing_run
from vcr_crewai.recorded_call import Recorded, arun_recorded
from vcr_crewai.run_opening import recorded_entry


def state_of(flow: Any) -> dict[str, Any]:
    """Return a flow's state by field, without the id, which is another one in each run."""
    state: Any = flow._state
    fields = _fields_of(state)
    fields.pop("id", None)
    return fields


def _fields_of(state: Any) -> dict[str, Any]:
    if type(state) is dict:
        return dict(cast("dict[str, Any]", state))
    model: Any = cast("Any", type(state))
    names: list[str] = list(model.model_fields)
    return {name: getattr(state, name) for name in names}


def put_state(flow: Any, fields: dict[str, Any]) -> None:
    """Give a flow's state these fields; its id stays."""
    state: Any = flow._state
    if type(state) is dict:
        held = cast("dict[str, Any]", state)
        kept = {"id": held["id"]} if "id" in held else {}
        held.clear()
        held.update({**fields, **kept})
        return
    for name, value in fields.items():
        setattr(state, name, value)


class MethodCall(Recorded):
    """One execution of a flow's method."""

    def __init__(self, flow: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._flow = flow
        given: dict[str, Any] = {"state": state_of(flow)}
        if args:
            given["args"] = list(args)
        if kwargs:
            given["kwargs"] = dict(kwargs)
        self.args, self.kwargs = args, kwargs
        super().__init__(StepCall(name, "node", given, metadata={"what": "flow method"}))

    def edit(self) -> None:
        """Run with the state and arguments of the step: they are edited at a cut."""
        given = self.call.input
        put_state(self._flow, given["state"])
        self.args, self.kwargs = tuple(given.get("args", ())), given.get("kwargs", {})

    def describe(self, output: Any) -> tuple[Any, dict[str, Any] | None]:
        """Keep the result and the state after it."""
        return {"result": output, "state": state_of(self._flow)}, None

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Put the state that the method left; an edit may be the result alone."""
        if type(output) is not dict:
            return output
        kept = cast("dict[str, Any]", output)
        if set(kept) != {"result", "state"}:
            return kept
        put_state(self._flow, kept["state"])
        return kept["result"]


class FlowCall(Recorded):
    """One kickoff of a flow."""

    def __init__(self, flow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._flow = flow
        inputs = kwargs.get("inputs", args[0] if args else None)
        name = flow.name or type(flow).__name__
        super().__init__(StepCall(name, "node", {"inputs": inputs}, metadata={"what": "flow"}))

    def describe(self, output: Any) -> tuple[Any, dict[str, Any] | None]:
        """Keep the result and the state in the end."""
        return {"result": output, "state": state_of(self._flow)}, None

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Put the state that the flow ended with."""
        put_state(self._flow, output["state"])
        return output["result"]


def tap_method(plain: Any) -> Any:
    """Return ``Flow._execute_method`` with each method a step; the flow inside an agent is none of the person's."""

    @functools.wraps(plain)
    async def execute(self: Any, method_name: Any, method: Any, *args: Any, **kwargs: Any) -> Any:
        if is_executor(self):
            return await plain(self, method_name, seeing_run(method), *args, **kwargs)
        run = current_run()
        if run is None:
            return await plain(self, method_name, method, *args, **kwargs)

        async def recorded_method(*given: Any, **options: Any) -> Any:
            recorded = MethodCall(self, str(method_name), given, options)
            return await arun_recorded(run, recorded, lambda: _call(method, recorded))

        return await plain(self, method_name, recorded_method, *args, **kwargs)

    return execute


async def _call(method: Any, recorded: MethodCall) -> Any:
    """Call a method as CrewAI does: one that is not a coroutine runs in a thread."""
    if inspect.iscoroutinefunction(method):
        return await method(*recorded.args, **recorded.kwargs)
    context = contextvars.copy_context()
    result = await asyncio.to_thread(context.run, method, *recorded.args, **recorded.kwargs)
    return await result if inspect.iscoroutine(result) else result


def tap_flow_kickoff(plain: Any) -> Any:
    """Return ``Flow.kickoff_async``, which ``kickoff`` and ``akickoff`` end in, with each call a step."""

    @functools.wraps(plain)
    async def kickoff_async(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if is_executor(self):
            with hidden_run() if run is not None else nullcontext():
                return await plain(self, *args, **kwargs)
        if self.stream:
            return await plain(self, *args, **kwargs)
        if run is None:
            return await recorded_entry(self, "kickoff_async", plain, args, kwargs)
        return await arun_recorded(run, FlowCall(self, args, kwargs), lambda: plain(self, *args, **kwargs))

    return kickoff_async


def tap_flow_entry(plain: Any) -> Any:
    """Return ``Flow.kickoff``: in a session it begins a run."""

    @functools.wraps(plain)
    def kickoff(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_executor(self) or current_run() is not None:
            return plain(self, *args, **kwargs)
        return recorded_entry(self, "kickoff", plain, args, kwargs)

    return kickoff
