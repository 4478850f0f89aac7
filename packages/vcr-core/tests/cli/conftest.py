from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vcr_core import VCRRecorder
from vcr_core.cli import main


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch, tmp_path):
    """No colour, a fixed width, and a working directory of its own."""
    for name in ("VCR_DIR", "CLICOLOR_FORCE", "VCR_TRACEBACK", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.chdir(tmp_path)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def vcr(capsys):
    """Runs a command line in this process."""

    def run(*words):
        capsys.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as leaving:
            status = leaving.code
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run


@pytest.fixture
def vcr_process():
    """Starts a command line in a process of its own; what still runs at the end is killed."""
    started = []

    def start(*words, env=None, **options):
        command = [sys.executable, "-m", "vcr_core.cli", *map(str, words)]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, **options)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


@pytest.fixture
def recorded(tmp_path):
    """`.vcr` with a run of every kind of frame, `my_run`, and a fork of it, `forked`."""
    directory = tmp_path / ".vcr"
    with VCRRecorder(directory) as recorder:
        recorder.start_session("my_run", tags=["prod", "night"], metadata={"customer": 7})
        first = {"task": "tidy up", "files": {"a.txt": "one\ntwo\n"}}
        second = {**first, "plan": ["list", "sort"]}
        recorder.record_step("plan", first, second, latency_ms=12.5)
        prompt = [{"role": "user", "content": "hi"}]
        answer = {"role": "assistant", "content": "hello"}
        recorder.record_llm_call(
            "think", prompt, answer, cost_usd=0.01, tokens_input=10, tokens_output=5, model="gpt-x"
        )
        recorder.record_tool_call("act", "search", {"q": "refund policy"}, ["page one"], latency_ms=3.0)
        third = {**second, "plan": ["list", "sort", "check"], "files": {"a.txt": "one\nTWO\n"}}
        recorder.record_step("refine", second, third, latency_ms=1.0)
        recorder.record_error("send", third, ValueError("no such address"))
        recorder.record_checkpoint({**third, "big": "x" * 40_000, "pair": (1, 2)}, "before sending")
        fork = recorder.fork(4, session_id="forked")
        fork.record_step("send", third, {"done": True}, latency_ms=2.0)
        fork.close()
    return Path(directory)
