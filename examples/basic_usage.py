"""Record a run, look at it, compare two of its steps.  Run it: ``python examples/basic_usage.py``."""

from __future__ import annotations

import tempfile

from agent_vcr import VCRPlayer, VCRRecorder


def main() -> None:
    """Record three steps of a research agent by hand, then walk through them."""
    with tempfile.TemporaryDirectory() as directory, VCRRecorder(output_dir=directory) as recorder:
        recorder.start_session("research", tags=["example"])
        state = {"topic": "bees", "notes": []}

        planned = {**state, "plan": ["read", "summarise"]}
        recorder.record_step("planner", state, planned)

        recorder.record_llm_call("reader", "What do bees eat?", "Nectar and pollen.", tokens=42, cost_usd=0.0004)
        read = {**planned, "notes": ["Nectar and pollen."]}
        recorder.record_step("reader", planned, read)

        recorder.record_checkpoint(read, "before_summary")
        recorder.record_step("writer", read, {**read, "summary": "Bees eat nectar and pollen."})
        path = recorder.save()

        player = VCRPlayer.load(path)
        for frame in player.frames:
            print(f"{frame.index}  {frame.kind:<10}  {frame.node_name}")
        print("before the summary:", player.goto_checkpoint("before_summary")["notes"])
        print("what the writer changed:", player.compare_frames(3, 4)["added"])
        print("who wrote the notes:", player.blame("/notes/0")[0].node_name)
        print(f"{player.get_total_tokens()} tokens, ${player.get_total_cost()}, verified: {player.verify().ok}")


if __name__ == "__main__":
    main()
