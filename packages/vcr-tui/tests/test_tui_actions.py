from __future__ import annotations

import asyncio
import pickle
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from vcr_core import VCRPlayer
from vcr_core.frames import ErrorInfo, FrameRow, SessionInfo
from vcr_tui import clipboard
from vcr_tui.actions import FilesUnavailableError, ResumeFailedError, fork_session, savepoint_diff
from vcr_tui.cli import NoTerminalError, main
from vcr_tui.content_builder import ContentBuilder, FrameDetails
from vcr_tui.editor import EditorError, edit_value, find_editor
from vcr_tui.error_report import error_markdown
from vcr_tui.errors import TuiError
from vcr_tui.resume_plan import fork_name, plan_resume
from vcr_tui.resume_worker import AgentNotFoundError, load_agent
from vcr_tui.session_view import SessionView
from vcr_tui.state_text import StateSyntaxError, editor_command, from_text, to_text, with_remark, with_texts

# -- resume and fork ---------------------------------------------------------------------------------------------------


@pytest.fixture
def view(run_path):
    view = SessionView(VCRPlayer.load(run_path))
    yield view
    view.player.close()


def test_without_an_edit_the_cut_is_before_the_frame(view):
    view.goto(3)
    plan = plan_resume(view, ContentBuilder(view), agent="app:run")
    assert (plan.from_frame, plan.overrides, plan.outputs, plan.session_id) == (3, [], {}, "run@3")


def test_an_edited_input_is_a_patch_of_the_input_at_the_cut(view):
    view.goto(3)
    view.edits[3, "input"] = {"step": 99}
    plan = plan_resume(view, ContentBuilder(view), agent="app:run")
    assert plan.from_frame == 3
    assert {"op": "replace", "path": "/step", "value": 99} in plan.overrides
    assert {"op": "remove", "path": "/notes"} in plan.overrides


def test_an_edited_output_cuts_after_the_frame(view):
    view.goto(3)
    view.edits[3, "output"] = {"step": 99}
    plan = plan_resume(view, ContentBuilder(view), agent="app:run")
    assert (plan.from_frame, plan.outputs, plan.session_id) == (4, {3: {"step": 99}}, "run@4")


def test_a_plan_is_of_the_frame_that_was_asked_for(view):
    view.edits[3, "output"] = {"step": 99}
    view.goto(5)
    plan = plan_resume(view, ContentBuilder(view), agent="app:run", frame=3)
    assert (plan.from_frame, plan.outputs, plan.session_id) == (4, {3: {"step": 99}}, "run@4")


def test_the_state_of_a_failed_step_is_its_input(view):
    view.goto(7)
    assert view.edited_part == "input"
    view.goto(6)
    assert view.edited_part == "output"


def test_names_of_forks_are_short_and_point_back():
    assert fork_name("run~2", 4) == "run@4"
    assert fork_name("x" * 100, 4) is None


def test_a_fork_shares_frames_and_carries_the_edit(run_path):
    before = run_path.read_bytes()
    plain = fork_session(run_path, 4)
    edited = fork_session(run_path, 4, edit=(4, "output", {"step": 3}, {"step": "edited"}))
    given = fork_session(run_path, 4, edit=(4, "input", {"step": 3}, {"step": "given"}))
    states = {name: VCRPlayer.load(run_path.with_name(f"{name}.vcr")) for name in (plain, edited, given)}
    assert [len(player) for player in states.values()] == [4, 5, 5]
    assert states[edited].goto_frame(4) == {"step": "edited"}
    assert states[edited].rows[4].origin == "edit"
    assert states[given].goto_frame(4) == {"step": "given"}
    assert states[plain].goto_frame(3)["step"] == 3
    assert run_path.read_bytes() == before
    for player in states.values():
        player.close()


