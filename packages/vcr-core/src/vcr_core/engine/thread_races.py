"""Records who won `concurrent.futures.wait` and `as_completed`: threads decide that by chance, between equal runs too.

The functions are replaced by swapping their code, so that names imported from `concurrent.futures` before are reached
as well.  Inside an event loop nothing like it is needed: there, `vcr_core.engine.order` reproduces every turn.
"""

from __future__ import annotations

import concurrent.futures
import time
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from vcr_core.engine.recorded_values import recorded_value
from vcr_core.engine.scope import Scope, current_scope

_MARK = "_vcr_scope"
_Future = concurrent.futures.Future[Any]


def remember_scope(future: _Future, scope: Scope) -> None:
    """Note which branch a future is the end of."""
    setattr(future, _MARK, scope)


def install() -> None:
    """Replace both functions, once per process."""
    wait = _swap(concurrent.futures.wait, _wait_code, lambda plain: _Races(plain).wait)
    _swap(concurrent.futures.as_completed, _as_completed_code, lambda plain: _Races(wait, plain).as_completed)


def _swap(function: Any, code: Any, make: Callable[[Any], Any]) -> Any:
    """Have `function` run `code`, which calls what `make` gives; return a copy of the plain function."""
    plain = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
    function.__globals__[f"_vcr_{function.__name__}"] = make(plain)
    function.__code__ = code.__code__
    return plain


def _wait_code(fs: Any, timeout: Any = None, return_when: Any = "ALL_COMPLETED") -> Any:
    return _vcr_wait(fs, timeout, return_when)  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # by `_swap`


def _as_completed_code(fs: Any, timeout: Any = None) -> Any:
    yield from _vcr_as_completed(fs, timeout)  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # by `_swap`


class _Races:
    """The recorded versions of both functions."""

    def __init__(self, wait: Callable[..., Any], as_completed: Callable[..., Iterator[_Future]] | None = None) -> None:
        self._plain_wait = wait
        self._plain_as_completed = as_completed

    def wait(self, fs: Iterable[_Future], timeout: float | None, return_when: str) -> Any:
        futures = set(fs)
        if not _are_ours(futures):
            return self._plain_wait(futures, timeout, return_when)
        names = {_name_of(future): future for future in futures}
        won = recorded_value(
            "futures.wait", lambda: sorted(map(_name_of, self._plain_wait(futures, timeout, return_when).done))
        )
        done = {names[name] for name in won if name in names}
        ended = self._plain_wait(done)
        return type(ended)(done, futures - done)

    def as_completed(self, fs: Iterable[_Future], timeout: float | None) -> Iterator[_Future]:
        plain = self._plain_as_completed
        assert plain is not None
        futures = set(fs)
        if not _are_ours(futures):
            return plain(futures, timeout)
        return self._one_by_one({_name_of(future): future for future in futures}, timeout, plain)

    def _one_by_one(
        self, names: dict[str, _Future], timeout: float | None, plain: Callable[..., Iterator[_Future]]
    ) -> Iterator[_Future]:
        until = None if timeout is None else time.monotonic() + timeout

        def first() -> str:
            remaining = None if until is None else max(0.0, until - time.monotonic())
            return _name_of(next(plain(list(names.values()), remaining)))

        while names:
            future = names.pop(recorded_value("futures.as_completed", first))
            self._plain_wait([future])
            yield future


def _are_ours(futures: set[_Future]) -> bool:
    return current_scope.get() is not None and all(hasattr(future, _MARK) for future in futures)


def _name_of(future: _Future) -> str:
    scope: Scope = getattr(future, _MARK)
    return scope.own_path()
