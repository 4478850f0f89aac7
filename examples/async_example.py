"""Parallel branches: recorded once, then replayed exactly, whatever order they run in.

Run it: ``python examples/async_example.py``.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time

from agent_vcr import ResumeConfig, ResumeMode, VCRPlayer, VCRRecorder, llm

calls = 0


@llm
async def ask(prompt: str) -> str:
    """Stand for a model that answers differently, and in different times, whenever it is asked."""
    global calls
    calls += 1
    await asyncio.sleep(random.uniform(0.01, 0.05))
    return f"answer {random.randrange(1000)}"


async def researcher(name: str) -> tuple[str, str]:
    """Ask twice; every researcher asks the same first question."""
    idea = await ask("What is new?")
    return name, await ask(f"Tell me more about {idea}")


async def agent() -> list[tuple[str, str]]:
    """Let four researchers race, and take them in the order in which they finish."""
    tasks = [asyncio.create_task(researcher(name)) for name in ("Ada", "Grace", "Edith", "Mary")]
    return [await done for done in asyncio.as_completed(tasks)]


async def main() -> None:
    """Record the race, replay it five times, fork it in the middle."""
    with tempfile.TemporaryDirectory() as directory:
        recorder = VCRRecorder(output_dir=directory)
        recorder.start_session("race")
        began = time.perf_counter()
        first = await recorder.arun(agent)
        recorder.close()
        print(f"recorded {calls} model calls in {1000 * (time.perf_counter() - began):.0f} ms: {first[0][0]} won")

        player = VCRPlayer.load_by_id("race", vcr_dir=directory)
        for _ in range(5):
            before = calls
            replay = await player.aresume(agent, ResumeConfig(mode=ResumeMode.REPLAY))
            replayed = VCRPlayer.load_by_id(replay, vcr_dir=directory)
            assert calls == before, "a replay calls no model"
            assert [row.key for row in replayed.rows] == [row.key for row in player.rows]
        print("replayed 5 times: no model call, the same order, the same answers")

        before = calls
        await player.aresume(agent, ResumeConfig(from_frame=5))
        assert calls - before == 3
        print("forked at frame 5: 5 steps from the tape, 3 live")


if __name__ == "__main__":
    asyncio.run(main())
