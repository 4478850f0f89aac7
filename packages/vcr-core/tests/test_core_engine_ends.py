"""How a run ended is kept, and a failed one goes on before the step it failed in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vcr_core import ResumeConfig, ResumeMode, VCRPlayer, VCRRecorder, step
from vcr_core.engine import run_again

broken = [True]
live: list[str] = []


def record(directory: Path, agent: Callable[..., Any], *args: Any) -> VCRPlayer:
    """Record a run that fails; then mend the code."""
    broken[0] = True
    recorder = VCRRecorder(directory)
    recorder.start_session("run")
    is_async = asyncio.iscoroutinefunction(agent)
    with pytest.raises(BaseException):  # noqa: B017, PT011  # each agent here fails in its own way
        asyncio.run(recorder.arun(agent, *args)) if is_async else recorder.run(agent, *args)
    recorder.close()
    broken[0] = False
    live.clear()
    return VCRPlayer.load_by_id("run", directory)


def work(name: str) -> str:
    live.append(name)
    if broken[0] and name == "bad":
        raise RuntimeError("broke")
    return name


@step
def leaf(name: str) -> str:
    return work(name)


@step
async def fetch(name: str, after: int) -> str:
    for _ in range(after):
        await asyncio.sleep(0)
    return work(name)


@step
def mid() -> list[str]:
    return [leaf("good"), leaf("bad")]


@step
def top() -> list[str]:
    return mid()


@step
def wraps() -> str:
    try:
        return leaf("bad")
    except RuntimeError as error:
        raise ValueError("wrapped") from error


def cleans_up() -> list[str]:
    done = [leaf("good")]
    try:
        return [*done, leaf("bad")]
    finally:
        leaf("cleanup")


def falls_back() -> list[str]:
    try:
        return [leaf("bad")]
    except RuntimeError:
        return [leaf("other"), top()[0]]


async def gathers() -> list[str]:
    found = await asyncio.gather(fetch("good", 1), fetch("bad", 3), fetch("late", 9), return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return [str(each) for each in found]


async def groups() -> list[str]:
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]
        tasks = [group.create_task(fetch(*given)) for given in (("good", 1), ("bad", 3), ("late", 9))]
    return [task.result() for task in tasks]


def pools() -> list[str]:
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(leaf, name) for name in ("good", "bad", "late")]
    return [future.result() for future in futures]


def hides() -> str:
    try:
        return leaf("good") + leaf("bad")
    except RuntimeError:
        raise ValueError("the agent's own") from None


AGENTS: list[tuple[Callable[[], Any], list[str]]] = [
    (top, ["bad"]),
    (wraps, ["bad"]),
    (cleans_up, ["bad", "cleanup"]),
    (falls_back, ["bad"]),
    (gathers, ["bad", "late"]),
    (pools, ["bad", "late"]),
]
if sys.version_info >= (3, 11):
    AGENTS.append((groups, ["bad", "late"]))


@pytest.mark.parametrize(("agent", "again"), AGENTS, ids=[agent.__name__ for agent, _ in AGENTS])
def test_a_failed_run_goes_on_before_the_step_it_failed_in(
    tmp_path: Path, agent: Callable[[], Any], again: list[str]
) -> None:
    player = record(tmp_path, agent)
    assert player.end is not None
    assert player.end.status == "error"
    assert player.rows[player.end.failed_at or 0].status == "error"
    resumed = run_again(player, agent)
    assert resumed.error is None
    assert sorted(live) == again


def test_a_run_whose_error_hides_the_step_goes_on_before_the_error_frames_at_its_end(tmp_path: Path) -> None:
    player = record(tmp_path, hides)
    assert player.end is not None
    assert player.end.failed_at is None
    resumed = run_again(player, hides)
    assert (resumed.result, live) == ("goodbad", ["bad"])


def interrupted(state: dict[str, Any]) -> dict[str, Any]:
    return ask(ask(state))


@step
def ask(state: dict[str, Any]) -> dict[str, Any]:
    live.append("ask")
    if broken[0] and state["n"] == 1:
        raise KeyboardInterrupt
    return {"n": state["n"] + 1}


async def cancelled() -> str:
    await fetch("good", 0)
    return await stopped()


@step
async def stopped() -> str:
    live.append("stopped")
    if broken[0]:
        raise asyncio.CancelledError
    return "done"


def test_a_run_that_was_interrupted_goes_on_before_the_step_it_was_in(tmp_path: Path) -> None:
    resumed = run_again(record(tmp_path, interrupted, {"n": 0}), interrupted)
    assert (resumed.result, live) == ({"n": 2}, ["ask"])


def test_a_run_that_was_cancelled_goes_on_before_the_step_it_was_in(tmp_path: Path) -> None:
    resumed = run_again(record(tmp_path, cancelled), cancelled)
    assert (resumed.result, live) == ("done", ["stopped"])


@pytest.mark.parametrize(
    ("agent", "args", "error"),
    [(interrupted, [{"n": 0}], KeyboardInterrupt), (cancelled, [], asyncio.CancelledError)],
    ids=["interrupted", "cancelled"],
)
def test_a_replay_ends_as_the_run_was_stopped(
    tmp_path: Path, agent: Callable[..., Any], args: list[Any], error: type[BaseException]
) -> None:
    player = record(tmp_path, agent, *args)
    with pytest.raises(error):
        run_again(player, agent, ResumeConfig(mode=ResumeMode.REPLAY))
    assert live == []


@pytest.mark.parametrize("way", ["close", "save", "forget"])
def test_that_a_run_failed_stays_known(tmp_path: Path, way: str) -> None:
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("run")
    broken[0] = True
    with pytest.raises(RuntimeError):
        recorder.run(mid)
    if way == "forget":
        del recorder
    else:
        getattr(recorder, way)()
    end = VCRPlayer.load_by_id("run", tmp_path).end
    assert end is not None
    assert (end.status, end.failed_at) == ("error", 1)


def test_a_run_that_went_well_after_a_failed_one_is_how_the_session_ended(tmp_path: Path) -> None:
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        broken[0] = True
        with pytest.raises(RuntimeError):
            recorder.run(mid)
        broken[0] = False
        recorder.run(mid)
    end = VCRPlayer.load_by_id("run", tmp_path).end
    assert end is not None
    assert (end.status, end.failed_at) == ("ok", None)
