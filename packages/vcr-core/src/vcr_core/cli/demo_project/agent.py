"""A small agent that mends a project until its tests pass, and records what it does.

    python agent.py careful      mends the code
    python agent.py careless     mends the tests

Its model is a handful of rules, so that it needs no network and always does the same.  Everything else is real: it
reads and edits the files beside it and runs their tests.  Change it, run it again, and compare the recordings.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from vcr_core import VCRRecorder

HERE = Path(__file__).parent
FILES = ("shop.py", "test_shop.py")
MAX_ROUNDS = 5


def ask_model(style: str, prompt: dict[str, Any]) -> dict[str, str]:
    """Answer as a model would: what is wrong, and which text to replace by which."""
    failure, files = prompt["failure"], prompt["files"]
    expected = re.search(r"AssertionError: (\S+) != (\S+)", failure)
    if style == "careless" and expected:
        call = f"shop.discount(200, 10), {expected[2]})"
        return {
            "thought": "The test expects the wrong number.",
            "file": "test_shop.py",
            "old": call,
            "new": call.replace(expected[2] + ")", expected[1] + ")"),
        }
    if expected and "total * percent" in files["shop.py"]:
        return {
            "thought": "A percentage must be divided by 100.",
            "file": "shop.py",
            "old": "total * percent",
            "new": "total * percent / 100",
        }
    return {
        "thought": "A number is added to a text; it must be formatted.",
        "file": "shop.py",
        "old": '": " + amount',
        "new": 'f": {amount:.2f}"',
    }


def run_tests() -> dict[str, Any]:
    """Run the project's tests and return how they went."""
    command = [sys.executable, "-B", "-m", "unittest", "-q", "test_shop"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    failures = re.findall(r"^(?:FAIL|ERROR): (\w+)", done.stderr, re.MULTILINE)
    reasons = re.findall(r"^\w+Error: .*", done.stderr, re.MULTILINE)
    return {"passed": done.returncode == 0, "failing": failures, "reason": reasons[0] if reasons else ""}


def replace_text(file: str, old: str, new: str) -> int:
    """Replace a text in a file and return how often it stood there."""
    path = HERE / file
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text.count(old)


def mend(recorder: VCRRecorder, style: str) -> bool:
    """Test, ask, edit, until the tests pass; each is recorded as a step, with the calls made inside it."""
    state: dict[str, Any] = {
        "task": "make the tests pass",
        "settings": {"style": style, "api_key": os.environ.get("DEMO_API_KEY", "")},
        "files": {name: (HERE / name).read_text(encoding="utf-8") for name in FILES},
        "failing": None,
        "notes": [],
    }
    for _ in range(MAX_ROUNDS):
        with recorder.step("test", state) as step:
            started = time.perf_counter()
            outcome = run_tests()
            took_ms = 1000 * (time.perf_counter() - started)
            recorder.record_tool_call(
                "unittest", "unittest", {"module": "test_shop"}, outcome, latency_ms=took_ms, parent="test"
            )
            step.output = state = {**state, "failing": outcome["failing"]}
        print(f"  test: {'all pass' if outcome['passed'] else 'failing: ' + ', '.join(outcome['failing'])}")
        if outcome["passed"]:
            return True
        with recorder.step("think", state) as step:
            prompt = {"task": state["task"], "failure": outcome["reason"], "files": state["files"]}
            answer = ask_model(style, prompt)
            size = len(str(prompt)) // 4
            recorder.record_llm_call(
                "model", prompt, answer, model=f"rules-{style}", tokens_input=size, latency_ms=0.0, parent="think"
            )
            step.output = state = {**state, "notes": [*state["notes"], answer["thought"]]}
        print(f"  think: {answer['thought']}")
        with recorder.step("edit", state) as step:
            edit = {name: answer[name] for name in ("file", "old", "new")}
            recorder.record_tool_call("replace_text", "replace_text", edit, replace_text(**edit), parent="edit")
            text = (HERE / edit["file"]).read_text(encoding="utf-8")
            step.output = state = {**state, "files": {**state["files"], edit["file"]: text}}
        print(f"  edit: {edit['file']}: {edit['old']}  →  {edit['new']}")
    return False


def main() -> int:
    """Run the agent once, recorded as a session named after its style."""
    style = sys.argv[1] if len(sys.argv) > 1 else "careful"
    with VCRRecorder(HERE / ".vcr") as recorder:
        recorder.start_session(style, tags=["demo"])
        return 0 if mend(recorder, style) else 1


if __name__ == "__main__":
    sys.exit(main())
