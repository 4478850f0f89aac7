"""The debugger in a real terminal (tmux): editor, resume, fork, resize, signals."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vcr_core import VCRPlayer

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

AGENT = """
from __future__ import annotations
import time
from vcr_core import VCRRecorder, step

@step
def plan(state):
    return {**state, "plan": ["look", "write"]}

@step
def act(state):
    print("the agent prints this", flush=True)
    return {**state, "done": [f"did {word}" for word in state["plan"]]}

@step
def check(state):
    time.sleep(0.3)
    if state["limit"] < len(state["done"]):
        raise ValueError(f"{len(state['done'])} are too many, the limit is {state['limit']}")
    return {**state, "ok": True}

def agent(state):
    for node in (plan, act, check):
        state = node(state)
    return state

if __name__ == "__main__":
    with VCRRecorder(".vcr") as recorder:
        recorder.start_session("job")
        try:
            recorder.run(agent, {"limit": 1})
        except ValueError:
            pass
"""


class Tmux:
    """One program in one tmux window."""

    def __init__(self, folder: Path, *, width: int = 100, height: int = 30, **environment: str) -> None:
        self.name = f"vcr-tui-test-{os.getpid()}-{folder.name}"
        self.folder = folder
        self.size = (width, height)
        self.environment = {"VISUAL": "", "NO_COLOR": "", **environment}

    def call(self, *words: str) -> str:
        command = ["tmux", "-u", "-L", self.name, "-f", os.devnull, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    def start(self, *arguments: str) -> Tmux:
        settings = " ".join(f"{name}='{value}'" for name, value in self.environment.items())
        debugger = f"{settings} {sys.executable} -m vcr_tui.cli {' '.join(arguments)}"
        program = f"{debugger}; echo EXIT=$?; stty -a | grep -o ' .\\?echo '; sleep 30"
        width, height = self.size
        self.call("new-session", "-d", "-x", str(width), "-y", str(height), "-s", "t", "-c", str(self.folder), program)
        return self

    def keys(self, *keys: str) -> None:
        self.call("send-keys", "-t", "t", *keys)

    @property
    def screen(self) -> str:
        return self.call("capture-pane", "-p", "-t", "t")

    def wait(self, text: str, *, timeout: float = 20) -> str:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            screen = self.screen
            if text in screen:
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{text!r} did not come up:\n{self.screen}")

    def debugger_pid(self) -> int:
        shell = int(self.call("display-message", "-p", "-t", "t", "#{pane_pid}"))
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def stop(self) -> None:
        self.call("kill-server")


@pytest.fixture
def project(tmp_path):
    (tmp_path / "worker.py").write_text(AGENT, encoding="utf-8")
    subprocess.run([sys.executable, "worker.py"], cwd=tmp_path, check=True, timeout=60)
    return tmp_path


@pytest.fixture
def tmux(project):
    terminals: list[Tmux] = []

    def start(*arguments: str, **options) -> Tmux:
        terminals.append(Tmux(project, **options).start(*arguments))
        return terminals[-1]

    yield start
    for terminal in terminals:
        terminal.stop()


def script(folder: Path, text: str) -> str:
    path = folder / "editor.sh"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_edit_is_resumed_through_the_engine_and_forked(project, tmux):
    before = (project / ".vcr" / "job.vcr").read_bytes()
    editor = script(project, """echo EDITOR-HAS-THE-TERMINAL; sleep 0.4; sed -i 's/"limit": 1/"limit": 9/' "$1" """)
    terminal = tmux("job", EDITOR=editor)
    terminal.wait("3 frames")
    terminal.keys("!")
    terminal.wait("ValueError: 2 are too many")
    terminal.keys("e")
    terminal.wait("EDITOR-HAS-THE-TERMINAL")
    screen = terminal.wait("EDITED")
    assert "limit: 9" in screen
    assert "EDITOR-HAS-THE-TERMINAL" not in screen
    terminal.keys("r")
    terminal.wait("running frame 2 again with the edited input")
    screen = terminal.wait("p goes back to job")
    assert "job@2" in screen
    assert "ok: true" in screen
    assert "0 errors" in screen
    assert "the agent prints this" not in screen
    resumed = VCRPlayer.load(project / ".vcr" / "job@2.vcr")
    assert resumed.session.parent_session_id == "job"
    assert resumed.goto_frame(2) == {
        "limit": 9,
        "plan": ["look", "write"],
        "done": ["did look", "did write"],
        "ok": True,
    }
    assert [row.origin for row in resumed.rows] == ["tape", "tape", "edit"]
    terminal.keys("f")
    terminal.wait("forked job@2 at frame 2")
    terminal.keys("q")
    terminal.wait("EXIT=0")
    terminal.wait(" echo")
    assert (project / ".vcr" / "job.vcr").read_bytes() == before


def test_an_edited_output_goes_on_after_its_frame(project, tmux):
    editor = script(project, """sed -i 's/"look"/"leap"/; s/"limit": 1/"limit": 5/' "$1" """)
    terminal = tmux("job", EDITOR=editor)
    terminal.wait("3 frames")
    terminal.keys("e")
    terminal.wait("EDITED")
    terminal.keys("r")
    terminal.wait("p goes back to job")
    assert VCRPlayer.load_by_id("job@1", project / ".vcr").goto_frame(2)["done"] == ["did leap", "did write"]


def test_invalid_json_is_opened_again_and_nothing_typed_is_lost(project, tmux):
    editor = script(
        project,
        """if grep -q '^// ' "$1"; then cp "$1" again.txt; sed -i 's/"limit": 7,,/"limit": 7,/' "$1"
        else sed -i 's/"limit": 1,/"limit": 7,,/' "$1"; fi""",
    )
    terminal = tmux("job", EDITOR=editor)
    terminal.wait("3 frames")
    terminal.keys("e")
    terminal.wait("EDITED")
    terminal.wait("limit: 7")
    again = (project / "again.txt").read_text(encoding="utf-8")
    assert again.startswith("// Line 4, column")
    assert '"limit": 7,,' in again.splitlines()[3]


def test_giving_up_on_invalid_json_keeps_the_text_and_the_state(project, tmux):
    editor = script(project, """grep -q '^// ' "$1" || echo 'broken by hand' >> "$1" """)
    terminal = tmux("job", EDITOR=editor, width=200)
    terminal.wait("3 frames")
    terminal.keys("e")
    screen = terminal.wait("your text is in")
    assert "EDITED" not in screen
    kept = Path(screen.split("your text is in ")[1].split()[0])
    assert "broken by hand" in kept.read_text(encoding="utf-8")
    shutil.rmtree(kept.parent)


def test_an_agent_that_cannot_be_loaded_is_a_message(tmux):
    terminal = tmux("job", "--agent", "nowhere:agent")
    terminal.wait("3 frames")
    terminal.keys("r")
    screen = terminal.wait("cannot be loaded")
    assert "Traceback" not in screen
    assert "3 frames" in screen


def test_an_agent_that_fails_again_leaves_its_recording_open(tmux):
    terminal = tmux("job", "--frame", "2")
    terminal.wait("3 frames")
    terminal.keys("r")
    screen = terminal.wait("the agent raised ValueError")
    assert "job@2" in screen


def test_escape_stops_a_resume(project, tmux):
    (project / "worker.py").write_text(AGENT.replace("time.sleep(0.3)", "time.sleep(60)"), encoding="utf-8")
    terminal = tmux("job", "--frame", "2")
    terminal.wait("3 frames")
    terminal.keys("r")
    terminal.wait("Esc stops")
    time.sleep(1)
    terminal.keys("Escape")
    terminal.wait("it was stopped")


def test_a_resize_to_60_by_12_keeps_the_frame_in_sight(tmux):
    terminal = tmux("job", "--frame", "2")
    terminal.wait("3 frames")
    terminal.call("resize-window", "-t", "t", "-x", "60", "-y", "12")
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = terminal.screen.splitlines()
        if len(lines) == 12 and "▶" in terminal.screen and lines[-1].startswith(" "):
            break
        time.sleep(0.05)
    assert all(len(line) <= 60 for line in terminal.screen.splitlines())
    assert "check" in terminal.screen
    assert "✗ ValueError" in terminal.screen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_restores_the_terminal(tmux, number):
    terminal = tmux("job")
    terminal.wait("3 frames")
    os.kill(terminal.debugger_pid(), number)
    terminal.wait("EXIT=")
    screen = terminal.wait(" echo")
    assert "▶" not in screen
    assert "Traceback" not in screen


def test_a_mouse_click_goes_to_a_frame(tmux):
    terminal = tmux("job")
    terminal.wait("3 frames")
    terminal.call("send-keys", "-t", "t", "-l", "\x1b[<0;10;5M\x1b[<0;10;5m")
    terminal.wait("▶   2")


def test_no_colour_means_no_colour(tmux):
    terminal = tmux("job", "--frame", "2", NO_COLOR="1", width=80, height=24)
    terminal.wait("✗ err")
    coloured = terminal.call("capture-pane", "-p", "-e", "-t", "t")
    assert "[38;5" not in coloured
    assert "[31m" not in coloured
    assert re.search("\x1b\\[(1;)?7m", coloured)


def test_a_file_that_is_no_recording_is_refused_in_one_line(project, tmux):
    (project / "foreign.vcr").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    terminal = tmux("foreign.vcr")
    screen = terminal.wait("EXIT=1")
    assert "not a line of a recording" in screen
    assert "Traceback" not in screen
