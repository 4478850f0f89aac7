"""The command as a whole: help, exit codes, wrong input, pipes, signals, plugins, start-up."""

from __future__ import annotations

import importlib.metadata
import json
import resource
import signal
import subprocess
import sys

import pytest

from vcr_core import VCRRecorder, plugins
from vcr_core.cli.commands import COMMANDS
from vcr_core.cli.exit_codes import EXIT_CODES
from vcr_core.cli.screen import progress


def test_help_lists_every_command_and_every_exit_code(vcr):
    result = vcr("--help")
    assert result.status == 0
    for name, command in COMMANDS.items():
        assert f"  {name} " in result.out
        assert command.summary in result.out
    for code in EXIT_CODES:
        assert f"\n  {code} " in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_examples_and_its_json_shape(vcr, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    result = vcr(name, "--help")
    assert result.status == 0
    assert f"usage: vcr {name}" in result.out
    assert f"  vcr {name}" in result.out.partition("examples:")[2]
    assert name == "demo" or "--json: " in result.out
    assert all(len(line) <= 120 for line in result.out.splitlines())


def test_no_command_prints_the_help(vcr):
    assert vcr().out == vcr("--help").out


def test_version_is_printed(vcr):
    result = vcr("--version")
    assert result.status == 0
    assert result.out.startswith("vcr 1.")


def test_unknown_command_names_the_nearest(vcr):
    result = vcr("shwo")
    assert result.status == 2
    assert "there is no command 'shwo'. Did you mean `vcr show`?" in result.err


@pytest.mark.parametrize(
    "words", [["ls", "--limit", "x"], ["diff"], ["blame", "my_run"], ["export", "--to", "pdf", "x"]]
)
def test_usage_errors_exit_with_two(vcr, recorded, words):
    result = vcr(*words)
    assert result.status == 2
    assert "usage: vcr " in result.err


def test_dir_is_taken_before_and_after_the_command_and_from_the_environment(vcr, recorded, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    expected = vcr("ls", "--dir", recorded).out
    assert "my_run" in expected
    assert vcr("--dir", recorded, "ls").out == expected
    assert vcr("ls", recorded).out == expected
    monkeypatch.setenv("VCR_DIR", str(recorded))
    assert vcr("ls").out == expected


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["show", "nothing"], 1, "there is no recording 'nothing' in .vcr. There are: forked, my_run."),
        (["show", "no/file.vcr"], 1, "there is no file no/file.vcr. There is no directory no either."),
        (["show", ".vcr"], 1, ".vcr is a directory, and a recording is wanted. `vcr ls .vcr` lists those in it."),
        (["show", "notes.txt"], 3, "notes.txt: not a line of a recording"),
        (["show", "my_run", "6"], 2, "has no frame 6: its frames are 0 to 5, or -1 (the last) to -6."),
        (["show", "my_run", "somewhere"], 2, "its checkpoints are: before sending"),
        (["show", "my_run", "--state"], 2, "`vcr show SESSION FRAME --state`"),
        (["show", "a/../b"], 1, "there is no file a/../b"),
        (["show", "a\nb"], 1, "is refused"),
        (["ls", "nowhere"], 1, "there is no directory nowhere"),
        (["ls", "notes.txt"], 1, "notes.txt is not a directory"),
        (["diff", "a", "b", "c", "d"], 2, "is none of the forms"),
        (["grep", "("], 2, "is not a regular expression"),
        (["blame", "my_run", "plan.0"], 2, "Did you mean '/plan/0'?"),
        (["pack", "my_run", "-o", "notes.txt"], 2, "exists already"),
        (["verify", "nothing"], 1, "there is no recording 'nothing'"),
        (["import", "missing.json"], 1, "missing.json: No such file or directory"),
    ],
)
def test_wrong_input_is_one_clear_paragraph(vcr, recorded, tmp_path, words, status, said):
    (tmp_path / "notes.txt").write_text("not a recording\n")
    result = vcr(*words)
    assert (result.status, result.out) == (status, "")
    assert said in result.err
    assert result.err.startswith("vcr: ")
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


