"""The hook of a coding agent: one savepoint around each tool call, and never a broken agent."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vcr_acid.cli import hook_client, hook_events, hook_install
from vcr_acid.testing.judge import Judge

Hook = Callable[..., str]
Vcr = Callable[..., "subprocess.CompletedProcess[str]"]
CLIENT = [sys.executable, "-I", "-S", str(hook_client.__file__)]


@pytest.fixture
def hook(
    repository: Judge, run_vcr: Vcr, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hook]:
    short = Path(f"/tmp/vcr-hook-{os.getpid()}")
    runtime = tmp_path_factory.mktemp("hook")
    runtime.chmod(0o700)
    short.symlink_to(runtime)
    monkeypatch.setenv("VCR_ACID_RUNTIME", f"{short}/")
    monkeypatch.setenv("VCR_ACID_IDLE", "20")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(repository.top))

    def call(event: str, tool: str = "Bash", command: list[str] | None = None, **tool_input: str) -> str:
        payload = {"hook_event_name": event, "tool_name": tool, "tool_input": tool_input, "cwd": str(repository.top)}
        done = subprocess.run(
            command or CLIENT, input=json.dumps(payload), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0
        return done.stdout

    yield call
    run_vcr("abort", "-y", cwd=repository.top)
    short.unlink()


def test_undo_takes_back_a_tool_call_and_leaves_a_persons_edit(hook: Hook, repository: Judge, run_vcr: Vcr) -> None:
    assert hook("PreToolUse", command_line="") == "{}"
    (repository.top / "a.txt").write_text("by a person\n")
    hook("PreToolUse")
    (repository.top / "src" / "b.py").unlink()
    (repository.top / "made").write_text("by the tool")
    hook("PostToolUse", description="remove a file")
    log = json.loads(run_vcr("log", "--json", cwd=repository.top).stdout)
    assert [one["reason"] for one in log["savepoints"]] == ["begin", "before a tool call", "Bash: remove a file"]
    assert run_vcr("undo", cwd=repository.top).returncode == 0
    assert (repository.top / "a.txt").read_text() == "by a person\n"
    assert (repository.top / "src" / "b.py").exists()
    assert not (repository.top / "made").exists()


def test_a_finished_session_is_followed_by_a_new_one(hook: Hook, repository: Judge, run_vcr: Vcr) -> None:
    hook("PreToolUse")
    assert run_vcr("abort", "-y", cwd=repository.top).returncode == 0
    assert hook("PreToolUse") == "{}"
    assert run_vcr("status", cwd=repository.top).returncode == 0


def test_parallel_calls_share_one_keeper(hook: Hook, repository: Judge) -> None:
    event = json.dumps({"hook_event_name": "PreToolUse"}).encode()
    running = [subprocess.Popen(CLIENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(event, timeout=60)[0] for process in running] == [b"{}"] * 4


@pytest.mark.parametrize("text", [b"", b"not json", b"[]", b"\xff\xfe"])
def test_whatever_comes_in_the_agent_goes_on(hook: Hook, text: bytes) -> None:
    done = subprocess.run(CLIENT, input=text, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert isinstance(json.loads(done.stdout), dict)
    assert hook("PostToolUse") == "{}"


def test_what_is_wrong_becomes_a_message(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", "/")
    assert "cannot be a workspace" in json.loads(hook("PreToolUse"))["systemMessage"]


def test_the_client_costs_little_more_than_the_interpreter(hook: Hook) -> None:
    hook("PreToolUse")
    bare = [sys.executable, "-I", "-S", "-c", "pass"]
    times: dict[str, list[float]] = {"bare": [], "hook": []}
    for _ in range(9):
        for name, command in (("bare", bare), ("hook", CLIENT)):
            began = time.perf_counter()
            hook("PostToolUse", command=command)
            times[name].append(time.perf_counter() - began)
    assert statistics.median(times["hook"]) < 3 * statistics.median(times["bare"])


def test_the_client_imports_builtin_modules_only(hook: Hook) -> None:
    hook("PreToolUse")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", CLIENT[-1]], input=b"{}", capture_output=True, check=False
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert not loaded & {"json", "socket", "hashlib", "re", "typing", "subprocess", "vcr_acid", "vcr_core"}


def test_labels_carry_no_arguments_of_commands() -> None:
    assert hook_events.label({"tool_name": "Bash", "tool_input": {"command": "curl -H token=abc x"}}) == "Bash: curl"
    edit = {"tool_name": "Edit", "tool_input": {"file_path": "/p/src/a.py"}, "cwd": "/p"}
    assert hook_events.label(edit) == "Edit: src/a.py"
    assert hook_events.label({"tool_name": "Task", "tool_input": None}) == "Task"
    assert len(hook_events.label({"tool_name": "Bash", "tool_input": {"description": "x y " * 90}})) == 80


def test_settings_keep_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / ".claude" / "settings.json"
    path.parent.mkdir()
    mine = {
        "model": "x",
        "hooks": {
            "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "mine"}]}],
            "Stop": [{"hooks": [{"type": "command", "command": "bell"}]}],
        },
    }
    path.write_text(json.dumps(mine))
    assert hook_install.install(path)
    assert not hook_install.install(path)
    installed = json.loads(path.read_text())
    assert installed["model"] == "x"
    assert installed["hooks"]["PreToolUse"][0] == mine["hooks"]["PreToolUse"][0]  # type: ignore[index]  # a literal
    assert len(installed["hooks"]["PreToolUse"]) == 2
    assert hook_install.remove(path)
    assert json.loads(path.read_text()) == mine
    assert not hook_install.remove(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}'])
def test_settings_that_are_not_understood_are_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(hook_install.SettingsError, match="not touched"):
        hook_install.install(path)
    assert path.read_text() == text


def test_the_installed_command_works_and_survives_its_python(hook: Hook, repository: Judge, run_vcr: Vcr) -> None:
    assert run_vcr("init", "--claude-code", cwd=repository.top).returncode == 0
    settings = json.loads((repository.top / ".claude" / "settings.json").read_text())
    command = settings["hooks"]["PostToolUse"][0]["hooks"][0]["command"]
    assert hook("PostToolUse", command=["sh", "-c", command]) == "{}"
    gone = command.replace(sys.executable, "/nowhere/python")
    assert "run vcr init again" in json.loads(hook("PostToolUse", command=["sh", "-c", gone]))["systemMessage"]
    assert run_vcr("init", "--claude-code", "--remove", cwd=repository.top).returncode == 0
    assert "hooks" not in json.loads((repository.top / ".claude" / "settings.json").read_text())
    assert run_vcr("init", cwd=repository.top).returncode == 2


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, vcr_acid; print([n for n in ('dulwich', 'msgspec', 'asyncio') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
