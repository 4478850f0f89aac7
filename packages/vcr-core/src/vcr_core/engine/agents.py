"""What can be run again: plain callables here, other kinds (a graph, a crew) by the entry points ``vcr.agents``.

An `AgentKind` knows how to call its agents; the steps inside are intercepted by the package that brings it, with
`vcr_core.engine.Run.begin`.
"""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from vcr_core.engine.entry import agent_name
from vcr_core.engine.run import Run
from vcr_core.errors import UsageError


class AgentKind(Protocol):
    """A kind of agent that `VCRPlayer.resume` can run.

    Of a session that holds several runs, the run of the cut is run again, else the last.  A kind whose ``call`` makes
    the calls of all of them says so with an attribute ``calls_all_runs = True``.
    """

    def accepts(self, agent: Any) -> bool:
        """True if this kind knows how to call `agent`."""
        ...

    def name(self, agent: Any) -> str:
        """Return the name under which a recording knows this agent."""
        ...

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Call it with the recorded input (``{"args": […], "kwargs": {…}}``), or with None where none was recorded."""
        ...

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """As `call`, in an event loop."""
        ...


class PlainAgent:
    """A function, a coroutine function, or any other callable."""

    def accepts(self, agent: Any) -> bool:
        """True for every callable."""
        return callable(agent)

    def name(self, agent: Any) -> str:
        """Return ``module:qualified.name``."""
        return agent_name(agent)

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Call it with the recorded arguments."""
        return agent(*given["args"], **given["kwargs"])

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """Call it with the recorded arguments, and await what it gives."""
        result = agent(*given["args"], **given["kwargs"])
        return await result if inspect.isawaitable(result) else result


def kind_of_agent(agent: Any) -> AgentKind:
    """Return the kind that knows how to run `agent`: of those that are installed, else a plain callable.

    Raises:
        UsageError: If it cannot be called at all.
    """
    module = type(agent).__module__.partition(".")[0]
    if module not in ("builtins", "functools"):
        from vcr_core.plugins import AGENTS, load_plugins  # noqa: PLC0415  # plain functions need no plugins

        for _, kind in load_plugins(AGENTS):
            if kind.accepts(agent):
                return kind  # type: ignore[no-any-return]  # the group's contract
    if not callable(agent):
        raise UsageError(
            f"{type(agent).__module__}.{type(agent).__qualname__} cannot be run: it is not callable, and no installed "
            "package knows this kind of agent (install ai-agent-vcr[langgraph] or [crewai])"
        )
    return PlainAgent()
