"""What recording adds to a trivial kickoff, and the frames that it leaves.

    python benchmarks/crewai/kickoff_overhead.py [rounds]

Plain and recorded kickoffs of the same two-task crew alternate; the medians are compared.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

from vcr_crewai import VCRCrewAI

# isort: split

from crewai import Agent, BaseLLM, Crew, Task

from vcr_core import VCRPlayer, VCRRecorder


class Model(BaseLLM):
    def call(self, messages, *args, **kwargs):
        return "Thought: done\nFinal Answer: done"


def make_crew():
    agents = [Agent(role=role, goal="g", backstory="b", llm=Model(model="local")) for role in ("one", "two")]
    tasks = [Task(name=a.role, description=f"task {a.role}", expected_output="e", agent=a) for a in agents]
    return Crew(agents=agents, tasks=tasks)


def timed(call):
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1e3


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    plain, recorded = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            one, other = make_crew(), make_crew()
            with VCRRecorder(folder) as recorder:
                recorder.start_session(f"round-{number}")
                first = timed(one.kickoff)
                second = timed(lambda: VCRCrewAI(recorder).kickoff(other))  # noqa: B023  # called at once
                path = recorder.save()
            if number:  # the first round warms up
                plain.append(first)
                recorded.append(second)
        before, after = statistics.median(plain), statistics.median(recorded)
        print(f"kickoff: plain {before:.1f} ms, recorded {after:.1f} ms, ratio {after / before:.3f} ({rounds} rounds)")
        for row in VCRPlayer.load(path).rows:
            print(f"  {row.index} {row.kind:5} {row.node_name:6} {row.latency_ms:7.2f} ms  parent {row.parent}")


if __name__ == "__main__":
    main()
