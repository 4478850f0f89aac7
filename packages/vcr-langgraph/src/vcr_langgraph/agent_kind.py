"""Teaches ``VCRPlayer.resume`` to run compiled graphs; found through the entry point ``vcr.agents``."""

from __future__ import annotations

from typing import Any

from langgraph.pregel import Pregel
from vcr_core.engine import Run, agent_name

from vcr_langgraph.integration import recording_graph
from vcr_langgraph.recorded_types import register_types
from vcr_langgraph.run_opening import plain_config


class LangGraphAgent:
    """Compiled graphs, wrapped or not."""

    def accepts(self, agent: Any) -> bool:
        """True for every compiled graph."""
        return isinstance(agent, Pregel)

    def name(self, agent: Any) -> str:
        """Return the name of the graph's class: any compiled graph may stand for the recorded one."""
        return agent_name(agent)

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Call the graph with the recorded input and the plain part of the recorded config."""
        args, kwargs = _arguments(given)
        return _ready(agent).invoke(*args, **kwargs)

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """As `call`, in an event loop."""
        args, kwargs = _arguments(given)
        return await _ready(agent).ainvoke(*args, **kwargs)


def _ready(agent: Any) -> Any:
    register_types()
    return recording_graph(agent, getattr(agent, "vcr_recorder", None))


def _arguments(given: Any) -> tuple[list[Any], dict[str, Any]]:
    args, kwargs = list(given["args"]), dict(given["kwargs"])
    if len(args) > 1:
        kwargs["config"] = args.pop(1)
    if "config" in kwargs:
        kwargs["config"] = plain_config(kwargs["config"])
    return args, kwargs


KIND = LangGraphAgent()
