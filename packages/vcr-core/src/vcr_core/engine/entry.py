"""How a run begins: a recorded entry, the run of a recorder, and what an agent is called by."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vcr_core.engine.propagation import install, tasks_spawn_scopes
from vcr_core.engine.run import Run
from vcr_core.engine.scope import current_run
from vcr_core.engine.tape import RunLine
from vcr_core.errors import UsageError
from vcr_core.frames import FrameRow
from vcr_core.runtime_types import importable_name

if TYPE_CHECKING:
    from vcr_core.recorder import VCRRecorder

Agent = Callable[..., Any]
_runs: weakref.WeakKeyDictionary[VCRRecorder, tuple[str | None, Run]] = weakref.WeakKeyDictionary()
_runs_lock = threading.Lock()


def agent_name(agent: Any) -> str:
    """Return ``module:qualified.name`` of an agent, by which a recording knows it.

    A module run as a script goes by its file's name, so that it is found again when it is imported.
    """
    target = agent
    while isinstance(target, functools.partial):
        target = target.func
    target = inspect.unwrap(target)
    name = getattr(target, "__qualname__", type(target).__qualname__)
    module = getattr(target, "__module__", None) or type(target).__module__
    return f"{importable_name(module)}:{name}"


def run_of(recorder: VCRRecorder) -> Run:
    """Return the run of what is recorded by `recorder` outside of `record_run`; one for each of its sessions."""
    _ = recorder.writer
    with _runs_lock:
        found = _runs.get(recorder)
        if found is None or found[0] != recorder.session_id:
            found = _runs[recorder] = (recorder.session_id, Run(recorder, root=str(recorder.next_run())))
        return found[1]


def record_run(recorder: VCRRecorder, agent: Agent, *args: Any, **kwargs: Any) -> Any:
    """Call `agent` as the recorded entry of a run, and return what it returns.

    Raises:
        UsageError: If the agent is a coroutine function.
        Exception: What the agent raises; the recording is saved before.
    """
    if is_async(agent):
        raise UsageError(f"{agent_name(agent)} is asynchronous: use `await recorder.arun(agent, …)`")
    run = _begin(recorder, agent, args, kwargs)
    with run.entered():
        try:
            result = agent(*args, **kwargs)
        except BaseException as error:
            _failed(run, agent, error, args, kwargs)
            raise
    _done(run, result)
    return result


async def record_arun(recorder: VCRRecorder, agent: Agent, *args: Any, **kwargs: Any) -> Any:
    """As `record_run`, for a coroutine function (or a plain one)."""
    run = _begin(recorder, agent, args, kwargs)
    with run.entered(), tasks_spawn_scopes(asyncio.get_running_loop()):
        try:
            result = agent(*args, **kwargs)
            if inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            _failed(run, agent, error, args, kwargs)
            raise
    _done(run, result)
    return result


def is_async(agent: Any) -> bool:
    """True if calling `agent` gives a coroutine."""
    while isinstance(agent, functools.partial):
        agent = agent.func
    return inspect.iscoroutinefunction(agent) or inspect.iscoroutinefunction(getattr(agent, "__call__", None))  # noqa: B004


def _begin(recorder: VCRRecorder, agent: Agent, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
    outer = current_run()
    if outer is not None and outer.recorder is recorder and outer is not run_of(recorder):
        raise UsageError(
            "recorder.run() was called inside a run of the same recorder. Call the inner agent directly: its steps "
            "belong to the outer run; or give it a recorder of its own."
        )
    install()
    if recorder.session is None:
        recorder.start_session(agent=agent_name(agent))
    run = Run(recorder, root=str(recorder.next_run()))
    line = RunLine(run.scope.path(None), agent_name(agent), {"args": list(args), "kwargs": kwargs})
    recorder.writer.write_line("run", line)
    return run


def _failed(run: Run, agent: Agent, error: BaseException, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Record an error that no step has recorded, and save."""
    recorder = run.recorder
    assert recorder is not None
    run.close()
    if not run.knows(error):
        row = FrameRow(-1, agent_name(agent).partition(":")[2], "error", "error")
        given = args[0] if len(args) == 1 and not kwargs else {"args": list(args), "kwargs": kwargs}
        recorder.record_frame(row, given, error, style="call", error=error)
    recorder.finish_run("error", run.origin_of(error))


def _done(run: Run, result: Any) -> None:
    recorder = run.recorder
    assert recorder is not None
    run.close()
    recorder.writer.write_line("result", {"root": run.scope.path(None), "output": result})
    recorder.finish_run("ok")
