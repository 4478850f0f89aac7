"""A killed process loses nothing, a torn line costs nothing else, and the next writer starts on a clean line."""

from __future__ import annotations

import bisect
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.line_index import index_path
from vcr_core.session_file import SessionFile
from vcr_core.testing.faults import FaultyOps
from vcr_core.testing.scale import FULL, scaled
from vcr_core.wire_format import FormatError

WRITER = """
import os, sys, threading
from vcr_core import VCRRecorder
folder, seed = sys.argv[1], int(sys.argv[2])
recorder = VCRRecorder(folder)
recorder.start_session("run")
print("ready", flush=True)

def work(thread):
    state = {"thread": thread, "messages": []}
    n = 0
    while True:
        before = dict(state, messages=list(state["messages"]))
        state["messages"].append({"n": n, "text": f"{thread} {n} " * (seed % 7 + 1)})
        if n % 50 == 49:
            state["messages"] = state["messages"][-5:]
        frame = recorder.record_step(f"work-{thread}", before, state)
        os.write(1, b"%d %d %d\\n" % (frame.index, thread, n))  # said only after it was recorded
        n += 1

threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(seed % 3)]
for thread in threads:
    thread.start()
work(9)
"""


def kill_in_the_middle(folder, seed):
    """Start a writer, kill it at a random moment, and return what it said it had recorded: {index: (thread, n)}."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(seed)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(random.Random(seed).uniform(0, 0.12))
    process.send_signal(signal.SIGKILL)
    said, _ = process.communicate(timeout=30)
    lines = said.split(b"\n")[:-1]
    return {int(index): (int(thread), int(n)) for index, thread, n in (line.split() for line in lines)}


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("seed", range(scaled(200, 12)))
def test_kill_nine_loses_no_completed_frame(tmp_path, seed):
    recorded = kill_in_the_middle(tmp_path, seed)
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert len(player.frames) >= len(recorded)
    for index, (thread, n) in recorded.items():
        state = player.goto_frame(index)
        assert (state["thread"], state["messages"][-1]["n"] if state["messages"] else None) == (thread, n)
    report = player.verify(finished=False)
    assert [problem.kind for problem in report.problems] in ([], ["torn"])
    count = len(player.frames)
    with VCRRecorder(tmp_path) as recorder:
        recorder.attach("run")
        recorder.record_step("after", {}, {"after": True})
    again = VCRPlayer.load_by_id("run", tmp_path)
    assert len(again.frames) == count + 1
    assert again.goto_frame(-1) == {"after": True}
    assert again.verify().ok


DYING = """
import sys
from vcr_core import VCRRecorder
from vcr_core.testing.faults import DyingOps
recorder = VCRRecorder(sys.argv[1], file_ops=DyingOps(at=int(sys.argv[2]), after=int(sys.argv[3])))
recorder.start_session("run")
for n in range(10):
    recorder.record_step("a", {"n": n}, {"n": n + 1})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
@pytest.mark.parametrize("after", [0, 1, 50, 10_000])
def test_a_process_that_dies_within_a_write_leaves_at_most_a_torn_line(tmp_path, after):
    done = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), "6", str(after)], timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    player = VCRPlayer.load_by_id("run", tmp_path)
    whole = 5 if after == 10_000 else 4
    assert [player.goto_frame(i) for i in range(len(player.frames))] == [{"n": n + 1} for n in range(whole)]
    assert len(player.torn) == (0 if after == 10_000 else after)
    with VCRRecorder(tmp_path) as recorder:
        recorder.attach("run")
        assert recorder.torn == ([player.torn] if player.torn else [])
        recorder.record_step("b", {}, {})
    assert VCRPlayer.load_by_id("run", tmp_path).verify().ok


@pytest.fixture(scope="module")
def hundred(tmp_path_factory):
    """A file of 100 frames: its bytes, where its lines end, and the states."""
    folder = tmp_path_factory.mktemp("hundred")
    states = []
    with VCRRecorder(folder) as recorder:
        recorder.start_session("run")
        state = {"messages": [], "tags": {1}}
        for n in range(100):
            before = {**state, "messages": list(state["messages"])}
            state["messages"].append(f"message {n} é")
            if n % 30 == 29:
                state["messages"] = state["messages"][-3:]
            recorder.record_step("a", before, state)
            states.append({**state, "messages": list(state["messages"])})
    content = recorder.store.path("run").read_bytes()
    ends = [place + 1 for place, byte in enumerate(content) if byte == 10]
    return content, ends, states