def test_unique_beginning_of_an_id_is_enough_and_an_ambiguous_one_is_not(vcr, recorded):
    VCRRecorder(recorded).start_session("my_other")
    assert vcr("show", "fork").out == vcr("show", "forked").out
    result = vcr("show", "my")
    assert result.status == 1
    assert "'my' is the beginning of 2 recordings: my_other, my_run" in result.err


def test_fault_of_our_own_is_told_without_a_traceback(vcr, recorded, monkeypatch):
    monkeypatch.setattr("vcr_core.cli.sessions.find_summaries", lambda *_: 1 / 0)
    result = vcr("ls")
    assert result.status == 1
    assert "a fault of vcr itself, ZeroDivisionError" in result.err
    assert result.err.count("\n") == 1
    monkeypatch.setenv("VCR_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        vcr("ls")


def test_colour_only_where_it_is_wanted(vcr, recorded, monkeypatch):
    assert "\x1b[" not in vcr("show", "my_run").out
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert "\x1b[" in vcr("show", "my_run").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in vcr("show", "my_run").out


def test_control_characters_of_a_recording_never_reach_the_terminal(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("evil", tags=["\x1b[31mred"])
        recorder.record_step("\x1b]0;title\x07", {}, {"\x1b[2J": "\x1b[H\u202e", "\u009b": ["\x07"]})
        recorder.record_error("x", {}, ValueError("\x1b[2J"))
    for words in (["ls"], ["show", "evil"], ["show", "evil", "0"], ["tail", "evil"], ["grep", "H"], ["stats"]):
        printed = vcr(*words).out
        assert printed
        assert not set(printed) & {"\x1b", "\x07", "\u009b", "\u202e"}


def test_a_closed_pipe_is_a_quiet_exit(vcr_process, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("long")
        for number in range(3000):
            recorder.record_step(f"step {number}", {}, {"text": "x" * 200}, latency_ms=0.0)
    process = vcr_process("show", "long")
    head = process.stdout.readline()
    process.stdout.close()
    assert head.startswith("long  3,000 frames")
    assert process.wait(timeout=30) == 141
    assert process.stderr.read() == ""


def test_a_pipe_that_closes_before_a_short_output_is_quiet_too(recorded):
    shell = f"{sys.executable} -m vcr_core.cli ls --dir {recorded} | head -0"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == ""


def test_ctrl_c_ends_with_130_and_no_traceback(vcr_process, tmp_path):
    recorder = VCRRecorder(tmp_path / ".vcr")
    recorder.start_session("live")
    recorder.record_step("first", {}, {"n": 1})
    # Tests started in the background of a shell ignore the signal, and so does all they start.
    process = vcr_process("tail", "-f", "live", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert "first" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "vcr: interrupted\n"
    recorder.close()


def test_start_up_imports_only_what_the_help_needs(tmp_path):
    code = (
        "import sys; before = set(sys.modules)\n"
        "from vcr_core.cli import main\n"
        "import io, contextlib\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main(['--help'])\n"
        "print('\\n'.join(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    loaded = set(done.stdout.split())
    ours = {name for name in loaded if name.startswith("vcr_core")}
    assert ours == {
        "vcr_core",
        "vcr_core.errors",
        "vcr_core.lazy_names",
        "vcr_core.plugins",
        "vcr_core.cli",
        "vcr_core.cli.commands",
        "vcr_core.cli.entry",
        "vcr_core.cli.exit_codes",
    }
    assert not loaded & {"msgspec", "asyncio", "decimal", "subprocess"}


def spent_by_children():
    """Processor time, which other programs on the machine do not add to."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def test_start_up_costs_a_few_bare_interpreters():
    commands = {"bare": ["-c", "import argparse"], "helped": ["-m", "vcr_core.cli", "--help"]}
    times = {name: [] for name in commands}
    for _ in range(7):  # in turns: a machine may be twice as fast for a while
        for name, words in commands.items():
            before = spent_by_children()
            subprocess.run([sys.executable, *words], capture_output=True, timeout=30, check=True)
            times[name].append(spent_by_children() - before)
    assert min(times["helped"]) < 5 * min(times["bare"]), times


class Hello:
    @staticmethod
    def register(subparsers):
        parser = subparsers.add_parser("hello")
        parser.add_argument("--json", action="store_true")
        parser.set_defaults(run=lambda args: print("hello", args.json, args.dir) or 7)
        subparsers.add_parser("goodbye").set_defaults(run=lambda args: print("goodbye") or 0)


def fails_to_register(subparsers):
    raise RuntimeError("not today")


Hello.fails = type("Fails", (), {"register": staticmethod(fails_to_register)})


@pytest.fixture
def plugged(monkeypatch):
    """Installs entry points for the length of a test."""

    def plug(summaries=None, **values):
        found = [importlib.metadata.EntryPoint(name, value, plugins.COMMANDS) for name, value in values.items()]
        if summaries is not None:
            found.append(importlib.metadata.EntryPoint("a", summaries, plugins.SUMMARIES))
        monkeypatch.setitem(sys.modules, "a_plugin", type(sys)("a_plugin"))
        sys.modules["a_plugin"].hello = Hello
        sys.modules["a_plugin"].fails = Hello.fails
        sys.modules["a_plugin"].SUMMARIES = {"hello": "say hello", "gone": "a command that is not there"}
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda: importlib.metadata.EntryPoints(found))

    return plug


def test_a_plugin_adds_commands(vcr, plugged):
    plugged(hello="a_plugin:hello")
    assert "hello  from a_plugin:hello" in vcr("--help").out
    result = vcr("--dir", "here", "hello", "--json")
    assert (result.status, result.out) == (7, "hello True here\n")
    assert vcr("goodbye").out == "goodbye\n"


def test_the_help_shows_a_plugin_s_summary_and_loads_no_command(vcr, plugged):
    plugged(hello="no_such_module:thing", summaries="a_plugin:SUMMARIES")
    result = vcr("--help")
    assert "  hello  say hello\n" in result.out
    assert "gone" not in result.out
    assert result.err == ""


@pytest.mark.filterwarnings("always::vcr_core.plugins.PluginWarning")
@pytest.mark.parametrize("value", ["no_such_module:SUMMARIES", "a_plugin:hello"])
def test_the_help_does_without_summaries_that_are_none(vcr, plugged, value):
    plugged(hello="a_plugin:hello", summaries=value)
    result = vcr("--help")
    assert "  hello  from a_plugin:hello\n" in result.out
    assert ("no_such_module" in result.err) == value.startswith("no_such")


@pytest.mark.parametrize("value", ["no_such_module:thing", "a_plugin:no_such_name", "a_plugin:fails"])
def test_a_broken_plugin_is_named_and_stops_nothing_else(vcr, plugged, recorded, value):
    plugged(broken=value, hello="a_plugin:hello")
    assert vcr("ls").status == 0
    assert vcr("hello").status == 7
    result = vcr("broken")
    assert result.status == 1
    for part in ("'broken'", "vcr.commands", value):
        assert part in result.err
    assert "Traceback" not in result.err


def test_loading_a_group_warns_of_what_is_broken_and_yields_the_rest(plugged):
    plugged(broken="no_such_module:thing", hello="a_plugin:hello")
    with pytest.warns(plugins.PluginWarning, match=r"'broken'.*vcr\.commands, no_such_module:thing"):
        assert list(plugins.load_plugins(plugins.COMMANDS)) == [("hello", Hello)]


def test_long_work_tells_how_far_it_is_on_a_terminal_only(monkeypatch, capsys):
    ticks = iter(range(1000))
    monkeypatch.setattr("vcr_core.cli.screen.time.monotonic", lambda: next(ticks) / 10)
    assert list(progress(range(20), 20, "frames")) == list(range(20))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(progress(range(20), 20, "frames")) == list(range(20))
    told = capsys.readouterr().err
    assert "frames 10 of 20  50 %" in told
    assert told.endswith("\r\x1b[K")


def test_json_of_every_listing_is_one_document(vcr, recorded):
    for words in (["ls"], ["show", "my_run"], ["show", "my_run", "0"], ["stats"], ["verify"], ["grep", "hello"]):
        json.loads(vcr(*words, "--json").out)
