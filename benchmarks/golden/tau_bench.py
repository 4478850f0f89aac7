"""Serving tool calls of real runs from an earlier trial: naively, and by HYBRID.

``python benchmarks/golden/tau_bench.py ../shared/data/tau-bench-airline.json`` prints how often each is wrong, and the
hit rate that is left.  Trial 0 of each task is the golden run; trials 1 to 3 ask for what they asked for.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from vcr_core import VCRRecorder, tool
from vcr_golden import Effect, GoldenRunCache

RESERVATION = "reservations:{reservation_id}"
USER = "users:{user_id}"
EFFECTS = {
    "calculate": Effect("pure"),
    "think": Effect("pure"),
    "list_all_airports": Effect("pure"),
    "get_user_details": Effect("read", (USER,)),
    "get_reservation_details": Effect("read", (RESERVATION,)),
    "search_direct_flight": Effect("read", ("flights",)),
    "search_onestop_flight": Effect("read", ("flights",)),
    "book_reservation": Effect("write", (USER, "reservations", "flights")),
    "cancel_reservation": Effect("write", (RESERVATION, "users", "flights")),
    "update_reservation_flights": Effect("write", (RESERVATION, "users", "flights")),
    "update_reservation_baggages": Effect("write", (RESERVATION, "users")),
    "update_reservation_passengers": Effect("write", (RESERVATION,)),
    "send_certificate": Effect("write", (USER,)),
}


@dataclasses.dataclass
class Found:
    """Counts over all tool calls of trials 1 to 3.

    Attributes:
        calls: All of them.
        repeated: Those whose name and arguments were asked for in trial 0 of the task.
        naive_wrong_output: Of those, the ones whose answer is another one now.
        naive_lost_writes: Of those, successful writes, which a cache that answers them does not make.
        served: Calls that HYBRID served.
        served_writes: Writes among them; they are made after all before anything that depends on them runs.
        wrong: Served calls whose answer is another one now.
    """

    calls: int = 0
    repeated: int = 0
    naive_wrong_output: int = 0
    naive_lost_writes: int = 0
    served: int = 0
    served_writes: int = 0
    wrong: int = 0


def tool_calls(run):
    """Return name, arguments and answer of each call that was made."""
    asked, found = {}, []
    for message in run["traj"]:
        for call in message.get("tool_calls") or []:
            asked[call["id"]] = (call["function"]["name"], json.loads(call["function"]["arguments"]))
        if message["role"] == "tool" and message["tool_call_id"] in asked:
            found.append((*asked[message["tool_call_id"]], message["content"]))
    return found


class Airline:
    """The tools; live they answer what the run that is being played answered."""

    def __init__(self):
        self.answer = None
        self.live = 0
        self.tools = {}

    def call(self, name, arguments):
        if name not in self.tools:

            def ask(**kwargs):
                self.live += 1
                return self.answer

            self.tools[name] = tool(name)(ask)
        return self.tools[name](**arguments)


def play(airline, calls, seen):
    """Return the agent that makes these calls and notes what it was answered."""

    def agent():
        for name, arguments, answer in calls:
            airline.answer, before = answer, airline.live
            got = airline.call(name, arguments)
            seen.append((name, got == answer, airline.live == before))

    return agent


def measure(path, directory):
    runs = defaultdict(dict)
    for run in json.loads(Path(path).read_text()):
        runs[run["task_id"]][run["trial"]] = tool_calls(run)
    found = Found()
    for task, trials in runs.items():
        if not trials[0]:
            continue
        airline, cache = Airline(), GoldenRunCache(Path(directory) / "golden", effects=EFFECTS)
        recorder = VCRRecorder(Path(directory) / "tape")
        recorder.start_session(f"task{task}")
        agent = play(airline, trials[0], [])
        recorder.run(agent)
        recorder.close()
        cache.save_golden_run(f"task {task}", recorder, agent=agent)
        for trial in (1, 2, 3):
            count_naive(trials[0], trials[trial], found)
            seen = []
            cache.run(f"task {task}", play(airline, trials[trial], seen), mode="hybrid")
            for name, right, served in seen:
                found.calls += 1
                found.served += served
                found.served_writes += served and is_write(name)
                found.wrong += served and not right
        cache.invalidate(f"task {task}")
    return found


def is_write(name):
    effect = EFFECTS.get(name)
    return effect is not None and effect.kind == "write"


def count_naive(golden, calls, found):
    known = {}
    for name, arguments, answer in golden:
        known.setdefault((name, json.dumps(arguments, sort_keys=True)), answer)
    for name, arguments, answer in calls:
        before = known.get((name, json.dumps(arguments, sort_keys=True)))
        if before is not None:
            found.repeated += 1
            found.naive_wrong_output += before != answer
            found.naive_lost_writes += before == answer and is_write(name) and not answer.startswith("Error")


def main(path):
    with tempfile.TemporaryDirectory() as directory:
        found = measure(path, directory)
    naive = found.naive_wrong_output + found.naive_lost_writes
    print(f"{found.calls} tool calls in trials 1 to 3; {found.repeated} repeat a call of trial 0 (name and arguments)")
    print(
        f"naive: wrong {naive} of {found.repeated} ({naive / found.repeated:.1%}): {found.naive_wrong_output} answers "
        f"that are others now, {found.naive_lost_writes} writes that would not be made"
    )
    print(
        f"HYBRID: wrong {found.wrong} of {found.served} served; hit rate {found.served / found.repeated:.1%} of the "
        f"repeats, {found.served / found.calls:.1%} of all calls; {found.served_writes} served writes"
    )
    return found


if __name__ == "__main__":
    main(sys.argv[1])
