"""Calls of LangChain tools inside nodes: each is a step of kind ``tool``.

What the graph injects into a tool (its state, store, runtime) is no part of the recorded arguments.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from typing import Any

from langgraph.errors import GraphBubbleUp

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall
from vcr_langgraph.compat import shown_arguments
from vcr_langgraph.model_calls import recording_run


def begin_tool_call(run: Run, tool: Any, given: Any, options: dict[str, Any]) -> EndedStep:
    """Ask the run what becomes of a call of a tool."""
    shown = shown_arguments(tool, given)
    metadata = {"tool_call_id": options["tool_call_id"]} if options.get("tool_call_id") else None
    arguments = dict(shown) if isinstance(shown, dict) else {"input": shown}
    return run.begin(StepCall(tool.name, "tool", arguments, label=tool.name, metadata=metadata))


def edited_arguments(step: EndedStep, given: Any) -> Any:
    """Return the arguments for a live call, with what was edited."""
    shown = step.call.input
    if isinstance(given, dict):
        return {**given, **shown}
    return shown.get("input", given)


def tap_run(plain: Any) -> Any:
    """Return ``BaseTool.run`` with each call a step."""

    @functools.wraps(plain)
    def run_tool(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        run = recording_run()
        if run is None:
            return plain(self, tool_input, *args, **kwargs)
        step = begin_tool_call(run, self, tool_input, kwargs)
        step.wait()
        if not isinstance(step, RunningStep):
            return step.result()
        signal: GraphBubbleUp | None = None
        output: Any = None
        with step:
            try:
                output = plain(self, edited_arguments(step, tool_input), *args, **kwargs)
            except GraphBubbleUp as raised:
                signal = raised
        if signal is not None:
            step.abandon()  # an interrupt inside a tool is its node's; the tool runs again when that is resumed
            raise signal
        return step.succeed(output)

    return run_tool


def tap_arun(plain: Any) -> Any:
    """As `tap_run`, for ``BaseTool.arun``."""

    @functools.wraps(plain)
    async def arun_tool(self: Any, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        run = recording_run()
        if run is None:
            return await plain(self, tool_input, *args, **kwargs)
        step = begin_tool_call(run, self, tool_input, kwargs)
        await step.wait_async()
        if not isinstance(step, RunningStep):
            return step.result()
        signal: GraphBubbleUp | None = None
        output: Any = None
        with step:
            try:
                output = await plain(self, edited_arguments(step, tool_input), *args, **kwargs)
            except GraphBubbleUp as raised:
                signal = raised
        if signal is not None:
            step.abandon()  # as above
            raise signal
        return step.succeed(output)

    return arun_tool


TAPS = {"run": tap_run, "arun": tap_arun}
