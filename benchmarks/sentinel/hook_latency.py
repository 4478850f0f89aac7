"""What a hook costs the agent: interpreter start alone against a whole `sentinel hook`, alternating.

`python benchmarks/sentinel/hook_latency.py [ROUNDS]` makes a small project, warms its daemon, and prints both medians
and their difference for a clean write, a write with a finding, and a shell command. Exit code 1 above 10 ms.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIENT = [sys.executable, "-c", "import sys; from vcr_sentinel.hook_client import run_hook; sys.exit(run_hook())"]
BODY = """def hash_password(password, salt):
    a = password + salt
    b = a.encode()
    c = b * 2
    return c.hex()
"""


def timed(command: list[str], folder: Path, payload: bytes) -> tuple[float, bytes]:
    """Milliseconds and standard output of one process."""
    started = time.perf_counter()
    done = subprocess.run(command, input=payload, cwd=folder, stdout=subprocess.PIPE, check=True)
    return (time.perf_counter() - started) * 1e3, done.stdout


def event(tool: str, **given: str) -> bytes:
    """A PostToolUse payload."""
    return json.dumps({"hook_event_name": "PostToolUse", "tool_name": tool, "tool_input": given}).encode()


def main(arguments: list[str]) -> int:
    """Run."""
    rounds = int(arguments[0]) if arguments else 40
    missed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        (folder / "utils.py").write_text(BODY)
        timed(CLIENT, folder, b'{"hook_event_name": "SessionStart"}')
        cases = {
            "clean write": (event("Write", file_path="clean.py"), lambda n: ("clean.py", f"x = {n}\n")),
            "write with a finding": (event("Write", file_path="copy.py"), lambda n: ("copy.py", BODY if n % 2 else "")),
            "shell command": (event("Bash", command="make"), lambda n: ("made.py", f"y = {n}\n")),
        }
        for label, (payload, prepare) in cases.items():
            alone: list[float] = []
            hooked: list[float] = []
            said = 0
            for number in range(rounds):
                path, text = prepare(number)
                (folder / path).write_text(text)
                alone.append(timed([sys.executable, "-c", "pass"], folder, b"")[0])
                took, out = timed(CLIENT, folder, payload)
                hooked.append(took)
                said += bool(out)
            extra = statistics.median(hooked) - statistics.median(alone)
            missed = missed or extra > 10
            print(f"{label:22} interpreter {statistics.median(alone):.1f} ms, hook {statistics.median(hooked):.1f} ms: "
                  f"+{extra:.1f} ms; said something {said} of {rounds} times")  # fmt: skip
        (folder / ".vcr" / "sentinel" / "daemon.sock").unlink(missing_ok=True)
        time.sleep(1)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
