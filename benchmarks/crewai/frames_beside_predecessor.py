"""The frames that a crew leaves here, beside those that the predecessor leaves of the same crew.

    VCR_PEERS_PYTHON=…/bin/python python benchmarks/crewai/frames_beside_predecessor.py

The crew is two agents, two tasks and one tool; each model call takes 100 ms, the tool 50 ms.  `VCR_PEERS_PYTHON` names
an interpreter that has ``ai-agent-vcr==1.5.4`` and CrewAI; without it an environment with both is made beside the
running one, which takes a gigabyte.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREDECESSOR = ("ai-agent-vcr==1.5.4", "crewai>=1.15,<2")
OFFLINE = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TESTING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "OTEL_SDK_DISABLED": "true",
}
MODEL_SECONDS, TOOL_SECONDS = 0.1, 0.05


def make_crew():
    from crewai import Agent, BaseLLM, Crew, Task
    from crewai.tools import BaseTool

    class Model(BaseLLM):
        def call(self, messages, *args, **kwargs):
            time.sleep(MODEL_SECONDS)
            self._track_token_usage_internal({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
            text = "\n".join(str(m.get("content")) for m in messages if m.get("role") != "system")
            if "compute" in text and "Observation: 3" not in text:
                return 'Thought: a tool\nAction: adder\nAction Input: {"a": 1, "b": 2}\n'
            return "Thought: done\nFinal Answer: it is 3"

    class Adder(BaseTool):
        name: str = "adder"
        description: str = "adds two numbers"

        def _run(self, a: int, b: int) -> str:
            time.sleep(TOOL_SECONDS)
            return str(a + b)

    counts = Agent(role="calculator", goal="g", backstory="b", llm=Model(model="local"), tools=[Adder()])
    writes = Agent(role="writer", goal="g", backstory="b", llm=Model(model="local"))
    tasks = [
        Task(name="sum", description="compute the sum", expected_output="a number", agent=counts),
        Task(name="report", description="write the report", expected_output="a text", agent=writes),
    ]
    return Crew(agents=[counts, writes], tasks=tasks)


def record(side, folder):
    """Record one kickoff and return its frames; runs in a process of its own."""
    if side == "ours":
        from vcr_core import VCRPlayer, VCRRecorder
        from vcr_crewai import VCRCrewAI
    else:
        from agent_vcr import VCRPlayer, VCRRecorder
        from agent_vcr.integrations.crewai import VCRCrewAI
    recorder = VCRRecorder(output_dir=folder)
    recorder.start_session(session_id="crew")
    VCRCrewAI(recorder).kickoff(make_crew())
    player = VCRPlayer.load(recorder.save())
    return [row_of(frame) for frame in player.frames]


def row_of(frame):
    kind = getattr(frame, "kind", None) or frame.frame_type
    return [str(getattr(kind, "value", kind)), frame.node_name, frame.metadata.latency_ms, frame.metadata.tokens_used]


def predecessor_python():
    if given := os.environ.get("VCR_PEERS_PYTHON"):
        return given
    home = Path(sys.prefix) / "peers-crewai"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PREDECESSOR], check=True)
    return str(python)


def frames_of(side, python):
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **OFFLINE, "CREWAI_STORAGE_DIR": folder}
        call = [python, str(Path(__file__).resolve()), "--record", side, folder]
        done = subprocess.run(call, capture_output=True, text=True, check=False, env=environment, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{side} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", nargs=2, metavar=("SIDE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        print(json.dumps(record(*options.record)))
        return
    print(
        f"what ran: 2 tasks, 3 model calls of {MODEL_SECONDS * 1e3:.0f} ms, 1 tool call of {TOOL_SECONDS * 1e3:.0f} ms"
    )
    for side, python in (("ours", sys.executable), ("theirs", predecessor_python())):
        frames = frames_of(side, python)
        print(f"{side}: {len(frames)} frames")
        for index, (kind, name, latency, tokens) in enumerate(frames):
            print(f"  {index:2} {kind:10} {name[:44]:44} {latency or 0:9.3f} ms  tokens {tokens if tokens else '-'}")


if __name__ == "__main__":
    main()
