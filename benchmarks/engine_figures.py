"""Print what the engine costs: recording a step, serving one, and how both grow.

Run it: ``python benchmarks/engine_figures.py``.  All figures are medians of one run on this machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

from vcr_core import ResumeConfig, ResumeMode, VCRPlayer, VCRRecorder, step
from vcr_core.engine import run_again

REPLAY = ResumeConfig(mode=ResumeMode.REPLAY)
TEXT = "word " * 390
_times: list[float] = []


def plain(number: int) -> dict[str, Any]:
    """Return about 2 KB."""
    return {"number": number, "text": TEXT}


recorded = step(plain)


def agent(steps: int) -> int:
    """Take so many steps, and note what each took."""
    total = 0
    for number in range(steps):
        began = time.perf_counter_ns()
        total += recorded(number)["number"]
        _times.append(time.perf_counter_ns() - began)
    return total


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as directory:
        recorder = VCRRecorder(directory)
        for steps in (100, 10_000):
            recorder.start_session(f"run-{steps}")
            _times.clear()
            recorder.run(agent, steps)
            median, p99 = statistics.median(_times) / 1000, statistics.quantiles(_times, n=100)[98] / 1000
            print(f"record a step of 2 KB, {steps:>6} steps: median {median:6.1f} µs, p99 {p99:7.1f} µs")
        recorder.close()
        each: dict[int, float] = {}
        for steps in (100, 10_000):
            player = VCRPlayer.load_by_id(f"run-{steps}", directory)
            samples: list[float] = []
            for _ in range(7 if steps == 100 else 3):
                began = time.perf_counter()
                assert run_again(player, agent, REPLAY, record=False).error is None
                samples.append((time.perf_counter() - began) / steps * 1e6)
            each[steps] = statistics.median(samples)
            print(f"serve a step of 2 KB,  {steps:>6} steps: median {each[steps]:6.1f} µs")
        print(f"serving: each of 10,000 steps costs {each[10_000] / each[100]:.2f} times one of 100")


if __name__ == "__main__":
    main()
