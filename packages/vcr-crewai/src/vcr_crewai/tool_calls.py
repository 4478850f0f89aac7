"""Calls of tools: each is a step of kind ``tool``, whether the agent calls by text (ReAct) or natively."""

from __future__ import annotations

import functools
from typing import Any

from crewai.tools.base_tool import BaseTool
from crewai.tools.structured_tool import CrewStructuredTool

from vcr_core.engine import EndedStep, StepCall, current_run
from vcr_crewai.compat import count_tool_use
from vcr_crewai.model_calls import inside, marked
from vcr_crewai.recorded_call import Recorded, arun_recorded, run_recorded


class ToolCall(Recorded):
    """One call of a tool."""

    def __init__(self, tool: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tool = tool
        self.args, self.kwargs = args, kwargs
        super().__init__(StepCall(tool.name, "tool", self._shown(), label=tool.name))

    def _shown(self) -> dict[str, Any]:
        if not isinstance(self._tool, CrewStructuredTool):
            return {"args": list(self.args), **self.kwargs} if self.args else dict(self.kwargs)
        given: Any = self.kwargs["input"] if "input" in self.kwargs else self.args[0] if self.args else {}
        return dict(given) if isinstance(given, dict) else {"input": given}  # pyright: ignore[reportUnknownArgumentType]

    def edit(self) -> None:
        """Call with the arguments of the step: they are edited at a cut."""
        shown = dict(self.call.input)
        if shown == self._shown():
            return
        if isinstance(self._tool, CrewStructuredTool):
            given: Any = shown.get("input", shown) if set(shown) == {"input"} else shown
            self.args, self.kwargs = (given,), {k: v for k, v in self.kwargs.items() if k != "input"}
        else:
            self.args, self.kwargs = tuple(shown.pop("args", ())), shown

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Count the use, so that a limit is met when it was met."""
        count_tool_use(self._tool)
        return output


def tap_run(plain: Any) -> Any:
    """Return a tool's method with each call a step."""

    @functools.wraps(plain)
    def run_tool(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return plain(self, *args, **kwargs)
        recorded = ToolCall(self, args, kwargs)
        with marked(self):
            return run_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return run_tool


def tap_arun(plain: Any) -> Any:
    """As `tap_run`, for a coroutine."""

    @functools.wraps(plain)
    async def arun_tool(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return await plain(self, *args, **kwargs)
        recorded = ToolCall(self, args, kwargs)
        with marked(self):
            return await arun_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return arun_tool


TAPS = {"run": tap_run, "arun": tap_arun}
STRUCTURED_TAPS = {"invoke": tap_run, "ainvoke": tap_arun}
ROOT: Any = BaseTool
STRUCTURED: Any = CrewStructuredTool
