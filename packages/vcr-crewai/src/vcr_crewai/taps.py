"""Puts the taps on CrewAI's classes.  Outside of a run, and of a session, they do nothing."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import Any

from crewai import Crew

from vcr_core.engine.scope import current_scope
from vcr_crewai import crew_steps, flow_steps, model_calls, tool_calls
from vcr_crewai.compat import ATTEMPTS, FLOW_METHOD, TASK_BODIES, Agent, CrewAIEventsBus, Flow, Task
from vcr_crewai.recorded_types import register_types

_MARK = "__vcr_tap__"
_installed = threading.Event()
_lock = threading.Lock()


def install_taps() -> None:
    """Install what is missing: classes of models and tools may have been defined since the last time."""
    with _lock:
        if not _installed.is_set():
            register_types()
            _tap_framework()
            _installed.set()
        for root, taps in ((model_calls.ROOT, model_calls.TAPS), (tool_calls.ROOT, tool_calls.TAPS)):
            for cls in model_calls.every_class(root):
                for name, tap in taps.items():
                    if name in cls.__dict__:
                        _put(cls, name, tap)


def _tap_framework() -> None:
    for name, tap in tool_calls.STRUCTURED_TAPS.items():
        _put(tool_calls.STRUCTURED, name, tap)
    _put(Crew, "kickoff", crew_steps.tap_kickoff)
    _put(Crew, "akickoff", crew_steps.tap_akickoff)
    for name in ("kickoff_async", "kickoff_for_each", "kickoff_for_each_async", "akickoff_for_each"):
        _put(Crew, name, crew_steps.tap_entry(name))
    for name, tap in zip(TASK_BODIES, (crew_steps.tap_task, crew_steps.tap_atask), strict=True):
        _put(Task, name, tap)
    for name in ATTEMPTS:
        is_async = inspect.iscoroutinefunction(getattr(Agent, name))
        _put(Agent, name, crew_steps.tap_aattempt if is_async else crew_steps.tap_attempt)
    _put(Flow, "kickoff", flow_steps.tap_flow_entry)
    _put(Flow, "kickoff_async", flow_steps.tap_flow_kickoff)
    _put(Flow, FLOW_METHOD, flow_steps.tap_method)
    _put(CrewAIEventsBus, "emit", _outside_of_the_run)


def _put(cls: Any, name: str, tap: Any) -> None:
    plain = getattr(cls, name)
    if getattr(plain, _MARK, False):
        return
    tapped = tap(plain)
    setattr(tapped, _MARK, True)
    setattr(cls, name, tapped)


def _outside_of_the_run(plain: Any) -> Any:
    """Hand events to the bus outside of the run: its handlers run in a pool, in any order, and are no steps."""

    @functools.wraps(plain)
    def emit(self: Any, source: Any, event: Any) -> Any:
        if current_scope.get() is None:
            return plain(self, source, event)
        token = current_scope.set(None)
        try:
            return plain(self, source, event)
        finally:
            current_scope.reset(token)

    return emit
