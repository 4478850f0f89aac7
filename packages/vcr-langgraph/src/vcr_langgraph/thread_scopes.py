"""LangChain's thread pool, seen by the engine as any other pool: each call it is given is a branch of its own.

The pool copies the caller's context by itself, and would run every call in the caller's own scope.  The engine's copy,
made where a pool's `submit` is called inside of a run, does the same and more.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vcr_core.engine.scope import current_scope


def tap_submit(plain: Any) -> Any:
    """Return ``submit`` that leaves the context to the engine inside of a run."""

    @functools.wraps(plain)
    def submit(self: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        if current_scope.get() is None:
            return plain(self, func, *args, **kwargs)
        return ThreadPoolExecutor.submit(self, func, *args, **kwargs)

    return submit


def tap_map(plain: Any) -> Any:
    """As `tap_submit`, for ``map``."""

    @functools.wraps(plain)
    def map_calls(self: Any, fn: Any, *iterables: Any, **kwargs: Any) -> Any:
        if current_scope.get() is None:
            return plain(self, fn, *iterables, **kwargs)
        return ThreadPoolExecutor.map(self, fn, *iterables, **kwargs)

    return map_calls


TAPS = {"submit": tap_submit, "map": tap_map}
