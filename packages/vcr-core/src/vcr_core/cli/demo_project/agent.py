"""A small agent that mends a project until its tests pass, and is recorded while it does.

    python agent.py careful      mends the code
    python agent.py careless     mends the tests

Its model is a handful of rules, so that it needs no network and always does the same.  Everything else is real: files
are read and written, and tests are run.  Change it, run it again, and compare the recordings.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from vcr_core import VCRRecorder, llm, step, tool

HERE = Path(__file__).parent
FILES = ("shop.py", "test_shop.py")
MAX_ROUNDS = 5

State = dict[str, Any]


@tool
def read_files() -> dict[str, str]:
    """Return the text of each file of the project."""
    return {name: (HERE / name).read_text(encoding="utf-8") for name in FILES}


@tool
def run_tests(files: dict[str, str]) -> dict[str, Any]:
    """Write the files, run the project's tests and return how they went."""
    for name, text in files.items():
        (HERE / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-B", "-m", "unittest", "-q", "test_shop"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    failing = re.findall(r"^(?:FAIL|ERROR): (\w+)", done.stderr, re.MULTILINE)
    reasons = re.findall(r"^\w+Error: .*", done.stderr, re.MULTILINE)
    print(f"  ran the tests: {'failing: ' + ', '.join(failing) if failing else 'all pass'}")
    return {"failing": failing, "reason": reasons[0] if reasons else ""}


@llm
def ask_model(style: str, reason: str, files: dict[str, str], api_key: str) -> dict[str, Any]:
    """Answer as a model would: what is wrong, and which text to replace by which."""
    assert api_key, "a real model would want a key"
    answer = {"content": "A number is added to a text: format it.", "file": "shop.py"}
    answer |= {"old": '": " + amount', "new": 'f": {amount:.2f}"'}
    expected = re.search(r"AssertionError: (\S+) != (\S+)", reason)
    if expected and style == "careless":
        answer = {"content": "The test expects the wrong number.", "file": "test_shop.py"}
        answer |= {"old": f"10), {expected[2]})", "new": f"10), {expected[1]})"}
    elif expected:
        answer = {"content": "A percentage must be divided by 100.", "file": "shop.py"}
        answer |= {"old": "total * percent", "new": "total * percent / 100"}
    print(f"  asked the model: {answer['content']}")
    size = sum(map(len, files.values())) // 4
    return {**answer, "usage": {"input_tokens": size, "output_tokens": 20}, "model": "rules"}


@step
def test(state: State) -> State:
    """Run the tests on the files of the state."""
    return {**state, **run_tests(state["files"])}


@step
def think(state: State) -> State:
    """Ask the model what to change."""
    api_key = (HERE / "api_key.txt").read_text(encoding="utf-8")
    answer = ask_model(state["style"], state["reason"], state["files"], api_key)
    edit = {name: answer[name] for name in ("file", "old", "new")}
    return {**state, "edit": edit, "notes": [*state["notes"], answer["content"]]}


@step
def edit(state: State) -> State:
    """Make the change that the model asked for."""
    name, old, new = state["edit"]["file"], state["edit"]["old"], state["edit"]["new"]
    return {**state, "files": {**state["files"], name: state["files"][name].replace(old, new)}}


def mend(style: str) -> State:
    """Test, think and edit until the tests pass."""
    state: State = {"task": "make the tests pass", "style": style, "files": read_files(), "notes": []}
    for _ in range(MAX_ROUNDS):
        state = test(state)
        if not state["failing"]:
            break
        state = edit(think(state))
    return state


def main() -> int:
    """Run the agent once, recorded as a session named after its style."""
    style = sys.argv[1] if len(sys.argv) > 1 else "careful"
    with VCRRecorder(HERE / ".vcr") as recorder:
        recorder.start_session(style, tags=["demo"], agent="agent:mend")
        state = recorder.run(mend, style)
    return 1 if state["failing"] else 0


if __name__ == "__main__":
    sys.exit(main())
