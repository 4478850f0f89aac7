"""Teaches ``VCRPlayer.resume`` to run crews and flows; found through the entry point ``vcr.agents``."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from vcr_core.engine import Run
from vcr_core.engine.propagation import tasks_spawn_scopes


class CrewAgent:
    """Crews and flows.  The recorded method is called again with the recorded inputs."""

    def accepts(self, agent: Any) -> bool:
        """True for every crew and every flow."""
        from vcr_crewai.compat import Flow  # noqa: PLC0415  # crewai is only imported for one of its own
        from vcr_crewai.run_opening import is_crew  # noqa: PLC0415  # as above

        return is_crew(agent) or isinstance(agent, Flow)

    def name(self, agent: Any) -> str:
        """Return the name under which a recording knows the crew or flow."""
        from vcr_crewai.run_opening import name_of  # noqa: PLC0415  # crewai is only imported for one of its own

        return name_of(agent)

    def call(self, agent: Any, given: Any, run: Run) -> Any:
        """Kick off again; a method that was a coroutine gets a loop of its own."""
        method, options = _call_of(given)
        called = _method(agent, method, run)
        if not inspect.iscoroutinefunction(called):
            return called(**options)
        return asyncio.run(_in_loop(called, options))

    async def acall(self, agent: Any, given: Any, run: Run) -> Any:
        """As `call`, in the running loop: a plain kickoff is made as ``akickoff``, whose steps have the same keys."""
        method, options = _call_of(given)
        asynchronous = {"kickoff": "akickoff", "kickoff_for_each": "kickoff_for_each"}
        result = _method(agent, asynchronous.get(method, method), run)(**options)
        return await result if inspect.isawaitable(result) else result


async def _in_loop(called: Any, options: dict[str, Any]) -> Any:
    with tasks_spawn_scopes(asyncio.get_running_loop()):
        return await called(**options)


def _method(agent: Any, name: str, run: Run) -> Any:
    from vcr_crewai.run_opening import spawn_plainly  # noqa: PLC0415  # crewai is only imported for one of its own
    from vcr_crewai.taps import install_taps  # noqa: PLC0415  # crewai is only imported for one of its own

    install_taps()
    spawn_plainly(run)
    return getattr(agent, name)


def _call_of(given: Any) -> tuple[str, dict[str, Any]]:
    """Return method and arguments; a recording made by hand gives a state, which then is the inputs."""
    if "method" not in given["kwargs"]:
        return "kickoff", {"inputs": given["args"][0] if given["args"] else None}
    options = dict(given["kwargs"])
    return options.pop("method"), options


KIND = CrewAgent()
