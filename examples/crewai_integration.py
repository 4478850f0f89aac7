"""A crew that records itself, replays without a call, and goes on from its second task with an edited output.

Needs the extra `crewai`.  Nothing leaves the machine: the model is a class of ours.
"""

from __future__ import annotations

import tempfile

from vcr_crewai import VCRCrewAI  # sets the offline switches: import it before crewai

# isort: split

from crewai import Agent, BaseLLM, Crew, Task

from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder

calls = []


class LocalModel(BaseLLM):
    """Answers from a rule, as a model would."""

    def call(self, messages, tools=None, callbacks=None, available_functions=None, **options):
        calls.append(self.model)
        text = str(messages)
        answer = "the tide turns at 14:10" if "Find" in text else "Swim after " + text.rpartition("turns at ")[2][:5]
        return f"Thought: I now can give a great answer\nFinal Answer: {answer}"


def make_crew() -> Crew:
    """Return two agents with a task each."""
    scout = Agent(role="scout", goal="facts", backstory="exact", llm=LocalModel(model="local"))
    guide = Agent(role="guide", goal="advice", backstory="kind", llm=LocalModel(model="local"))
    tasks = [
        Task(name="look", description="Find the tide of {place}", expected_output="a time", agent=scout),
        Task(name="advise", description="Say when to swim", expected_output="advice", agent=guide),
    ]
    return Crew(agents=[scout, guide], tasks=tasks)


def main() -> None:
    """Record, replay, resume."""
    with tempfile.TemporaryDirectory() as folder, VCRRecorder(folder) as recorder:
        result = VCRCrewAI(recorder).kickoff(make_crew(), inputs={"place": "Brest"})
        print(f"recorded: {result.raw} ({len(calls)} calls of the model)")

        player = VCRPlayer.load(recorder.save())
        for row in player.rows:
            print(f"  {row.index} {row.kind:5} {row.node_name:10} {row.latency_ms:6.1f} ms")

        calls.clear()
        player.resume(make_crew(), ResumeConfig(mode="replay"))
        print(f"replayed: {len(calls)} calls")

        look, advise = (row.index for row in player.rows if row.node_name in ("look", "advise"))
        edit = {look: "the tide turns at 18:45"}
        fork = player.resume(make_crew(), ResumeConfig(from_frame=advise, output_overrides=edit))
        forked = VCRPlayer.load_by_id(fork, vcr_dir=folder)
        print(f"resumed: {forked.state(len(forked) - 1).raw} ({len(calls)} call)")


if __name__ == "__main__":
    main()
