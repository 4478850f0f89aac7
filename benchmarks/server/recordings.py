"""Make 1,000 small sessions, most of them forks, and one of 10,000 frames: ``python recordings.py DIRECTORY``."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from vcr_core.recorder import VCRRecorder

WORDS = ["plan", "search", "tool", "user", "context", "flight", "budget", "verify", "draft", "answer", "token"]


def record(recorder: VCRRecorder, frames: int, chance: random.Random) -> None:
    """Record frames into the open session: steps, calls of a model and of tools, now and then an error."""
    state = {"goal": "book a flight", "step": 0, "messages": [], "budget": {"usd": 500, "spent": 0.0}}
    for number in range(frames):
        message = {
            "role": chance.choice(["user", "assistant", "tool"]),
            "content": " ".join(chance.choices(WORDS, k=12)),
        }
        grown = {**state, "step": number + 1, "messages": [*state["messages"][-10:], message]}
        draw, latency = chance.random(), chance.lognormvariate(5, 1.1)
        if draw < 0.01:
            recorder.record_error("critic", state, ValueError("sold out"), latency_ms=latency)
        elif draw < 0.3:
            recorder.record_llm_call(
                "call_llm",
                [message],
                "ok",
                model="m",
                tokens_input=300,
                tokens_output=40,
                cost_usd=0.002,
                latency_ms=latency,
            )
        elif draw < 0.5:
            recorder.record_tool_call("tool:search", "search", {"q": number}, {"hits": 3}, latency_ms=latency)
        else:
            recorder.record_step(chance.choice(["plan", "draft", "router"]), state, grown, latency_ms=latency)
            state = grown


def make_recordings(directory: Path, *, sessions: int = 1_000, frames: int = 10_000) -> None:
    """Record everything, always the same."""
    chance = random.Random(7)
    made: list[tuple[str, int]] = []
    with VCRRecorder(directory) as recorder:
        for number in range(sessions):
            count = chance.randint(5, 14)
            name = f"run-{number:04}"
            if made and chance.random() < 0.8:
                parent, length = chance.choice(made[-40:])
                cut = chance.randint(1, length)
                recorder.start_session(name, parent_session_id=parent, forked_from_frame=cut)
                recorder.share_frames(parent, cut)
                made.append((name, cut + count))
            else:
                recorder.start_session(name)
                made.append((name, count))
            record(recorder, count, chance)
            recorder.save()
        recorder.start_session("long")
        record(recorder, frames, chance)
        recorder.save()


if __name__ == "__main__":
    make_recordings(Path(sys.argv[1]))
