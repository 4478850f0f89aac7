"""Carries the scope of a run into what the agent spawns: asyncio tasks, event loops, thread pools and threads.

Installed once per process, when the first run starts; outside of a run everything behaves as before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import sys
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

from vcr_core.engine import thread_races
from vcr_core.engine.scope import Scope, current_scope

_installed = threading.Event()
_install_lock = threading.Lock()


def install() -> None:
    """Have event loops, thread pools and threads inherit the scope; does nothing the second time."""
    with _install_lock:
        if _installed.is_set():
            return
        _patch_thread_pool()
        _patch_threads()
        _patch_event_loops()
        thread_races.install()
        _installed.set()


def _patch_thread_pool() -> None:
    plain: Any = concurrent.futures.ThreadPoolExecutor.submit

    @functools.wraps(plain)
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        scope = current_scope.get()
        if scope is None:
            return plain(self, fn, *args, **kwargs)
        child = scope.spawn(fn, args, kwargs)
        context = contextvars.copy_context()
        future = plain(self, context.run, _run_in_thread, child, functools.partial(fn, *args, **kwargs))
        thread_races.remember_scope(future, child)

        def ended(_: object) -> None:
            child.run.order.branch_ended(child)

        future.add_done_callback(ended)
        return future

    concurrent.futures.ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]  # the one place to hook


def _patch_threads() -> None:
    plain: Any = threading.Thread.start

    @functools.wraps(plain)
    def start(self: threading.Thread) -> None:
        scope = current_scope.get()
        if scope is not None and not _is_pool_worker(self):
            child = scope.spawn(*_target_of(self))
            context = contextvars.copy_context()
            body = self.run

            def run_in_scope() -> None:
                try:
                    context.run(_run_in_thread, child, body)
                finally:
                    child.run.order.branch_ended(child)

            self.run = run_in_scope  # type: ignore[method-assign]
        plain(self)

    threading.Thread.start = start  # type: ignore[method-assign]  # the one place to hook


def _is_pool_worker(thread: threading.Thread) -> bool:
    """Pool workers serve many submits, and must not keep the scope of the one that happened to start them."""
    target = getattr(thread, "_target", None)
    return getattr(target, "__module__", None) == "concurrent.futures.thread"


def _target_of(thread: threading.Thread) -> tuple[object, ...]:
    return getattr(thread, "_target", None), getattr(thread, "_args", ()), getattr(thread, "_kwargs", {})


def _arguments_of(coro: Any) -> tuple[object, ...]:
    """Return name and arguments of a coroutine that has not begun: its locals are its arguments still."""
    frame = getattr(coro, "cr_frame", None)
    return getattr(coro, "__qualname__", None), dict(frame.f_locals) if frame is not None else None


def _run_in_thread(scope: Scope, body: Callable[[], Any]) -> Any:
    token = current_scope.set(scope)
    try:
        return body()
    finally:
        current_scope.reset(token)
        scope.run.order.end_branch(scope)


class _TaskFactory:
    """Creates the tasks of an event loop; each begins a scope of its own in the run that creates it.

    One serves all runs of its loop, as long as one of them lasts.
    """

    def __init__(self, before: Any) -> None:
        self.before = before
        self.users = 0

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        # A loop that does not run yet creates its main task: that goes on with the line of who started the loop.
        scope = current_scope.get() if loop.is_running() else None
        if scope is None:
            return self._make(loop, coro, options)
        context = options.get("context") or contextvars.copy_context()
        child = scope.spawn(*_arguments_of(coro))
        context.run(current_scope.set, child)
        task = self._make(loop, coro, {**options, "context": context})
        task.add_done_callback(lambda _: child.run.branch_over())
        return task

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], options: dict[str, Any]
    ) -> asyncio.Task[Any]:
        make: Callable[..., asyncio.Task[Any]] = self.before or _make_task
        if "context" in options and not _TASKS_TAKE_CONTEXT:
            context: contextvars.Context = options.pop("context")
            return context.run(lambda: make(loop, coro, **options))
        return make(loop, coro, **options)


def _make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coro, loop=loop, **options)


@contextmanager
def tasks_spawn_scopes(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Have each task created in `loop` begin a scope of its own, as long as the block lasts."""
    own: Any = loop  # the type of factories differs between versions
    before: Any = own.get_task_factory()
    factory = before if isinstance(before, _TaskFactory) else _TaskFactory(before)
    own.set_task_factory(factory)
    factory.users += 1
    try:
        yield
    finally:
        factory.users -= 1
        if factory.users == 0 and own.get_task_factory() is factory:
            own.set_task_factory(factory.before)


def _patch_event_loops() -> None:
    plain: Any = asyncio.BaseEventLoop.run_until_complete

    @functools.wraps(plain)
    def run_until_complete(self: asyncio.BaseEventLoop, future: Any) -> Any:
        if current_scope.get() is None:
            return plain(self, future)
        with tasks_spawn_scopes(self):
            return plain(self, future)

    asyncio.BaseEventLoop.run_until_complete = run_until_complete  # type: ignore[method-assign]  # the one place to hook


_TASKS_TAKE_CONTEXT = sys.version_info >= (3, 11)
