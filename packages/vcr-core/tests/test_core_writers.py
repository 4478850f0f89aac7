"""Threads, tasks and processes write into one session."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from vcr_core import VCRPlayer, VCRRecorder

WRITERS, FRAMES = 8, 250


def write(recorder, writer, frames=FRAMES):
    state = {"writer": writer, "log": []}
    for n in range(frames):
        before = {**state, "log": list(state["log"])}
        state["log"].append(f"{writer}:{n}")
        if n % 100 == 99:
            state["log"] = state["log"][-2:]
        recorder.record_step(f"writer-{writer}", before, state, {"tokens_used": 1}, parent=None)


def check(path, writers=WRITERS, frames=FRAMES):
    player = VCRPlayer.load(path)
    assert len(player.frames) == writers * frames
    assert [row.index for row in player.rows] == list(range(writers * frames))
    assert player.verify().ok, player.verify().problems[:3]
    assert (player.end.frames, player.end.tokens) == (writers * frames, writers * frames)
    seen: Counter = Counter()
    for row in player.rows:
        writer = int(row.node_name.removeprefix("writer-"))
        expected = f"{writer}:{seen[writer]}"
        state = player.goto_frame(row.index)
        assert (state["writer"], state["log"][-1]) == (writer, expected)
        if seen[writer]:
            assert player.get_input_state(row.index)["log"][-1] == f"{writer}:{seen[writer] - 1}"
        seen[writer] += 1
    assert set(seen.values()) == {frames}


def test_eight_threads_share_a_recorder(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        threads = [threading.Thread(target=write, args=(recorder, number)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        path = recorder.path
    check(path)


def attach_and_write(folder, writer):
    with VCRRecorder(folder) as recorder:
        recorder.attach("run")
        write(recorder, writer)


def test_eight_processes_attach_to_one_session(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        path = recorder.path
    script = "\n".join(
        [
            "import sys",
            "from vcr_core import VCRRecorder",
            f"FRAMES = {FRAMES}",
            inspect.getsource(write),
            inspect.getsource(attach_and_write),
            "attach_and_write(sys.argv[1], int(sys.argv[2]))",
        ]
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(WRITERS)]
    assert [process.wait(timeout=60) for process in processes] == [0] * WRITERS
    check(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_eight_forked_processes_attach_to_one_session(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        path = recorder.path
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=attach_and_write, args=(tmp_path, number)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    check(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_recorder_is_shared_across_a_fork(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        path = recorder.path
        recorder.record_step("before", {}, {"n": 0})
        children = []
        for number in range(3):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    write(recorder, number, 50)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        write(recorder, 9, 50)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    player = VCRPlayer.load(path)
    names = Counter(row.node_name for row in player.rows)
    assert names == {"before": 1, "writer-0": 50, "writer-1": 50, "writer-2": 50, "writer-9": 50}
    assert player.verify().ok
    for row in player.rows:
        if row.node_name != "before":
            assert player.goto_frame(row.index)["writer"] == int(row.node_name[-1])
    assert player.end.frames == 201


def test_tasks_of_one_loop_share_a_recorder(tmp_path):
    async def task(recorder, number):
        state = {"writer": number, "log": []}
        for n in range(30):
            before = {**state, "log": list(state["log"])}
            await asyncio.sleep(0)
            state["log"].append(f"{number}:{n} " * 30)
            recorder.record_step(f"writer-{number}", before, state)

    async def main(recorder):
        await asyncio.gather(*(task(recorder, number) for number in range(10)))

    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        asyncio.run(main(recorder))
        path = recorder.path
    player = VCRPlayer.load(path)
    assert len(player.frames) == 300
    for row in player.rows:
        state = player.goto_frame(row.index)
        number = row.node_name.removeprefix("writer-")
        assert state["log"] == [f"{number}:{n} " * 30 for n in range(len(state["log"]))]


def test_sessions_started_at_once_under_one_id_become_takes(tmp_path):
    start = threading.Barrier(8)
    names = []

    def begin(number):
        recorder = VCRRecorder(tmp_path)
        start.wait()
        recorder.start_session("run")
        recorder.record_step("a", {}, {"number": number})
        names.append(recorder.session_id)
        recorder.close()

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted(["run", *(f"run~{n}" for n in range(2, 9))])
    found = {VCRPlayer.load_by_id(f"run~{n}", tmp_path).goto_frame(0)["number"] for n in range(1, 9)}
    assert found == set(range(8))


def test_a_torn_line_of_another_process_is_cut_by_the_next_writer(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"n": 1})
        with recorder.path.open("ab") as other:
            other.write(b'{"type":"frame","data":{"index":1,"node_na')
        recorder.record_step("a", {"n": 1}, {"n": 2})
        assert recorder.torn == [b'{"type":"frame","data":{"index":1,"node_na']
        path = recorder.path
    player = VCRPlayer.load(path)
    assert [player.goto_frame(i)["n"] for i in range(2)] == [1, 2]
    assert player.verify().ok


def test_a_file_that_is_read_while_written_is_sound_at_every_look(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        thread = threading.Thread(target=write, args=(recorder, 1, 400))
        thread.start()
        player = VCRPlayer.load(recorder.path)
        looks = 0
        while thread.is_alive() or not looks:
            player.refresh()
            if len(player):
                assert player.goto_frame(-1)["writer"] == 1
                looks += 1
            time.sleep(0.002)
        thread.join()
        player.refresh()
        assert len(player) == 400
