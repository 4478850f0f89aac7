"""Generator steps keep the whole protocol: what they return, take and are thrown, and how they are stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from vcr_core import ResumeConfig, ResumeMode, VCRPlayer, VCRRecorder, step
from vcr_core.engine import run_again

REPLAY = ResumeConfig(mode=ResumeMode.REPLAY)
log: list[str] = []


@step
def dialogue(words: int) -> Generator[str, str, str]:
    heard = []
    for number in range(words):
        try:
            heard.append((yield f"word {number}"))
        except LookupError:
            heard.append("lost")
    return ", ".join(heard)


@step
async def adialogue(words: int) -> AsyncGenerator[str, str]:
    try:
        for number in range(words):
            try:
                heard = yield f"word {number}"
            except LookupError:
                heard = "lost"
            log.append(heard)
    finally:
        log.append("over")


def talk() -> str:
    speaker = dialogue(3)
    next(speaker)
    speaker.send("yes")
    speaker.throw(LookupError())
    try:
        speaker.send("no")
    except StopIteration as stop:
        return str(stop.value)
    raise AssertionError


async def atalk() -> list[str]:
    log.clear()
    speaker = adialogue(4)
    said = [await speaker.asend(None), await speaker.asend("yes"), await speaker.athrow(LookupError())]  # type: ignore[arg-type]
    await speaker.aclose()
    return said


def record(directory: Path, agent: Callable[..., Any]) -> tuple[VCRPlayer, Any]:
    with VCRRecorder(directory) as recorder:
        recorder.start_session("run")
        is_async = asyncio.iscoroutinefunction(agent)
        result = asyncio.run(recorder.arun(agent)) if is_async else recorder.run(agent)
    return VCRPlayer.load_by_id("run", directory), result


def test_a_generator_step_takes_throws_and_returns_as_without_a_run(tmp_path: Path) -> None:
    player, result = record(tmp_path, talk)
    assert result == talk() == "yes, lost, no"
    assert player.state(0).value == result


@step
def letters(count: int) -> Generator[str, None, int]:
    yield from "abc"[:count]
    return count


def spell() -> list[Any]:
    said: list[Any] = []

    def read() -> Generator[str, None, None]:
        said.append((yield from letters(2)))

    said.extend(read())
    return said


def test_what_a_generator_step_returned_is_served(tmp_path: Path) -> None:
    player, result = record(tmp_path, spell)
    assert result == ["a", "b", 2]
    assert run_again(player, spell, REPLAY).result == result


def test_an_asynchronous_generator_step_takes_and_throws_as_without_a_run(tmp_path: Path) -> None:
    plain, heard = asyncio.run(atalk()), list(log)
    assert heard == ["yes", "lost", "over"]
    player, result = record(tmp_path, atalk)
    assert (result, log) == (plain, heard)
    assert player.state(0).end == "closed"


@contextlib.contextmanager
@step
def guarded(name: str) -> Generator[str, None, None]:
    try:
        yield name
    except LookupError:
        log.append("caught")


def test_a_generator_step_may_be_a_context_manager(tmp_path: Path) -> None:
    def agent() -> str:
        with guarded("tool") as name:
            raise LookupError
        return name

    log.clear()
    _, result = record(tmp_path, agent)
    assert (result, log) == ("tool", ["caught"])


@step
async def ticks() -> AsyncGenerator[int, None]:
    for number in range(3):
        yield number
    await asyncio.get_running_loop().create_future()


async def listens() -> list[int]:
    heard: list[int] = []

    async def listen() -> None:
        async for number in ticks():
            heard.append(number)
            if len(heard) == 3:
                asyncio.get_running_loop().call_later(0.01, listener.cancel)

    listener = asyncio.create_task(listen())
    with contextlib.suppress(asyncio.CancelledError):
        await listener
    return heard


def test_a_cancelled_stream_is_served_and_waits_to_be_cancelled_again(tmp_path: Path) -> None:
    player, result = record(tmp_path, listens)
    assert (result, player.rows[0].status) == ([0, 1, 2], "cancelled")
    again = run_again(player, listens, REPLAY)
    assert (again.error, again.result, again.live_steps) == (None, [0, 1, 2], 0)


def test_a_stream_that_a_person_interrupted_goes_on_from_its_beginning(tmp_path: Path) -> None:
    broken = [True]

    @step
    def words() -> Generator[str, None, None]:
        yield "one"
        if broken[0]:
            raise KeyboardInterrupt
        yield "two"

    def agent() -> list[str]:
        return list(words())

    recorder = VCRRecorder(tmp_path)
    recorder.start_session("run")
    with pytest.raises(KeyboardInterrupt):
        recorder.run(agent)
    recorder.close()
    player = VCRPlayer.load_by_id("run", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_again(player, agent, REPLAY)
    broken[0] = False
    assert run_again(player, agent).result == ["one", "two"]
