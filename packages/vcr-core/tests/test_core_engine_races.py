"""Parallel branches are replayed as they ran, under any scheduling and with identical prompts."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vcr_core import ResumeConfig, ResumeMode, VCRPlayer, VCRRecorder, branch, llm, step
from vcr_core.engine import run_again

REPLAYS = 50 if os.environ.get("VCR_FULL") else 5
live = [0]


@llm
async def ask(prompt: str) -> str:
    live[0] += 1
    number = live[0]
    await asyncio.sleep(random.random() * 0.004)
    return f"sample {number}"


@step
def ask_in_thread(prompt: str) -> str:
    live[0] += 1
    number = live[0]
    time.sleep(random.random() * 0.002)
    return f"sample {number}"


async def pair(number: int, same: bool) -> list[Any]:
    await asyncio.sleep(random.random() * 0.004)
    first = await ask("same" if same else f"prompt {number}")
    return [number, first, await ask(f"follow {first}")]


def pair_in_thread(number: int, same: bool) -> list[Any]:
    time.sleep(random.random() * 0.003)
    first = ask_in_thread("same" if same else f"prompt {number}")
    return [number, first, ask_in_thread(f"follow {first}")]


async def gather(same: bool) -> Any:
    return await asyncio.gather(*(pair(n, same) for n in range(4)))


async def nested_gather(same: bool) -> Any:
    async def two(offset: int) -> Any:
        return await asyncio.gather(*(pair(offset + n, same) for n in range(2)))

    return await asyncio.gather(two(0), two(2))


async def task_group(same: bool) -> Any:
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined,unused-ignore]  # Python 3.11
        tasks = [group.create_task(pair(n, same)) for n in range(4)]
    return [task.result() for task in tasks]


async def as_completed(same: bool) -> Any:
    return [await done for done in asyncio.as_completed([pair(n, same) for n in range(4)])]


async def first_completed(same: bool) -> Any:
    tasks = [asyncio.create_task(pair(n, same)) for n in range(4)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    winners = sorted(task.result() for task in done)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return winners


async def queue(same: bool) -> Any:
    results: asyncio.Queue[Any] = asyncio.Queue()

    async def put(number: int) -> None:
        await results.put(await pair(number, same))

    tasks = [asyncio.create_task(put(n)) for n in range(4)]
    order = [await results.get() for _ in tasks]
    await asyncio.gather(*tasks)
    return order


async def to_thread(same: bool) -> Any:
    return await asyncio.gather(*(asyncio.to_thread(pair_in_thread, n, same) for n in range(4)))


def thread_pool(same: bool) -> Any:
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: pair_in_thread(n, same), range(4)))


def thread_as_completed(same: bool) -> Any:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(pair_in_thread, n, same) for n in range(4)]
        return [future.result() for future in concurrent.futures.as_completed(futures)]


def thread_first_completed(same: bool) -> Any:
    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(pair_in_thread, n, same) for n in range(4)]
        done, _ = concurrent.futures.wait(futures, return_when=FIRST_COMPLETED)
        return sorted(future.result() for future in done)


def threads(same: bool) -> Any:
    found: dict[int, Any] = {}

    def work(number: int) -> None:
        found[number] = pair_in_thread(number, same)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [found[n] for n in range(4)]


def own_run(same: bool) -> Any:
    return asyncio.run(nested_gather(same))


def own_loop(same: bool) -> Any:
    loop = asyncio.new_event_loop()
    try:
        return [loop.run_until_complete(gather(same)) for _ in range(2)]
    finally:
        loop.close()


FORMS: list[Callable[[bool], Any]] = [
    gather,
    nested_gather,
    as_completed,
    first_completed,
    queue,
    to_thread,
    thread_pool,
    thread_as_completed,
    thread_first_completed,
    threads,
    own_run,
    own_loop,
]
if sys.version_info >= (3, 11):
    FORMS.append(task_group)


@pytest.mark.parametrize("same", [False, True], ids=["distinct", "identical"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_of_concurrency_replays_as_it_ran(tmp_path: Path, form: Callable[[bool], Any], same: bool) -> None:
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("race")
    is_async = asyncio.iscoroutinefunction(form)
    recorded = asyncio.run(recorder.arun(form, same)) if is_async else recorder.run(form, same)
    recorder.close()
    player = VCRPlayer.load_by_id("race", tmp_path)
    live[0] = 0
    equal = 0
    for _ in range(REPLAYS):
        again = run_again(player, form, ResumeConfig(mode=ResumeMode.REPLAY), record=False)
        assert again.error is None
        assert again.live_steps == 0
        equal += again.result == recorded
    assert equal == REPLAYS
    assert live[0] == 0


def test_named_branches_find_their_tape_in_any_order_of_creation(tmp_path: Path) -> None:
    order = ["north", "south", "west"]

    async def explore() -> list[list[str]]:
        async def one(name: str) -> list[str]:
            with branch(name):
                return [name, await ask("same")]

        return sorted(await asyncio.gather(*(one(name) for name in order)))

    recorder = VCRRecorder(tmp_path)
    recorder.start_session("named")
    recorded = asyncio.run(recorder.arun(explore))
    recorder.close()
    player = VCRPlayer.load_by_id("named", tmp_path)
    order.reverse()
    assert run_again(player, explore, ResumeConfig(mode=ResumeMode.REPLAY), record=False).result == recorded


def test_runs_in_one_loop_at_once_have_the_keys_that_each_has_alone(tmp_path: Path) -> None:
    recorders = [VCRRecorder(tmp_path / name) for name in ("a", "b")]
    for recorder in recorders:
        recorder.start_session("race")

    async def both() -> None:
        await asyncio.gather(
            *(recorder.arun(form, True) for recorder, form in zip(recorders, (pair_of, gather), strict=True))
        )

    async def pair_of(same: bool) -> Any:
        return await asyncio.gather(pair(0, same))

    asyncio.run(both())
    for recorder, branches in zip(recorders, (1, 4), strict=True):
        recorder.close()
        rows = VCRPlayer.load_by_id("race", recorder.store.directory).rows
        assert {row.key for row in rows} == {f"0/{n}:ask#{k}" for n in range(branches) for k in range(2)}


@pytest.mark.parametrize("cut", range(9))
def test_a_cut_among_parallel_branches_serves_what_is_before_it(tmp_path: Path, cut: int) -> None:
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("race")
    asyncio.run(recorder.arun(gather, True))
    recorder.close()
    player = VCRPlayer.load_by_id("race", tmp_path)
    taped = {row.key: player.goto_frame(row.index) for row in list(player.rows)[:cut]}
    live[0] = 100
    again = run_again(player, gather, ResumeConfig(from_frame=cut))
    assert again.error is None
    assert (again.served_steps, again.live_steps) == (cut, 8 - cut)
    new = VCRPlayer.load_by_id(again.session_id or "", tmp_path)
    assert {row.key: new.goto_frame(row.index) for row in new.rows if row.origin == "tape"} == taped
    assert {row.key for row in new.rows} == {row.key for row in player.rows}
