"""The entry of the ``vcr`` command: finds the subcommand and runs it; what goes wrong becomes a message and a status.

Nothing here knows what a subcommand does.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from vcr_core.cli.commands import COMMANDS, plugin_summaries, register
from vcr_core.cli.exit_codes import CLOSED_PIPE, DAMAGED, ERROR, EXIT_CODES, INTERRUPTED, OK, USAGE
from vcr_core.errors import UsageError, VcrError

_ABOUT = "The undo button for AI agents: look at any step of a recorded run, compare, search, check and carry away."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; see `vcr_core.cli.exit_codes`.

    Args:
        argv: The words after ``vcr``; those of the process if None.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _prepare_streams()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            status = _run(words)
            sys.stdout.flush()
        except KeyboardInterrupt:
            print("vcr: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            _leave_pipe()
            return CLOSED_PIPE
        except Exception as error:  # noqa: BLE001  # a person gets a message, not a traceback
            if os.environ.get("VCR_TRACEBACK"):
                raise
            return _report(error)
    return status


def _run(words: list[str]) -> int:
    parser = _Parser()
    command = _command_of(words)
    if command is None:
        parser.parse_args(words)
        parser.print_help()
        return OK
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", prog="vcr", parser_class=argparse.ArgumentParser
    )
    register(command, subparsers)
    args = parser.parse_args(words)
    return int(args.run(args) or OK)


def _command_of(words: list[str]) -> str | None:
    """Return the subcommand: the first word that is neither an option nor an option's value."""
    skip = False
    for word in words:
        if skip or word.startswith("-"):
            skip = word == "--dir"
        else:
            return word
    return None


class _Parser(argparse.ArgumentParser):
    def __init__(self) -> None:
        super().__init__(prog="vcr", usage="vcr [--dir DIR] COMMAND …", allow_abbrev=False)
        self.add_argument("--version", action=_Version, nargs=0)
        self.add_argument("--dir", default=os.environ.get("VCR_DIR") or ".vcr")

    def format_help(self) -> str:
        parts = [
            f"usage: {self.usage}\n\n{_ABOUT}\n",
            _columns("commands", {n: c.summary for n, c in COMMANDS.items()}),
        ]
        if plugins := plugin_summaries():
            parts.append(_columns("more commands, from other packages", plugins))
        parts.append("`vcr COMMAND --help` explains one command, with examples and the shape of its --json output.\n")
        options = {
            "--dir DIR": "the directory of the recordings (default: $VCR_DIR, else .vcr)",
            "--version": "print the version",
            "-h, --help": "print this text",
        }
        parts.append(_columns("options", options))
        environment = {
            "VCR_DIR": "the directory of the recordings",
            "NO_COLOR": "if set: never colour",
            "CLICOLOR_FORCE": "if set: colour even where no terminal is",
            "VCR_TRACEBACK": "if set: show the traceback of an error",
        }
        parts.append(_columns("environment", environment))
        parts.append(_columns("exit status", {str(code): text for code, text in EXIT_CODES.items()}))
        return "\n".join(parts)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from vcr_core import __version__  # noqa: PLC0415  # only asked for here

        print(f"vcr {__version__} (vcr-core, Python {sys.version.split()[0]})")
        parser.exit()


def _columns(title: str, rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return f"{title}:\n" + "".join(f"  {name.ljust(width)}  {text}\n" for name, text in rows.items())


def _prepare_streams() -> None:
    """What a recording holds may not fit the terminal's encoding; it is then escaped, never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del category, filename, lineno, line
    print(f"vcr: warning: {message}", file=file or sys.stderr)


def _leave_pipe() -> None:
    """Point stdout nowhere, so that the interpreter's last flush finds no closed pipe either."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        return  # stdout is not a file of the system: nothing will be flushed into a pipe


def _report(error: Exception) -> int:
    if isinstance(error, VcrError):
        message, status = str(error), _status_of(error)
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        message, status = f"{where}{error.strerror or error}", ERROR
    else:
        message = (
            f"this is a fault of vcr itself, {type(error).__name__}: {error}. Run it again with VCR_TRACEBACK=1 in the "
            "environment and report what it prints."
        )
        status = ERROR
    print(f"vcr: {message}", file=sys.stderr)
    return status


def _status_of(error: VcrError) -> int:
    from vcr_core.session_file import DamagedFrameError  # noqa: PLC0415  # only where something went wrong
    from vcr_core.state_reader import MissingStateError  # noqa: PLC0415
    from vcr_core.wire_format import FormatError  # noqa: PLC0415

    if isinstance(error, UsageError):
        return USAGE
    return DAMAGED if isinstance(error, (FormatError, DamagedFrameError, MissingStateError)) else ERROR
