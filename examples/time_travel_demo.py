"""Fix it and resume: an agent fails at its last step, is mended, and goes on from there.

Run it: ``python examples/time_travel_demo.py``.  Every claim it prints is asserted.
"""

from __future__ import annotations

import tempfile
from typing import Any

from agent_vcr import ResumeConfig, VCRPlayer, VCRRecorder, compare_sessions, llm, step, tool

calls: list[str] = []
broken = True


@tool
def search(query: str) -> list[str]:
    """Stand for a slow search."""
    calls.append(f"search {query}")
    return [f"{query} fact {n}" for n in range(3)]


@llm
def summarise(facts: list[str]) -> str:
    """Stand for an expensive model."""
    calls.append("summarise")
    return " and ".join(facts)


@step
def publish(state: dict[str, Any]) -> dict[str, Any]:
    """The step with the bug."""
    calls.append("publish")
    if broken:
        raise KeyError("title")
    return {**state, "published": True}


def agent(topics: list[str]) -> dict[str, Any]:
    """Search each topic, summarise what was found, publish it."""
    facts = [fact for topic in topics for fact in search(topic)]
    return publish({"text": summarise(facts), "title": topics[0].title()})


def main() -> None:
    """Record a failure, mend the code, resume, then change history."""
    global broken
    with tempfile.TemporaryDirectory() as directory:
        recorder = VCRRecorder(output_dir=directory)
        recorder.start_session("report")
        try:
            recorder.run(agent, ["bees", "wasps"])
        except KeyError as error:
            print(f"the run failed with {error!r} after {calls}")
        recorder.close()

        player = VCRPlayer.load_by_id("report", vcr_dir=directory)
        assert [row.node_name for row in player.rows] == ["search", "search", "summarise", "publish"]
        assert player.get_errors()[0].error is not None

        broken = False
        calls.clear()
        fixed = VCRPlayer.load_by_id(player.resume(agent), vcr_dir=directory)
        assert calls == ["publish"], "only the step that failed ran again"
        assert fixed.goto_frame(-1)["published"]
        print(f"mended and resumed: ran {calls}, the other {len(fixed) - 1} steps came from the tape")

        calls.clear()
        edited = player.resume(agent, ResumeConfig(from_frame=2, state_overrides={"facts": ["wasps are fine"]}))
        other = VCRPlayer.load_by_id(edited, vcr_dir=directory)
        assert calls == ["summarise", "publish"]
        assert other.goto_frame(-1)["text"] == "wasps are fine"
        comparison = compare_sessions(fixed, other)
        changed = comparison.first_change
        assert changed is not None
        print(f"with other facts: ran {calls}, first change at {changed.name}: {changed.input[0].path}")
        assert player.verify().ok, "the recording itself never changes"


if __name__ == "__main__":
    main()