# -- agents ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("no_colon", "a colon"),
        ("no.such.module:x", "ModuleNotFoundError"),
        ("json:no_such_name", "AttributeError"),
        ("/no/such/file.py:run", "no such file"),
    ],
)
def test_an_agent_that_is_not_there_is_named(agent, reason):
    with pytest.raises(AgentNotFoundError, match=reason):
        load_agent(agent)


def test_agents_are_found_in_modules_and_files(tmp_path, monkeypatch):
    import sys

    path = tmp_path / "vcr_tui_test_agent.py"
    path.write_text("class Box:\n    @staticmethod\n    def run(state):\n        return state\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert load_agent(f"{path}:Box.run")({"x": 1}) == {"x": 1}
    assert load_agent("json:dumps") is not None
    sys.modules.pop("vcr_tui_test_agent")


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_files_of_a_savepoint_are_read_with_git(tmp_path, monkeypatch):
    def git(*words):
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *settings, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    git("init", "-q")
    (tmp_path / "a.txt").write_text("one\n", encoding="utf-8")
    git("add", "a.txt")
    git("commit", "-q", "-m", "first")
    first = git("rev-parse", "HEAD")
    (tmp_path / "a.txt").write_text("two\n", encoding="utf-8")
    git("commit", "-q", "-a", "-m", "second")
    commit = git("rev-parse", "HEAD")
    text = savepoint_diff(tmp_path / ".vcr" / "run.vcr", {}, commit) if (tmp_path / ".vcr").mkdir() is None else ""
    assert "-one" in text
    assert "+two" in text
    assert "+one" in savepoint_diff(tmp_path / ".vcr" / "run.vcr", {}, first)
    for commit in ("", "--output=/tmp/x", "f" * 40):
        with pytest.raises(FilesUnavailableError):
            savepoint_diff(tmp_path / ".vcr" / "run.vcr", {}, commit)
    assert not Path("/tmp/x").exists()


# -- texts and editors -------------------------------------------------------------------------------------------------


def test_a_state_survives_its_text():
    value = {"a": [1, 2.5, None, True, "ä\n\u2028"], "t": {"$vcr": "tuple", "v": [1]}}
    assert from_text(to_text(value)) == value


def test_large_texts_are_put_in_to_be_edited():
    wire = {
        "p": [{"$vcr": "blob", "kind": "str", "hash": "x", "size": 3}, {"$vcr": "blob", "kind": "bytes", "hash": "y"}]
    }
    assert with_texts(wire, lambda blob: "text") == {"p": ["text", {"$vcr": "blob", "kind": "bytes", "hash": "y"}]}


def test_an_error_points_at_its_line_through_the_remarks():
    text = '{\n  "a": 1,\n  "b": ,\n}\n'
    with pytest.raises(StateSyntaxError) as first:
        from_text(text)
    assert first.value.line == 3
    shown, line = with_remark(text, first.value)
    assert shown.splitlines()[line - 1] == '  "b": ,'
    with pytest.raises(StateSyntaxError) as second:
        from_text(shown)
    assert second.value.line == line
    again, line_again = with_remark(shown, second.value)
    assert again == shown
    assert line_again == line


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "[" * 100_000, "// only a remark"])
def test_what_is_no_json_is_said(text):
    with pytest.raises(StateSyntaxError):
        from_text(text)


@pytest.mark.parametrize(
    ("editor", "command"),
    [
        (["vim", "-n"], ["vim", "-n", "+7", "f"]),
        (["/usr/bin/nano"], ["/usr/bin/nano", "+7", "f"]),
        (["code", "--wait"], ["code", "--wait", "--goto", "f:7"]),
        (["hx"], ["hx", "f:7"]),
        (["my-editor"], ["my-editor", "f"]),
    ],
)
def test_editors_open_at_the_error_in_their_own_way(editor, command):
    assert editor_command(editor, "f", line=7) == command
    assert editor_command(editor, "f") == [*editor, "f"]


