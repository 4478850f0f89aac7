"""What the hook of a coding agent costs per call, beside a bare interpreter: `python benchmarks/acid/bench_hook.py`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vcr_acid.cli import hook_client

CALLS = 40
EVENT = b'{"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "true"}}'


def milliseconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, input=EVENT, stdout=subprocess.DEVNULL, check=True)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    client = [sys.executable, "-I", "-S", str(hook_client.__file__)]
    bare = [sys.executable, "-I", "-S", "-c", "pass"]
    with tempfile.TemporaryDirectory() as directory:
        project = Path(directory) / "project"
        project.mkdir()
        for number in range(1000):
            (project / f"{number}.txt").write_text(str(number))
        os.environ.update(
            VCR_ACID_RUNTIME=f"{directory}/run",
            VCR_ACID_IDLE="3",
            XDG_STATE_HOME=f"{directory}/state",
            CLAUDE_PROJECT_DIR=str(project),
        )
        print(f"first call, starts the keeper, 1,000 files: {milliseconds(client):.0f} ms")
        runs = {"bare interpreter": bare, "hook, nothing changed": client}
        times: dict[str, list[float]] = {name: [] for name in [*runs, "hook, one file changed"]}
        for call in range(CALLS):
            for name, command in runs.items():
                times[name].append(milliseconds(command))
            (project / "1.txt").write_text(f"call {call}")
            times["hook, one file changed"].append(milliseconds(client))
        for name, values in times.items():
            print(f"{name}: median {statistics.median(values):.0f} ms, best {min(values):.0f} ms")
        time.sleep(4)


if __name__ == "__main__":
    main()
