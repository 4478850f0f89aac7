"""``vcr demo``: a small agent is recorded, inspected, made careless, found out and mended; damage is caught.

Each act says what it is about, shows the command, and runs it.  Other packages add acts: an entry point in the group
``vcr.demos`` names a function that takes the `Stage`.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.errors import UsageError, VcrError

_DESCRIPTION = """\
Watch a small agent mend a project whose tests fail: it is recorded, inspected, compared with a careless one, and run
again from the step that went wrong. Takes a few seconds, needs no network, and leaves its directory behind."""
_EPILOG = """\
examples:
  vcr demo                 in a new temporary directory
  vcr demo my_demo         in a directory of your own, new or empty
  vcr demo --pause         waits for Enter after each act
"""
_BOUND_S = 60.0


class DemoError(VcrError):
    """A command of the demo did not do what the demo says it does.

    Attributes:
        command: The command.
        status: Its exit status.
    """

    def __init__(self, command: str, status: int) -> None:
        self.command = command
        self.status = status
        super().__init__(f"`{command}` ended with status {status}, which it should not; please report it.")


def register(subparsers: Any) -> None:
    """Add ``demo``."""
    parser = add_parser(subparsers, "demo", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "directory", nargs="?", metavar="DIR", help="where to work (default: a new temporary directory)"
    )
    parser.add_argument("--pause", action="store_true", help="wait for Enter after each act")
    parser.set_defaults(run=run_demo)


class Stage:
    """Where acts are played: a directory, and ways to tell and to run things.

    Attributes:
        directory: The demo's project; recordings lie in its ``.vcr``.
        secret: What the agent uses as its API key, made up for this demo.
    """

    def __init__(self, directory: Path, *, pause: bool = False) -> None:
        self.directory = directory
        self.secret = (directory / "api_key.txt").read_text(encoding="utf-8")
        self._pause = pause
        self._acts = 0
        self._color = screen.use_color()
        hidden = ("VCR_DIR", "VCR_TRACEBACK")
        self._environment = {name: value for name, value in os.environ.items() if name not in hidden}
        self._environment["PYTHONIOENCODING"] = "utf-8"

    def act(self, title: str, text: str) -> None:
        """Begin an act: its title, and what there is to see in it."""
        if self._acts and self._pause and sys.stdin.isatty():
            input(screen.paint("  Enter goes on …", "dim", color=self._color))
        self._acts += 1
        screen.write("\n" + screen.paint(f"{self._acts}. {title}", "bold", color=self._color) + "\n")
        self.tell(text)

    def tell(self, text: str) -> None:
        """Say something, wrapped to the screen."""
        width = min(100, screen.screen_width())
        screen.write(textwrap.fill(" ".join(text.split()), width, break_on_hyphens=False) + "\n")

    def run(self, *words: str, expect: int = 0) -> None:
        """Show and run a command: ``vcr …`` or ``python …``.

        Raises:
            DemoError: If it does not end with the status that is expected.
        """
        shown = " ".join(f"'{word}'" if " " in word or not word else word for word in words)
        screen.write(screen.paint(f"\n$ {shown}\n", "key", color=self._color))
        screen.flush()
        program = ["-m", "vcr_core.cli"] if words[0] == "vcr" else []
        command = [sys.executable, *program, *words[1:]]
        done = subprocess.run(command, cwd=self.directory, env=self._environment, timeout=_BOUND_S, check=False)
        if done.returncode != expect:
            raise DemoError(shown, done.returncode)
        if expect:
            screen.write(screen.paint(f"(exit status {expect})\n", "dim", color=self._color))


def run_demo(args: argparse.Namespace) -> int:
    """Play the demo."""
    directory = _prepare(args.directory)
    stage = Stage(directory, pause=args.pause)
    stage.tell(f"This demo works in {directory} and leaves it behind for you to play with.")
    for play in (_record, _look, _find_out, _go_back, _keep_secrets, _damage, *_acts_of_plugins()):
        play(stage)
    _part(stage)
    return OK


def _prepare(word: str | None) -> Path:
    """Return a directory with the project in it.

    Raises:
        UsageError: If the directory is not new or empty.
    """
    directory = Path(tempfile.mkdtemp(prefix="vcr-demo-") if word is None else word).resolve()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is not an empty directory; the demo writes files, so give it a new one")
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("agent.py", "shop.py", "test_shop.py"):
        (directory / name).write_text(_project_file(name), encoding="utf-8")
    (directory / "api_key.txt").write_text("sk-" + "demo-" + secrets.token_hex(20), encoding="utf-8")
    return directory


def _project_file(name: str) -> str:
    project = Path(__file__).parent / "demo_project"
    source = project / name
    return (source if source.exists() else project / f"{name}.txt").read_text(encoding="utf-8")


def _acts_of_plugins() -> list[Callable[[Stage], None]]:
    from vcr_core import plugins  # noqa: PLC0415

    return [act for _, act in plugins.load_plugins(plugins.DEMOS)]


def _record(stage: Stage) -> None:
    stage.act(
        "Record",
        """shop.py has two faults, and two tests fail. An agent mends it: it runs the tests, asks its model, edits, and
        tests again. Its model is a handful of rules; the files, the edits and the tests are real. Every step is in
        the recording before the next one begins, so that not even kill -9 loses one.""",
    )
    stage.run("python", "agent.py", "careful")
    stage.run("vcr", "ls")


def _look(stage: Stage) -> None:
    stage.act(
        "Look at any step",
        """A frame for each step, and for each call of the model and of a tool. On the right, what a step changed in
        the state: + added, ~ changed.""",
    )
    stage.run("vcr", "show", "careful")
    stage.tell("Which steps set the text of shop.py, and what did the first of them do?")
    stage.run("vcr", "blame", "careful", "/files/shop.py")
    stage.run("vcr", "diff", "careful", "5")


def _find_out(stage: Stage) -> None:
    stage.act(
        "Break it, and find out how",
        """The faults are put back, and the agent gets a careless model. It, too, ends with all tests passing.""",
    )
    for name in ("shop.py", "test_shop.py"):
        (stage.directory / name).write_text(_project_file(name), encoding="utf-8")
    stage.run("python", "agent.py", "careless")
    stage.tell("Both runs are green. Compared step by step, they part where the model answers differently:")
    stage.run("vcr", "diff", "careful", "careless")
    stage.tell("It changed the test instead of the code. Which step wrote that line?")
    stage.run("vcr", "blame", "careless", "/files/test_shop.py")


def _go_back(stage: Stage) -> None:
    stage.act(
        "Go back, and go on from there",
        """Frame 9 is the step that asked for it. The run is taken up before that step, with one change to the state:
        the model is to be careful. What came before is served from the recording: no test runs, no model is asked.""",
    )
    stage.run("vcr", "resume", "careless", "--from", "9", "--set", "/style=careful", "--id", "mended")
    stage.tell("It ends where the careful run ended, in every file:")
    stage.run("vcr", "diff", "mended:-1", "careful:-1")
    stage.tell("A whole run can be served like this: the agent's code runs, and everything it asks for is recorded.")
    stage.run("vcr", "resume", "careful", "--mode", "replay", "--id", "replayed")


def _keep_secrets(stage: Stage) -> None:
    stage.act(
        "Secrets stay out",
        """Each call of the model was given an API key. It was replaced before anything was written: the recordings hold
        a placeholder that keeps equality, so they can still be compared and replayed.""",
    )
    stage.run("vcr", "grep", "-F", stage.secret, expect=1)
    stage.run("vcr", "grep", "-m", "1", "REDACTED", "careful")


def _damage(stage: Stage) -> None:
    stage.act(
        "Damage is found",
        """Each line of a recording carries the hash of what was written before it. One letter of a copy is changed:
        the copy can still be read, and `vcr verify` names the line.""",
    )
    source = stage.directory / ".vcr" / "careless.vcr"
    content = source.read_bytes()
    (source.parent / "tampered.vcr").write_bytes(content.replace(b"expects the wrong", b"expects the right", 1))
    stage.run("vcr", "verify", "careless", "tampered", expect=3)


def _part(stage: Stage) -> None:
    stage.act("Your turn", f"Go to {stage.directory} and try:")
    steps = {
        "vcr show careful 3": "one frame in full: what the model was asked, and what it said",
        "vcr stats --by step": "where the time went",
        "edit agent.py; vcr resume careless": "the code as you change it, from any step: --from 9",
        "python agent.py careful": "again: it becomes careful~2; nothing is overwritten",
        "vcr export careless --to markdown": "a report for people",
        "vcr pack careful": "one self-contained, checked file to send away",
        "vcr import --from openai-messages FILE": "recordings of message lists you have",
        "vcr --help": "everything else",
    }
    width = max(map(len, steps))
    for command, text in steps.items():
        screen.write(f"  {screen.paint(command.ljust(width), 'key', color=screen.use_color())}  {text}\n")