def test_visual_comes_before_editor():
    assert find_editor({"VISUAL": "a -b", "EDITOR": "c"}) == ["a", "-b"]
    assert find_editor({"EDITOR": "'x y' z"}) == ["x y", "z"]
    with pytest.raises(EditorError):
        find_editor({"EDITOR": "'"})


async def test_the_file_to_edit_is_private_and_gone_afterwards(monkeypatch):
    monkeypatch.setenv("VISUAL", "editor")
    seen: list[Path] = []

    async def write(command):
        path = Path(command[-1])
        seen.append(path)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        path.write_text('{"x": 2}', encoding="utf-8")
        return 0

    edited = await edit_value({"x": 1}, name="run-frame0-output", run_program=write)
    assert (edited.value, edited.changed) == ({"x": 2}, True)
    assert not seen[0].exists()


# -- reports and the rest ----------------------------------------------------------------------------------------------


def test_an_error_report_survives_fences_in_the_traceback():
    error = ErrorInfo("app.Oops", "bad ```", "Traceback\n```\n", ["a note"], ErrorInfo("KeyError", "'k'"))
    details = FrameDetails(3, FrameRow(3, "node", status="error", model="m"), error)
    text = error_markdown(details, SessionInfo("run", agent="app:run"), name="run")
    assert text.startswith("### Oops: bad ```\n")
    assert "````text\nTraceback\n```\n````" in text
    assert "- caused by: `KeyError: 'k'`" in text
    assert "- note: a note" in text


def test_tmux_is_handed_the_text_because_it_keeps_the_sequence(monkeypatch):
    monkeypatch.setattr(clipboard.shutil, "which", lambda name: name)
    assert clipboard.copy_commands({"TMUX": "x"}, platform="linux") == [["tmux", "load-buffer", "-w", "-"]]
    assert clipboard.copy_commands({}, platform="linux") == []
    assert clipboard.copy_commands({}, platform="darwin") == [["pbcopy"]]
    assert clipboard.osc52("hi") == "\x1b]52;c;aGk=\x07"


@pytest.mark.parametrize(
    "error", [TuiError("x"), NoTerminalError(), StateSyntaxError(1, 2, "y"), ResumeFailedError("z", None)]
)
def test_errors_cross_a_process_boundary(error):
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_without_a_terminal_it_says_so(run_path, capsys):
    assert main([str(run_path)]) == 1
    assert "needs a terminal" in capsys.readouterr().err


def test_a_session_that_is_not_there_is_named_with_those_that_are(run_path, capsys):
    assert main(["nowhere", "--dir", str(run_path.parent)]) == 1
    assert "run" in capsys.readouterr().err


def test_importing_the_package_imports_no_terminal_library():
    import sys

    code = "import vcr_tui, vcr_tui.cli, sys; print('prompt_toolkit' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]


async def test_a_run_that_is_stopped_ends_its_process(run_path, monkeypatch):
    from vcr_tui.actions import Resume
    from vcr_tui.resume_plan import ResumePlan

    (run_path.parent / "sleeper.py").write_text("import time\n\n\ndef sleep(state):\n    time.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(run_path.parent))
    resume = Resume(ResumePlan(str(run_path), "sleeper:sleep", 3), on_event=lambda: None)
    task = asyncio.create_task(resume.run())
    await asyncio.sleep(0.5)
    resume.stop()
    with pytest.raises(ResumeFailedError):
        await asyncio.wait_for(task, 20)


def test_as_a_subcommand_it_takes_the_directory_of_its_host(run_path):
    import argparse

    from vcr_tui.cli import command

    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", default=".vcr")
    command.register(parser.add_subparsers())
    arguments = parser.parse_args(["--dir", str(run_path.parent), "tui", "run"])
    with pytest.raises(NoTerminalError):
        arguments.run(arguments)
    arguments = parser.parse_args(["tui", "--dir", str(run_path.parent), "run"])
    assert arguments.dir == str(run_path.parent)
