"""A ghost replay of 1,000 steps, against the predecessor's, in turns; and 30 golden tests offline.

``python benchmarks/golden/ghost_replay.py --peer /path/to/python`` where that Python has ``ai-agent-vcr==1.5.4``.  Ours
runs the agent with each step served; the predecessor's returns stored outputs.  Each side opens the golden run anew for
each measurement, in a process of its own.  Prints medians and the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = 1000
SHAPES = {"growing": "a history growing 200 B a step", "fixed": "1 KB in and out"}
PEER = """
import json, sys, time
from agent_vcr import VCRRecorder
from agent_vcr.golden_cache import GoldenRunCache
directory, steps = sys.argv[1], int(sys.argv[2])
recorder = VCRRecorder(output_dir=directory + "/tape")
recorder.start_session("run")
growing = sys.argv[3] == "growing"
state = {"messages": []}
for i in range(steps):
    if growing:
        after = {"messages": [*state["messages"], {"role": "user", "content": f"{i} " + "z" * 200}]}
        recorder.record_step("work", state, after)
        state = after
    else:
        recorder.record_step("work", {"n": i, "text": "x" * 1000}, {"n": i + 1, "text": "y" * 1000})
recorder.save()
GoldenRunCache(cache_dir=directory + "/golden").save_golden_run("task", recorder)
for line in sys.stdin:
    start = time.perf_counter()
    outputs, _ = GoldenRunCache(cache_dir=directory + "/golden").replay("task")
    print(json.dumps([time.perf_counter() - start, len(outputs)]), flush=True)
"""


def ours(directory, steps, shape="fixed"):
    """Return a function that measures one replay."""
    from vcr_core import VCRRecorder, step
    from vcr_golden import GoldenRunCache

    @step
    def work(n, text):
        return {"n": n + 1, "text": "y" * 1000}

    @step
    def grow(state):
        count = len(state["messages"])
        return {"messages": [*state["messages"], {"role": "user", "content": f"{count} " + "z" * 200}]}

    def agent():
        if shape == "growing":
            state = {"messages": []}
            for _ in range(steps):
                state = grow(state)
            return len(state["messages"])
        n = 0
        for _ in range(steps):
            n = work(n, "x" * 1000)["n"]
        return n

    recorder = VCRRecorder(f"{directory}/tape")
    recorder.start_session("run")
    recorder.run(agent)
    recorder.close()
    GoldenRunCache(f"{directory}/golden").save_golden_run("task", recorder, agent=agent)

    def measure():
        start = time.perf_counter()
        result, ledger = GoldenRunCache(f"{directory}/golden").run("task", agent)
        spent = time.perf_counter() - start
        assert (result, ledger.served.steps, ledger.spent.steps) == (steps, steps, 0)
        return spent

    return measure


def compare(peer, rounds, shape):
    with tempfile.TemporaryDirectory() as directory:
        command = [peer, "-c", PEER, f"{directory}/peer", str(STEPS), shape]
        theirs = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert theirs.stdin is not None
        assert theirs.stdout is not None
        measure = ours(f"{directory}/ours", STEPS, shape)
        mine, other = [], []
        for _ in range(rounds):
            mine.append(measure())
            theirs.stdin.write("again\n")
            theirs.stdin.flush()
            seconds, outputs = json.loads(theirs.stdout.readline())
            assert outputs == STEPS
            other.append(seconds)
        theirs.stdin.close()
        theirs.wait(30)
    first, second = statistics.median(mine), statistics.median(other)
    print(
        f"ghost replay of {STEPS} steps: {first * 1000:.1f} ms with the agent running, predecessor {second * 1000:.1f}"
    )
    print(f"ratio: {second / first:.2f} times as fast (goal 5)")


def thirty(steps):
    """Replay 30 golden runs of `steps` steps, each checked by the gate."""
    from vcr_core import VCRRecorder, llm, tool
    from vcr_golden import GoldenRunCache
    from vcr_golden.gate import Gate
    from vcr_golden.network_block import network_blocked

    @tool
    def look(n):
        return {"n": n, "text": "y" * 1000}

    @llm(metadata=lambda _: {"tokens_input": 10, "tokens_output": 5, "cost_usd": 0.001, "model": "m"})
    def think(text):
        return text[:10]

    def agent(task):
        return [think(f"{task} {look(n)['text']}") for n in range(steps // 2)]

    with tempfile.TemporaryDirectory() as directory:
        cache = GoldenRunCache(Path(directory) / "golden")
        for number in range(30):
            recorder = VCRRecorder(Path(directory) / "tape")
            recorder.start_session(f"run{number}")
            recorder.run(agent, number)
            recorder.close()
            cache.save_golden_run(f"task {number}", recorder, agent=agent)
        start = time.perf_counter()
        with network_blocked() as block:
            verdicts = {Gate(cache).check_agent(f"task {n}", agent, (n,))[0].verdict for n in range(30)}
        spent = time.perf_counter() - start
    assert verdicts == {"same"}
    assert not block.blocked
    print(f"30 golden runs of {steps} steps, replayed and checked offline: {spent:.2f} s (limit 3)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="a Python that has ai-agent-vcr 1.5.4")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    thirty(40)
    if arguments.peer:
        for shape in SHAPES:
            compare(arguments.peer, 3 if shape == "growing" else arguments.rounds, shape)
    else:
        with tempfile.TemporaryDirectory() as directory:
            measure = ours(directory, STEPS)
            spent = statistics.median(measure() for _ in range(arguments.rounds))
        print(f"ghost replay of {STEPS} steps: {spent * 1000:.1f} ms (--peer PYTHON compares)", file=sys.stdout)


if __name__ == "__main__":
    main()
