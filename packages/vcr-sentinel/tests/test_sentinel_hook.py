from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from vcr_sentinel import Config, Sentinel
from vcr_sentinel.hook_client import find_root
from vcr_sentinel.hook_payloads import parse_event, prior_text

CLIENT = "import sys; from vcr_sentinel.hook_client import run_hook; sys.exit(run_hook())"
needs_sockets = pytest.mark.skipif(sys.platform == "win32", reason="the daemon needs unix sockets")


def hook(root, payload, **environment):
    done = subprocess.run(
        [sys.executable, "-c", CLIENT], input=json.dumps(payload).encode(), cwd=root, capture_output=True, timeout=60,
        env={**os.environ, "CLAUDE_PROJECT_DIR": "", **environment}, check=False,
    )  # fmt: skip
    assert done.stderr == b""
    return done.returncode, done.stdout


def tool(name, **tool_input):
    return {"hook_event_name": "PostToolUse", "tool_name": name, "tool_input": tool_input}


@pytest.fixture
def served(project):
    (project / ".git").mkdir()
    assert hook(project, {"hook_event_name": "SessionStart"}) == (0, b"")
    yield project
    (project / ".vcr" / "sentinel" / "daemon.sock").unlink(missing_ok=True)  # the daemon goes with its socket


@needs_sockets
def test_claude_write_edit_and_bash(served, hash_password):
    (served / "handlers.py").write_text(hash_password)
    code, out = hook(served, tool("Write", file_path=str(served / "handlers.py"), content=hash_password))
    answer = json.loads(out)
    assert (code, answer["decision"]) == (0, "block")
    assert answer["reason"].startswith(
        "SENTINEL CRITICAL VS101 handlers.py:1 hash_password() duplicates auth/utils.py:4"
    )
    (served / "handlers.py").write_text("from auth.utils import hash_password\n\nprint(hash_password)\n")
    assert hook(served, tool("Edit", file_path="handlers.py", old_string="a", new_string="b")) == (0, b"")
    (served / "shell.py").write_text("def f(:\n")
    _, out = hook(served, tool("Bash", command="cat > shell.py <<EOF ... EOF"))
    assert "VS001 shell.py:1" in json.loads(out)["reason"]
    (served / "later.py").write_text("from auth.crypto import seal\n")
    _, out = hook(served, tool("Write", file_path="later.py"))
    context = json.loads(out)["hookSpecificOutput"]
    assert context["hookEventName"] == "PostToolUse"
    assert "VS302" in context["additionalContext"]
    _, out = hook(served, {"hook_event_name": "Stop", "stop_hook_active": False})
    assert json.loads(out)["decision"] == "block"
    assert hook(served, {"hook_event_name": "Stop", "stop_hook_active": True}) == (0, b"")


@needs_sockets
def test_codex_apply_patch(served, hash_password):
    (served / "handlers.py").write_text(hash_password)
    patch = "*** Begin Patch\n*** Add File: handlers.py\n+...\n*** Delete File: billing.py\n*** End Patch"
    (served / "billing.py").unlink()
    code, out = hook(served, tool("apply_patch", command=patch))
    assert code == 0
    assert "VS101 handlers.py:1" in json.loads(out)["reason"]


@needs_sockets
def test_reading_says_nothing_and_rubbish_does_no_harm(served):
    assert hook(served, tool("Read", file_path="handlers.py")) == (0, b"")
    assert hook(served, ["rubbish"]) == (0, b"")


@needs_sockets
def test_a_daemon_that_died_is_started_again(served, hash_password):
    (served / ".vcr" / "sentinel" / "daemon.sock").unlink()
    time.sleep(1.2)
    (served / "handlers.py").write_text(hash_password)
    _, out = hook(served, tool("Write", file_path="handlers.py"))
    assert "VS101" in json.loads(out)["reason"]


def test_without_a_daemon_the_check_is_made_in_place(project, hash_password):
    (project / "handlers.py").write_text(hash_password)
    _, out = hook(project, tool("Write", file_path="handlers.py"), SENTINEL_NO_DAEMON="1")
    assert "VS101" in json.loads(out)["reason"]


def test_the_client_imports_nothing_heavy(project):
    loading = CLIENT.replace("sys.exit(run_hook())", "")
    program = f"import sys; before = set(sys.modules)\n{loading}\nprint(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-S", "-c", "import os\n" + program], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True)  # fmt: skip
    assert done.stdout.strip() == "['__future__', 'vcr_sentinel', 'vcr_sentinel.hook_client']"


def test_what_a_file_held_before_is_told_by_the_payload():
    event = parse_event(json.dumps(tool("Edit", file_path="a.py", old_string="x = 1", new_string="x = 2")).encode())
    assert prior_text(event, "x = 2\ny = x\n") == "x = 1\ny = x\n"
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "b", "new_string": "c"}]
    event = parse_event(json.dumps(tool("MultiEdit", file_path="a.py", edits=edits)).encode())
    assert prior_text(event, "c") == "a"
    assert prior_text(parse_event(json.dumps(tool("Write", file_path="a.py", content="z")).encode()), "z") is None


def test_the_root_is_the_nearest_repository(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (inner / "pyproject.toml").write_text("")
    assert find_root(str(inner)) == str(tmp_path)


def test_the_watcher_sees_what_any_program_writes(project, hash_password):
    pytest.importorskip("watchfiles", reason="the extra `watch` is not installed")
    from vcr_sentinel.watch import follow

    stop, ready, told = threading.Event(), threading.Event(), []
    with Sentinel(root=project, config=Config(ruff=False), persist=False, slow_lane="off") as guard:
        thread = threading.Thread(target=follow, args=(guard, told.extend), kwargs={"stop": stop, "ready": ready})
        thread.start()
        ready.wait(10)
        deadline = time.monotonic() + 15
        while not told and time.monotonic() < deadline:
            (project / "handlers.py").write_text(hash_password)
            time.sleep(0.3)
        stop.set()
        thread.join(10)
    assert [item.code for item in told] == ["VS101"]
