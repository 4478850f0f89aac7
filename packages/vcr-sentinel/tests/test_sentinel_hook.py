from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from vcr_sentinel import Config, Finding, Sentinel, Severity
from vcr_sentinel.hook_client import find_root
from vcr_sentinel.hook_daemon import HookServer
from vcr_sentinel.hook_payloads import parse_event, prior_text, render_answer

CLIENT = "import sys; from vcr_sentinel.hook_client import run_hook; sys.exit(run_hook())"
needs_sockets = pytest.mark.skipif(sys.platform == "win32", reason="the daemon needs unix sockets")


def run_client(root, payload, program=CLIENT, **environment):
    return subprocess.run(
        [sys.executable, "-c", program], input=payload, cwd=root, capture_output=True, timeout=60,
        env={**os.environ, "CLAUDE_PROJECT_DIR": "", **environment}, check=False,
    )  # fmt: skip


def hook(root, payload, **environment):
    done = run_client(root, json.dumps(payload).encode(), **environment)
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
@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 200_000,
        json.dumps(tool("MultiEdit", file_path="billing.py", edits=["x"])).encode(),
        json.dumps(tool("Write", file_path="a\0b.py")).encode(),
        json.dumps(tool("Write", file_path="\ud800.py")).encode(),
    ],
)
def test_a_strange_event_is_passed_over_and_the_next_one_answered(project, payload, hash_password):
    guard = HookServer(project, slow_lane=False)
    with guard.sentinel:
        assert guard.answer(str(project), payload) == b"0 0\n"
        (project / "handlers.py").write_text(hash_password)
        assert b"VS101" in guard.answer(str(project), json.dumps(tool("Write", file_path="handlers.py")).encode())


def test_trouble_of_our_own_is_said_and_does_not_stop_the_next_event(project, monkeypatch):
    guard = HookServer(project, slow_lane=False)
    with guard.sentinel, monkeypatch.context() as patched:
        patched.setattr(guard.sentinel, "sweep", lambda: 1 / 0)
        answer = guard.answer(str(project), json.dumps(tool("Bash", command="ls")).encode())
    assert answer == b"0 0\nsentinel: this event was not checked (ZeroDivisionError: division by zero)\n"


@pytest.mark.parametrize("text", ["[tool", "[tool.sentinel]\nlimit = 1\n"])
@pytest.mark.parametrize("daemon", [pytest.param("0", marks=needs_sockets), "1"])
def test_wrong_settings_are_said_and_stop_no_agent(project, monkeypatch, text, daemon):
    (project / "pyproject.toml").write_text(text)
    monkeypatch.setenv("SENTINEL_NO_DAEMON", daemon)
    program = CLIENT.replace("sys.exit", "import vcr_sentinel.hook_client as c; c._START_SECONDS = 1e9; sys.exit")
    done = run_client(project, json.dumps({"hook_event_name": "SessionStart"}).encode(), program)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"pyproject.toml" in done.stderr
    assert b"Traceback" not in done.stderr


@needs_sockets
def test_a_folder_that_cannot_be_written_is_guarded_in_place(project, hash_password):
    (project / ".vcr").write_text("no folder can be made here")
    (project / "handlers.py").write_text(hash_password)
    done = run_client(project, json.dumps(tool("Write", file_path="handlers.py")).encode())
    assert done.returncode == 0
    assert "VS101" in json.loads(done.stdout)["reason"]
    assert b"checking in this process" in done.stderr


@needs_sockets
def test_an_agent_whose_folder_was_deleted_is_not_stopped(project, tmp_path):
    gone = CLIENT.replace("import sys;", "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone');")
    payload = json.dumps({"hook_event_name": "SessionStart"}).encode()
    done = run_client(project, payload, gone)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr
    done = run_client(project, payload, gone, CLAUDE_PROJECT_DIR=str(project), SENTINEL_NO_DAEMON="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_finding_in_a_file_of_a_strange_name_can_be_written():
    finding = Finding("VS001", Severity.CRITICAL, "\udcff.py", 1, "", "does not parse.", "mend it.")
    answer = render_answer(parse_event(json.dumps(tool("Write", file_path="a.py")).encode()), [finding])
    assert "\udcff.py" in json.loads(answer)["reason"]


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


def test_the_watcher_sees_a_folder_that_got_another_name(project, hash_password, monkeypatch):
    watchfiles = pytest.importorskip("watchfiles", reason="the extra `watch` is not installed")
    from vcr_sentinel.watch import follow

    def watch(root, *, watch_filter, **_options):
        (project / "auth").rename(project / "lib")
        (project / "lib" / "zoo.py").write_text(f"from hashlib import sha256\n\n\n{hash_password}")
        events = {(watchfiles.Change.deleted, f"{root}/auth"), (watchfiles.Change.added, f"{root}/lib")}
        noise = {(watchfiles.Change.added, f"{root}/.vcr/x"), (watchfiles.Change.modified, f"{root}/lib")}
        yield {event for event in events | noise if watch_filter(*event)}
        yield set()

    monkeypatch.setattr(watchfiles, "watch", watch)
    told = []
    with Sentinel(root=project, config=Config(ruff=False), persist=False, slow_lane="off") as guard:
        guard.check("caller.py", "from auth.utils import hash_password\n")
        follow(guard, told.extend)
        files = sorted(guard.project.index.files)
    assert files == ["billing.py", "caller.py", "lib/__init__.py", "lib/utils.py", "lib/zoo.py"]
    assert [(item.code, item.path) for item in told] == [("VS101", "lib/zoo.py")]
