"""The flow that CrewAI runs an agent's loop with: its own threads and tasks are no branches of the agent.

CrewAI drives each turn of an agent as methods of a flow, one after the other, each in a thread of its own: some fifty
threads' worth of bookkeeping for a trivial kickoff, and keys that would change with CrewAI's internals.  So the run is
hidden while the flow drives, and seen again inside its methods, where models and tools are called.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from vcr_core.engine.scope import Scope, current_scope

_hidden: ContextVar[Scope | None] = ContextVar("vcr_crewai_hidden_scope", default=None)


@contextmanager
def hidden_run() -> Generator[None]:
    """Hide the current run from what the block spawns; `seeing_run` gives it back."""
    seen = _hidden.set(current_scope.get())
    unseen = current_scope.set(None)
    try:
        yield
    finally:
        current_scope.reset(unseen)
        _hidden.reset(seen)


def seeing_run(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that sees the run that is hidden where this is called; `method` itself if none is."""
    scope = _hidden.get()
    if scope is None or current_scope.get() is not None:
        return method
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def acalled(*args: Any, **kwargs: Any) -> Any:
            token = current_scope.set(scope)
            try:
                return await method(*args, **kwargs)
            finally:
                current_scope.reset(token)

        return acalled

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        token = current_scope.set(scope)
        try:
            return method(*args, **kwargs)
        finally:
            current_scope.reset(token)

    return called
