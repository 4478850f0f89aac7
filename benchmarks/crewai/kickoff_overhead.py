"""What recording adds to a trivial kickoff: two agents, two tasks, a model that answers at once.

    python benchmarks/crewai/kickoff_overhead.py [--rounds 40]

Plain and recorded kickoffs of equal crews take turns, in the order A B B A, so that neither has the better place.  The
medians of the rounds are compared, of time that passed and of CPU time of the whole process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time

from vcr_crewai import VCRCrewAI

# isort: split

from crewai import Agent, BaseLLM, Crew, Task

from vcr_core import VCRRecorder


class Model(BaseLLM):
    def call(self, messages, *args, **kwargs):
        return "Thought: done\nFinal Answer: done"


def make_crew():
    agents = [Agent(role=role, goal="g", backstory="b", llm=Model(model="local")) for role in ("one", "two")]
    tasks = [Task(name=a.role, description=f"task {a.role}", expected_output="e", agent=a) for a in agents]
    return Crew(agents=agents, tasks=tasks)


def timed(kickoff):
    """Return what one kickoff of a new crew takes, in ms: passed and CPU time."""
    crew = make_crew()
    started, worked = time.perf_counter(), time.process_time()
    kickoff(crew)
    return (time.perf_counter() - started) * 1e3, (time.process_time() - worked) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, VCRRecorder(folder) as recorder:
        recorder.start_session("overhead")
        kickoffs = {"plain": lambda crew: crew.kickoff(), "recorded": VCRCrewAI(recorder).kickoff}
        found = {side: [] for side in kickoffs}
        for side in ("plain", "recorded") * 2:
            timed(kickoffs[side])  # warms up
        for number in range(rounds):
            order = ("plain", "recorded") if number % 2 else ("recorded", "plain")
            for side in order:
                found[side].append(timed(kickoffs[side]))
        frames = recorder.frame_count // (rounds + 2)
    ratios = {}
    for which, clock in enumerate(("passed", "cpu")):
        plain, recorded = (statistics.median(took[which] for took in found[side]) for side in ("plain", "recorded"))
        pairs = [b[which] / a[which] for a, b in zip(found["plain"], found["recorded"], strict=True)]
        ratios[clock] = round(recorded / plain, 3)
        print(
            f"{clock:6} time of a kickoff: plain {plain:6.2f} ms, recorded {recorded:6.2f} ms, "
            f"ratio {recorded / plain:.3f}, median of the pairs' ratios {statistics.median(pairs):.3f}"
        )
    print(json.dumps({"rounds": rounds, "frames_of_a_kickoff": frames, "recorded_over_plain": ratios}))


if __name__ == "__main__":
    main()
