"""How a run of a crew or flow begins: what is written of the call, so that it can be made again."""

from __future__ import annotations

import functools
import inspect
from contextvars import ContextVar
from typing import Any

from crewai import Crew

from vcr_core import VCRRecorder
from vcr_core.engine import Run, current_run, record_arun, record_run

METHODS = ("kickoff", "akickoff", "kickoff_async", "kickoff_for_each", "kickoff_for_each_async", "akickoff_for_each")
recorder_here: ContextVar[VCRRecorder | None] = ContextVar("vcr_crewai_recorder", default=None)
"""The recorder of the session that the calling code is in."""


def is_crew(agent: Any) -> bool:
    """True for a crew."""
    return isinstance(agent, Crew)


def name_of(agent: Any) -> str:
    """Return the name under which a recording knows a crew or flow: any crew may stand for the recorded one."""
    if is_crew(agent):
        return "crewai:Crew"
    return f"{type(agent).__module__}:{type(agent).__qualname__}"


class Entry:
    """A method of a crew or flow as a callable that a run can have as its agent.

    Args:
        agent: The crew or flow.
        method: Name of the method.
        plain: The method without taps; None calls it by its name.
    """

    def __init__(self, agent: Any, method: str, plain: Any = None) -> None:
        self._call = getattr(agent, method) if plain is None else functools.partial(plain, agent)
        self.__module__, _, self.__qualname__ = name_of(agent).partition(":")

    def __call__(self, **given: Any) -> Any:
        """Call the method; ``method``, which is recorded with the arguments, says which it is."""
        given.pop("method", None)
        run = current_run()
        if run is not None:
            spawn_plainly(run)
        return self._call(**given)


def recorded_entry(agent: Any, method: str, plain: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method as the entry of a recorded run, if the calling code is in a session; else just call it."""
    recorder = recorder_here.get()
    if recorder is None:
        return plain(agent, *args, **kwargs)
    given = {**inspect.signature(plain).bind(agent, *args, **kwargs).arguments}
    given.pop("self", None)
    given.update(given.pop("kwargs", {}))
    return open_run(recorder, agent, method, given)


def spawn_plainly(run: Run) -> None:
    """Know the threads and tasks of a run by their ordinals alone, not also by what they are created with.

    CrewAI creates them with whole crews and executors: to digest these takes longer than a trivial kickoff.
    """
    inputs: Any = run.inputs
    inputs.digest = _no_digest


def _no_digest(_: Any) -> None:
    return None


def open_run(recorder: VCRRecorder, agent: Any, method: str, given: dict[str, Any]) -> Any:
    """Call `method` as the entry of a recorded run; what a coroutine function gives is to be awaited."""
    entry = Entry(agent, method)
    if inspect.iscoroutinefunction(getattr(agent, method)):
        return record_arun(recorder, entry, method=method, **given)
    return record_run(recorder, entry, method=method, **given)
