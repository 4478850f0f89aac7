"""The gate of vcr-core: the four classic limits, and what `design` promises as ratios and counts within one run.

``pytest benchmarks/test_core_gate.py`` prints the times; `nox -s benchmarks` runs it.  Beside the predecessor, the same
work is measured by ``benchmarks/peers.py``.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from itertools import count

import msgspec
import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.testing.faults import FaultyOps


def state_of(n: int, size: int = 1000) -> dict:
    rng = random.Random(n)
    words = ["lorem", "ipsum", "dolor", "sit", "amet", "elit", "tempor"]
    return {"task": "answer", "n": n, "draft": " ".join(rng.choices(words, k=size // 6))}


def grow(folder, steps: int, size: int = 1000) -> tuple[float, int, dict]:
    """Record a growing history; return seconds, bytes on disk and the last state."""
    messages: list[dict] = [{"role": "user", "content": state_of(n, size)["draft"]} for n in range(steps)]
    recorder = VCRRecorder(folder)
    recorder.start_session("run")
    started = time.perf_counter()
    for n in range(steps):
        recorder.record_step("node", {"messages": messages[:n]}, {"messages": messages[: n + 1]})
    recorder.save()
    took = time.perf_counter() - started
    recorder.close()
    return took, recorder.store.path("run").stat().st_size, {"messages": messages}


@pytest.fixture(scope="module")
def long_session(tmp_path_factory):
    """A session of 10,000 frames, and the seconds it took to record it."""
    folder = tmp_path_factory.mktemp("long")
    states = [state_of(n, 650) for n in range(10_001)]
    with VCRRecorder(folder) as recorder:
        recorder.start_session("run")
        started = time.perf_counter()
        for n in range(10_000):
            recorder.record_step("node", states[n], states[n + 1])
        recorder.save()
        seconds = time.perf_counter() - started
        path = recorder.path
    return path, seconds


# -- the four classic limits -----------------------------------------------------------------------------------------


def test_mean_of_a_step_is_below_five_milliseconds(benchmark, tmp_path):
    states = [state_of(n) for n in range(1001)]
    numbers = count()
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")

        def step():
            n = next(numbers) % 1000
            recorder.record_step("node", states[n], states[n + 1])

        benchmark.pedantic(step, rounds=3000, warmup_rounds=50)
    assert benchmark.stats["mean"] < 0.005


def test_ten_thousand_frames_are_recorded_at_more_than_a_thousand_a_second(long_session):
    _path, seconds = long_session
    print(f"\n{10_000 / seconds:,.0f} frames a second")
    assert 10_000 / seconds > 1000


def test_ten_thousand_frames_load_in_half_a_second(benchmark, long_session):
    path, _seconds = long_session

    def load():
        index = path.parent / ".index"
        for kept in index.glob("*"):
            kept.unlink()
        player = VCRPlayer.load(path)
        assert len(player.frames) == 10_000
        player.close()

    benchmark.pedantic(load, rounds=10)
    assert benchmark.stats["median"] < 0.5


def test_going_to_a_frame_takes_less_than_a_millisecond(benchmark, long_session):
    player = VCRPlayer.load(long_session[0])
    rng = random.Random(1)
    benchmark.pedantic(lambda: player.goto_frame(rng.randrange(10_000)), rounds=3000, warmup_rounds=10)
    assert benchmark.stats["median"] < 0.001


# -- ratios within one run -------------------------------------------------------------------------------------------


def test_the_time_for_a_growing_history_is_not_quadratic(tmp_path):
    """Four times the steps: sixteen times the work if every state were written whole."""
    ratios = []
    for turn in range(3):
        short, _, _ = grow(tmp_path / f"short-{turn}", 500)
        long, _, _ = grow(tmp_path / f"long-{turn}", 2000)
        ratios.append(long / short)
    print(f"\n4 times the steps take {statistics.median(ratios):.1f} times as long")
    assert statistics.median(ratios) < 10


def test_bytes_grow_with_the_content(tmp_path):
    for steps in (500, 5000):
        _, size, state = grow(tmp_path / str(steps), steps, 300 if steps > 1000 else 1000)
        content = len(msgspec.json.encode(state))
        print(f"\n{steps} steps: {size / content:.2f} times the content")
        # A line costs about 250 bytes of its own: two times the content from 300 bytes a step on.
        assert size <= (2 if steps == 500 else 2.2) * content


def test_going_to_a_frame_of_a_growing_session_costs_twice_a_decode_at_most(tmp_path):
    grow(tmp_path, 1000)
    player = VCRPlayer.load_by_id("run", tmp_path)
    places = list(range(50, 1000, 7))
    plain = {place: msgspec.json.encode(player.goto_frame(place)) for place in places}
    rng = random.Random(1)
    ours: dict[int, list[float]] = {place: [] for place in places}
    decodes: dict[int, list[float]] = {place: [] for place in places}
    for _ in range(5):
        rng.shuffle(places)
        for place in places:
            started = time.perf_counter()
            msgspec.json.decode(plain[place])
            decodes[place].append(time.perf_counter() - started)
            started = time.perf_counter()
            player.goto_frame(place)
            ours[place].append(time.perf_counter() - started)
    ratio = statistics.median(statistics.median(ours[p]) / statistics.median(decodes[p]) for p in places)
    print(f"\ngoto_frame at random takes {ratio:.2f} times a decode of that state")
    assert ratio <= 2


def test_an_index_makes_opening_cheaper(long_session):
    path, _seconds = long_session
    without, with_index = [], []
    for _ in range(7):
        for kept in (path.parent / ".index").glob("*"):
            kept.unlink()
        for times in (without, with_index):
            started = time.perf_counter()
            player = VCRPlayer.load(path)
            player.goto_frame(5000)
            times.append(time.perf_counter() - started)
            player.close()
    ratio = statistics.median(without) / statistics.median(with_index)
    print(f"\nopening without the index takes {ratio:.1f} times as long")
    assert ratio > 2


# -- counts ----------------------------------------------------------------------------------------------------------


def test_a_frame_is_one_write_and_syncs_are_rare(tmp_path):
    ops = FaultyOps()
    with VCRRecorder(tmp_path, file_ops=ops) as recorder:
        recorder.start_session("run")
        before = ops.calls["write"]
        started = time.monotonic()
        for n in range(1000):
            recorder.record_step("node", state_of(n), state_of(n + 1))
        seconds = time.monotonic() - started
        assert ops.calls["write"] - before == 1000
        assert ops.calls["sync"] <= 1 + seconds / 0.2


def test_a_frame_that_says_nothing_new_takes_few_bytes(tmp_path):
    state = state_of(1, 10_000)
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("node", state, state)
        before = recorder.path.stat().st_size
        for _ in range(100):
            recorder.record_step("node", state, dict(state))
        assert (recorder.path.stat().st_size - before) / 100 < 350


IMPORT = """
import json, sys
before = set(sys.modules)
import vcr_core
vcr_core.VCRRecorder
vcr_core.VCRPlayer
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(added - set(sys.stdlib_module_names))))
"""


def test_importing_brings_in_nothing_but_msgspec():
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True)
    assert set(json.loads(done.stdout)) - {"vcr_core", "msgspec", "typing_extensions"} == set()


def test_importing_alone_loads_next_to_nothing():
    """Names load when they are used; so the import costs the same however much the package grows."""
    code = (
        "import sys, vcr_core; print(*sorted(name for name in sys.modules if name.startswith(('vcr_core', 'msgspec'))))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert set(loaded) <= {"vcr_core", "vcr_core.errors", "vcr_core.lazy_names"}
    timed = "import time; s = time.process_time(); import vcr_core{}; print(time.process_time() - s)"
    for what, more in (("alone", ""), ("with the recorder", "; vcr_core.VCRRecorder")):
        took = [float(subprocess.check_output([sys.executable, "-c", timed.format(more)])) for _ in range(5)]
        print(f"\nimport {what}: {statistics.median(took) * 1e3:.0f} ms of processor time")
