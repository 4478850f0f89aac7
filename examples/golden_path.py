"""Everything on one small repository: record, break, be warned, roll back, resume with an edit, keep, replay.

Run it: ``python examples/golden_path.py``.  It needs no key and no network; what it prints is asserted.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from agent_vcr import ResumeConfig, VCRPlayer, VCRRecorder, llm, step, tool
from agent_vcr.golden_cache import GoldenRunCache
from agent_vcr.integrations.openhands import ACIDWorkspace
from openhands_sentinel import Sentinel, Severity

UTILS = '''\
"""Passwords."""

from hashlib import pbkdf2_hmac


def hash_password(password, salt):
    """Derive a key from a password."""
    data = password.encode("utf-8")
    key = pbkdf2_hmac("sha256", data, salt, 200_000)
    for _ in range(3):
        key = pbkdf2_hmac("sha256", key, salt, 1_000)
    return salt.hex() + ":" + key.hex()
'''
COPIED = UTILS.replace("Passwords", "Handlers").replace("hash_password", "make_hash")
IMPORTED = '''\
"""Handlers."""

from utils import hash_password


def register(name, password, salt):
    """Store a new person."""
    return {"name": name, "key": hash_password(password, salt)}
'''
asked: list[str] = []


@llm(metadata=lambda _: {"model": "demo-1", "tokens_input": 1200, "tokens_output": 90, "cost_usd": 0.0041})
def plan(task: str) -> str:
    """Stand for a model that makes a plan."""
    asked.append("plan")
    return f"{task}: write handlers.py"


@llm(metadata=lambda _: {"model": "demo-1", "tokens_input": 2600, "tokens_output": 210, "cost_usd": 0.0112})
def write_code(plan: str, advice: str) -> str:
    """Stand for a model that copies what it should import, unless it is told."""
    asked.append("write_code")
    return IMPORTED if "import" in advice else COPIED


@tool
def save(name: str, text: str) -> str:
    """Write a file of the project."""
    Path(name).write_text(text, encoding="utf-8")
    return name


@step
def code(state: dict[str, Any]) -> dict[str, Any]:
    """Have the code written, save it, and tidy up a little too much."""
    text = write_code(state["plan"], state["advice"])
    save("handlers.py", text)
    if not state["advice"]:
        Path("settings.ini").unlink()
    return {**state, "text": text}


def agent(task: str) -> dict[str, Any]:
    """Plan, then code."""
    return code({"plan": plan(task), "advice": ""})


def make_project(project: Path) -> None:
    """Make a small repository with one commit."""
    project.mkdir()
    (project / "utils.py").write_text(UTILS)
    (project / "settings.ini").write_text("[shop]\n")
    who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "example")
    who |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "example@example.org")
    os.environ.update(who)
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "Start"]):
        subprocess.run(["git", *words], cwd=project, check=True)


def record_and_break(project: Path, tape: Path) -> str:
    """Record a run that breaks the project; be warned, and put the files back. Returns what the guard advised."""
    with VCRRecorder(output_dir=tape) as recorder, Sentinel(root=project, recorder=None) as sentinel:
        recorder.start_session("first", tags=["example"])
        with ACIDWorkspace(project, recorder=recorder) as acid:
            good = acid.savepoint({"step": "before the agent"}, node_name="start")
            recorder.run(agent, "let people register")
            print(f"1. recorded {recorder.frame_count} frames; the agent deleted settings.ini: {asked}")
            assert not (project / "settings.ini").exists()

            finding = sentinel.written("handlers.py")[0]
            assert (finding.code, finding.severity) == ("VS101", Severity.CRITICAL)
            print("2. the guard says:", finding.message)

            report = acid.rollback(to_frame_index=good.index)
            assert (project / "settings.ini").read_text() == "[shop]\n"
            assert not (project / "handlers.py").exists()
            print(f"3. rolled back: {', '.join(report.written)} is there again, {', '.join(report.deleted)} is gone")
    return finding.fix


def resume_with_advice(project: Path, tape: Path, advice: str) -> str:
    """Go on before the step that wrote the code, with the guard's advice in its state."""
    player = VCRPlayer.load_by_id("first", vcr_dir=tape)
    cut = next(row.index for row in player.rows if row.node_name == "code")
    asked.clear()
    with ACIDWorkspace(project) as acid:
        fork = player.resume(agent, ResumeConfig(from_frame=cut, state_overrides={"advice": advice}))
        assert acid.status().changed
    assert asked == ["write_code"], "the plan came from the recording"
    assert (project / "handlers.py").read_text() == IMPORTED
    log = subprocess.run(["git", "log", "--oneline"], cwd=project, capture_output=True, text=True, check=True).stdout
    assert len(log.splitlines()) == 2
    print(f"4. resumed with the advice: asked again {asked}; {len(log.splitlines()) - 1} new commit on main")
    return fork


def keep_and_replay(tape: Path, fork: str) -> None:
    """Keep the good run, and run the agent again with every step served."""
    mended = VCRPlayer.load_by_id(fork, vcr_dir=tape)
    assert mended.verify().ok
    cache = GoldenRunCache(tape / "golden")
    cache.save_golden_run("let people register", mended)
    asked.clear()
    outputs, ledger = cache.replay("let people register")
    assert asked == []
    assert outputs[-1]["text"] == IMPORTED
    print("5. replayed for nothing:", ledger)


def main() -> None:
    """Tell the story in a directory of its own."""
    with tempfile.TemporaryDirectory() as folder:
        project, tape = Path(folder) / "project", Path(folder) / "tape"
        make_project(project)
        os.chdir(project)
        try:
            advice = record_and_break(project, tape)
            fork = resume_with_advice(project, tape, advice)
            keep_and_replay(tape, fork)
        finally:
            os.chdir(Path(folder).parent)


if __name__ == "__main__":
    main()