def test_truncation_at_every_byte_costs_no_whole_frame(tmp_path, hundred):
    content, ends, states = hundred
    path = tmp_path / "cut.vcr"
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDWR)
    every, near = (1, 0) if FULL else (23, 2)
    lengths = set(range(ends[0], len(content), 1 if FULL else 5))
    lengths.update(end + shift for end in ends[:-1] for shift in range(near + 1))
    lengths.update(end - shift for end in ends[1:] for shift in range(1, near + 1))
    try:
        for length in sorted(lengths, reverse=True):
            os.ftruncate(descriptor, length)
            lines = bisect.bisect_right(ends, length)
            source = SessionFile(path)
            assert len(source) == min(lines - 1, 100)
            assert len(source.torn) == length - ends[lines - 1]
            source.close()
            if length % every == 0 or length in ends:
                with VCRPlayer_closing(path) as player:
                    index = len(player) - 1
                    assert index < 0 or player.goto_frame(index) == states[index]
    finally:
        os.close(descriptor)


def test_all_frames_before_a_cut_are_read_and_the_next_append_is_clean(tmp_path, hundred):
    content, ends, states = hundred
    rng = random.Random(2)
    for length in rng.sample(range(ends[0], len(content)), scaled(200, 25)):
        path = tmp_path / "cut.vcr"
        path.write_bytes(content[:length])
        index_path(path).unlink(missing_ok=True)
        with VCRPlayer_closing(path) as player:
            whole = len(player)
            assert [player.goto_frame(i) for i in range(whole)] == states[:whole]
        with VCRRecorder(tmp_path) as recorder:
            recorder.attach("cut")
            recorder.record_step("b", {}, {"after": 1})
        with VCRPlayer_closing(path) as player:
            assert len(player) == whole + 1
            assert player.goto_frame(whole) == {"after": 1}
            assert player.verify().ok


class VCRPlayer_closing:  # noqa: N801  # reads as what it is: a player in a with
    def __init__(self, path):
        self.player = VCRPlayer.load(path)

    def __enter__(self):
        return self.player

    def __exit__(self, *_):
        self.player.close()


def test_a_cut_within_the_first_line_is_told_and_nothing_else(tmp_path, hundred):
    content, ends, _states = hundred
    path = tmp_path / "cut.vcr"
    for length in range(ends[0]):
        path.write_bytes(content[:length])
        with pytest.raises(FormatError, match="there is no complete line in it"):
            VCRPlayer.load(path)


def test_an_index_that_does_not_fit_its_file_is_not_used(tmp_path, hundred):
    content, _ends, states = hundred
    path = tmp_path / "run.vcr"
    path.write_bytes(content)
    with VCRPlayer_closing(path) as player:
        player.source._index.save(path)
    assert index_path(path).exists()
    other = content.replace(b"message 7 ", b"massage 7 ")
    for changed in (content[: len(content) // 2], other):
        path.write_bytes(changed)
        with VCRPlayer_closing(path) as player:
            assert player.goto_frame(0) == states[0]
            assert not player.damage
    for garbage in (b"", b"garbage", b"\x81\xa7version\x01"):
        path.write_bytes(content)
        index_path(path).write_bytes(garbage)
        with VCRPlayer_closing(path) as player:
            assert player.goto_frame(99) == states[99]


def test_a_player_follows_a_file_that_grows(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"n": 0})
        player = VCRPlayer.load(recorder.path)
        assert len(player.frames) == 1
        for n in range(1, 4):
            recorder.record_step("a", {"n": n - 1}, {"n": n})
        assert player.refresh() == 3
        assert player.goto_frame(3) == {"n": 3}
        following = player.follow(timeout=0)  # the file is looked at before it stops
        assert [next(following).output_state["n"] for _ in range(4)] == [0, 1, 2, 3]
        recorder.record_step("a", {"n": 3}, {"n": 4})
        assert next(following).output_state == {"n": 4}
    assert list(following) == []


def test_durability_fsync_syncs_every_frame(tmp_path):
    ops = FaultyOps()
    with VCRRecorder(tmp_path, durability="fsync", file_ops=ops) as recorder:
        recorder.start_session("run")
        for n in range(5):
            recorder.record_step("a", {}, {"n": n})
        assert ops.calls["sync"] == 5


def test_durability_kernel_syncs_soon_and_seldom(tmp_path):
    ops = FaultyOps()
    with VCRRecorder(tmp_path, file_ops=ops) as recorder:
        recorder.start_session("run")
        for n in range(300):
            recorder.record_step("a", {}, {"n": n})
        deadline = time.monotonic() + 5
        while recorder.writer.log.dirty and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not recorder.writer.log.dirty
        assert 1 <= ops.calls["sync"] <= 20
