"""What a recorded step of 1 KB cannot do without, beside what it costs.

    python benchmarks/step_parts.py

Each part is called here as the recorder calls it, with nothing around it, so their sum is what is left of a step when
all of the recorder's own Python is taken away. Medians of alternating rounds in one process, in microseconds.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from peers import text

from vcr_core import VCRRecorder
from vcr_core.clock import Clock
from vcr_core.file_ops import FileOps
from vcr_core.frames import FrameRow
from vcr_core.redaction import Redactor
from vcr_core.wire_format import encode, frame_body, row_fields, seal

STATES = 512
ROUNDS = 40


def main() -> None:
    """Measure and print."""
    rng = random.Random(2)
    states = [{"task": "answer", "n": n, "draft": text(rng, 950)} for n in range(STATES + 1)]
    encoded = [encode(state) for state in states]
    row = FrameRow(-1, "node", timestamp=Clock().timestamp(), latency_ms=0.123)
    fields = row_fields(row)
    bodies = [frame_body(n, fields, b"{}", b'"output_state":' + state) for n, state in enumerate(encoded)]
    lines = [seal(body, "0" * 32)[0] for body in bodies]
    redactor, ops, clock = Redactor(key=b"k" * 32, env={}), FileOps(), Clock()
    with tempfile.TemporaryDirectory() as folder:
        file = ops.create(Path(folder, "parts"))
        recorder = VCRRecorder(Path(folder, "runs"))
        recorder.start_session("run")

        def lock(_: int) -> None:
            ops.lock(file)
            ops.unlock(file)

        parts: dict[str, Callable[[int], object]] = {
            "look for secrets": lambda n: redactor.may_contain(encoded[n], names=3),
            "write": lambda n: ops.write(file, lines[n]),
            "hash": lambda n: seal(bodies[n], "0" * 32),
            "lock, size, unlock": lock,
            "encode the state": lambda n: encode(states[n]),
            "the small fields": lambda _: row_fields(row),
            "timestamp": lambda _: clock.timestamp(),
            "compare, and keep for the next": lambda n: (states[n] == states[n + 1], dict(states[n])),
        }
        whole = {"a step": lambda n: recorder.record_step("node", states[n], states[n + 1])}
        took: dict[str, list[float]] = {name: [] for name in [*parts, *whole, "nothing"]}
        for _ in range(ROUNDS):
            for name, act in {**parts, **whole, "nothing": lambda _: None}.items():
                started = time.perf_counter()
                for n in range(STATES):
                    act(n)
                took[name].append((time.perf_counter() - started) / STATES * 1e6)
        recorder.close()
    empty = statistics.median(took.pop("nothing"))
    costs = {name: statistics.median(values) - empty for name, values in took.items()}
    for name in parts:
        print(f"{name:<32} {costs[name]:6.2f}")
    print(f"{'together':<32} {sum(costs[name] for name in parts):6.2f}")
    print(f"{'a step':<32} {costs['a step']:6.2f}")


if __name__ == "__main__":
    main()
