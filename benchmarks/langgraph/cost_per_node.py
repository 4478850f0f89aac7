"""What recording a LangGraph graph costs per node, beside what LangGraph's own parts cost.

    python benchmarks/langgraph/cost_per_node.py

CPU time of the whole process, in microseconds per node, medians of alternating rounds; the ratios are those of one run.
Two variants show where the cost is: "intercepted" decides and times each step as a recording does, and hands over no
frame; "not written" makes each frame and hands it to a recorder that encodes and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import operator
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Annotated, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

from vcr_core import VCRRecorder
from vcr_core.engine import Run
from vcr_langgraph import VCRCheckpointSaver, VCRLangGraph

NODES = 20


class State(TypedDict, total=False):
    count: int
    log: Annotated[list, operator.add]


def build(work, **options):
    builder = StateGraph(State)
    for number in range(NODES):
        builder.add_node(f"n{number}", work)
        builder.add_edge(f"n{number - 1}" if number else START, f"n{number}")
    return builder.compile(**options)


def trivial(state):
    return {"count": state["count"] + 1, "log": [state["count"]]}


def five_milliseconds(state):
    ends = time.perf_counter() + 0.005
    while time.perf_counter() < ends:
        pass
    return trivial(state)


def measure(variants, *, rounds, calls, clock):
    """Return the median cost per node of each variant, in microseconds; the variants take turns."""
    found = {name: [] for name in variants}
    for name, graph in variants.items():
        graph.invoke({"count": 0, "log": []}, config(f"warm-{name}"))
    for number in range(rounds):
        for name, graph in list(variants.items())[:: 1 if number % 2 else -1]:
            started = clock()
            for call in range(calls):
                graph.invoke({"count": 0, "log": []}, config(f"{number}-{call}"))
            found[name].append((clock() - started) / calls / NODES * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}


class Intercepted:
    """A wrapped graph whose calls are part of a run that records nowhere."""

    def __init__(self, graph):
        self.graph = graph

    def invoke(self, given, config):
        run = Run(None)
        with run.entered():
            self.graph.invoke(given, config)
        run.close()


def not_written(folder):
    """Return a wrapped graph whose frames are made, and neither encoded nor written; lines of runs are."""
    recorder = VCRRecorder(folder)
    recorder.start_session()
    recorder.writer.write = lambda *frame: None
    return VCRLangGraph(recorder).wrap_graph(build(trivial))


def config(thread):
    return {"configurable": {"thread_id": thread}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recorder = VCRRecorder(folder / "runs")
        vcr = VCRLangGraph(recorder)
        connection = sqlite3.connect(folder / "threads.db", check_same_thread=False)
        trivial_cost = measure(
            {
                "plain": build(trivial),
                "recorded": vcr.wrap_graph(build(trivial)),
                "intercepted": Intercepted(vcr.wrap_graph(build(trivial))),
                "not written": not_written(folder / "nothing"),
                "InMemorySaver": build(trivial, checkpointer=InMemorySaver()),
                "SqliteSaver": build(trivial, checkpointer=SqliteSaver(connection)),
                "VCRCheckpointSaver": build(trivial, checkpointer=VCRCheckpointSaver(folder / "threads.vcr")),
            },
            rounds=options.rounds,
            calls=options.calls,
            clock=time.process_time,
        )
        busy_cost = measure(
            {"plain": build(five_milliseconds), "recorded": vcr.wrap_graph(build(five_milliseconds))},
            rounds=max(3, options.rounds // 3),
            calls=2,
            clock=time.process_time,
        )
        recorder.close()
        connection.close()
    for title, costs in (("trivial nodes, CPU us per node", trivial_cost), ("5 ms nodes, CPU us per node", busy_cost)):
        print(title)
        for variant, cost in costs.items():
            print(f"  {variant:<20} {cost:9.1f}  {cost / costs['plain']:.3f} x plain")
    print(
        json.dumps(
            {
                "recorded_over_plain": round(trivial_cost["recorded"] / trivial_cost["plain"], 3),
                "intercepted_over_plain": round(trivial_cost["intercepted"] / trivial_cost["plain"], 3),
                "recorded_over_memory_saver": round(trivial_cost["recorded"] / trivial_cost["InMemorySaver"], 3),
                "vcr_saver_over_sqlite_saver": round(
                    trivial_cost["VCRCheckpointSaver"] / trivial_cost["SqliteSaver"], 3
                ),
                "overhead_at_5_ms": round(busy_cost["recorded"] / busy_cost["plain"] - 1, 4),
            }
        )
    )


if __name__ == "__main__":
    main()
