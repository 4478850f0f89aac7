"""Write the recordings that the figures are taken from: ``python benchmarks/tui/make_recordings.py DIR``.

``big.vcr`` has 10,000 frames in 27 MB, ``huge.vcr`` 100,000 frames in 270 MB, ``wide.vcr`` two states of 1 MiB.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from vcr_core import VCRRecorder

NODES = ["plan", "call_llm", "tool:search", "critic", "rerank", "summarise"]
TEXT = "the agent looks for a better answer in what the tools gave and asks once more before it goes on"
WORDS = TEXT.split(" ")


def text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(words))


def write_run(directory: Path, name: str, *, frames: int) -> Path:
    """Record a run of frames with about 2.7 KB each, one in a hundred failed."""
    draw = random.Random(7)
    recorder = VCRRecorder(directory, redact=False, diff_mode=False)
    recorder.start_session(name)
    path = recorder.path
    assert path is not None
    history = [{"role": "user", "content": text(draw, 40)} for _ in range(10)]
    for index in range(frames):
        history = [*history[1:], {"role": "assistant", "content": text(draw, 39), "step": index}]
        state = {"step": index, "task": "find the answer", "messages": history, "score": draw.random()}
        node = NODES[index % len(NODES)]
        latency = 10 ** draw.uniform(0.5, 3.6)
        if index % 97 == 96:
            recorder.record_error(
                node, state, RuntimeError(f"upstream returned 503 at step {index}"), latency_ms=latency
            )
        elif node == "call_llm":
            meta = {"tokens_used": 100 + index % 50, "cost_usd": 0.0004, "model": "small-1"}
            recorder.record_step(node, {"step": index}, state, meta, kind="node", latency_ms=latency)
        else:
            recorder.record_step(node, {"step": index}, state, latency_ms=latency)
    recorder.save()
    recorder.close()
    return path


def write_wide(directory: Path) -> Path:
    """Record two states of 1 MiB that differ by an insertion, a change and a removal."""
    draw = random.Random(3)
    messages = [{"id": f"m{at}", "role": "user", "content": f"{at} " + text(draw, 42)} for at in range(4000)]
    recorder = VCRRecorder(directory, redact=False)
    recorder.start_session("wide")
    path = recorder.path
    assert path is not None
    recorder.record_step("before", {"messages": []}, {"messages": messages})
    changed = [*messages[:10], {"id": "new", "role": "user", "content": "inserted"}, *messages[10:-1]]
    changed[2000] = {**changed[2000], "content": "changed"}
    recorder.record_step("after", {"messages": messages}, {"messages": changed})
    recorder.close()
    return path


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, frames in (("big", 10_000), ("huge", 100_000)):
        if not (directory / f"{name}.vcr").exists():
            write_run(directory, name, frames=frames)
    if not (directory / "wide.vcr").exists():
        write_wide(directory)
    for path in sorted(directory.glob("*.vcr")):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
