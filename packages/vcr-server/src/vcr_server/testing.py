"""For tests: a few recordings, and the server as a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from vcr_core.recorder import VCRRecorder

TOKEN = "a-token-that-only-tests-know"  # noqa: S105  # it guards nothing


def record_runs(directory: Path) -> None:
    """Record a run of six frames with an error, a fork of it, and a long one."""
    with VCRRecorder(directory) as recorder:
        recorder.start_session("first", tags=["nightly"])
        state: dict[str, Any] = {"goal": "tea", "step": 0, "messages": [{"role": "user", "content": "hi"}]}
        for number in range(4):
            grown: dict[str, Any] = {
                **state,
                "step": number + 1,
                "messages": [*state["messages"], {"role": "tool", "content": str(number)}],
            }
            recorder.record_step(f"node-{number}", state, grown, latency_ms=10.0 + number)
            state = grown
        recorder.record_llm_call("call_llm", [{"role": "user"}], "tea", tokens_input=10, tokens_output=5, cost_usd=0.01)
        recorder.record_error("critic", state, ValueError("no tea left"))
        recorder.save()
        recorder.start_session("second", parent_session_id="first", forked_from_frame=2)
        recorder.share_frames("first", 2)
        recorder.record_step("node-2", {"step": 2}, {"step": 99})
        recorder.save()
        recorder.start_session("long")
        for number in range(60):
            recorder.record_step("loop", {"n": number}, {"n": number + 1})
        recorder.save()


def record_large(directory: Path) -> None:
    """Record ``large``, 8 MB: more than the buffers between a server and a client that does not read."""
    with VCRRecorder(directory) as recorder:
        recorder.start_session("large")
        for number in range(1_000):
            recorder.record_step("n", {}, {"text": f"{number} " * 1_600})
        recorder.save()


class RunningServer:
    """``vcr-server`` as a process, on a free port, with `TOKEN` as its bearer token.

    Args:
        directory: Where the recordings lie; standard error is kept in a file beside it.
        options: More options of the command line.
        python: The interpreter to run it with.
        cwd: Where it runs.

    Raises:
        AssertionError: If it does not start; the message holds what it said.
    """

    def __init__(self, directory: Path, *options: str, python: str = sys.executable, cwd: Path | None = None) -> None:
        self.errors = (directory.parent / "server-stderr.txt").open("w+b")
        self.process = subprocess.Popen(
            [python, "-m", "vcr_server", str(directory), "--port", "0", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, "VCR_SERVER_TOKEN": TOKEN},
            cwd=cwd,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            said = self.read_errors()
            self.close()
            raise AssertionError(f"the server did not start: {said}")
        ready = json.loads(line)
        self.url: str = ready["url"]
        self.login: str = ready["login"]
        self.port = int(self.url.rpartition(":")[2])

    def read_errors(self) -> str:
        """Return what it wrote to standard error."""
        self.errors.seek(0)
        return self.errors.read().decode()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def close(self) -> None:
        """Stop it if it runs, and give everything back."""
        if self.process.poll() is None:
            self.stop()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()
