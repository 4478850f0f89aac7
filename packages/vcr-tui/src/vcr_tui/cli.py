"""The command line: ``vcr-tui FILE | SESSION_ID | DIRECTORY``, and ``vcr tui`` as a plugin of `vcr`.

Exit codes: 0 after the person quit, 1 if the recording cannot be opened or there is no terminal, 2 for wrong usage,
130 if it was interrupted before anything was shown.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vcr_core.errors import VcrError
from vcr_core.store import Store
from vcr_tui.command_summaries import SUMMARIES
from vcr_tui.errors import TuiError

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]  # the type of add_subparsers()

    Subparsers = _SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = "Look at a recorded run step by step, edit a state, and go on from there."


class NoTerminalError(TuiError):
    """The program was started where there is nothing to draw on."""

    def __init__(self) -> None:
        super().__init__(
            "vcr-tui needs a terminal, and its input or output is a pipe or a file. "
            "For text use `vcr show` and `vcr diff`; for a test, tmux makes a terminal."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the program takes to a parser."""
    parser.add_argument(
        "session",
        nargs="?",
        metavar="FILE|SESSION_ID|DIRECTORY",
        help="a recording, the name of a session in --dir, or a directory to choose from (default: --dir)",
    )
    # Suppressed, so that the --dir of `vcr` itself counts where this is its subcommand.
    help_text = "where session names are looked up (default: $VCR_DIR, else .vcr)"
    parser.add_argument("--dir", default=argparse.SUPPRESS, metavar="DIR", help=help_text)
    parser.add_argument("--frame", type=int, default=0, metavar="N", help="begin at this frame; -1 is the last one")
    parser.add_argument("--follow", action="store_true", help="show the run while it is recorded")
    parser.add_argument("--agent", metavar="MODULE:FUNCTION", help="the agent that r runs (default: as recorded)")
    parser.add_argument("--no-color", action="store_true", help="no colours; also NO_COLOR=1")


def run(arguments: argparse.Namespace) -> int:
    """Run the program.

    Raises:
        VcrError: If there is no such recording, or it cannot be read.
    """
    gc.disable()  # what is loaded until the first frame is seen stays: looking for garbage in it only takes time
    directory = getattr(arguments, "dir", None) or os.environ.get("VCR_DIR") or ".vcr"
    path = resolve(arguments.session or directory, directory=directory)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NoTerminalError
    from vcr_tui.app import Debugger  # noqa: PLC0415  # the terminal library costs more than all else

    try:
        colour = False if arguments.no_color else None
        debugger = Debugger(path, follow=arguments.follow, agent=arguments.agent, colour=colour)
    except OSError as error:
        raise TuiError(f"{path} cannot be opened: {error.strerror or error}") from error
    session = debugger.desk.session
    if session is not None and arguments.frame:
        session.view.goto(arguments.frame if arguments.frame >= 0 else len(session.view) + arguments.frame)
    debugger.run()
    return 0


def resolve(name: str, *, directory: str) -> Path:
    """Return the file or directory that a person means.

    Raises:
        VcrError: If there is none.
    """
    path = Path(name)
    if path.is_dir():
        return path
    if path.is_file():
        return path
    if name == directory and not path.exists():
        raise TuiError(f"there is no directory {name}. Name a recording, or a directory of recordings.")
    return Store(directory).resolve(name)


class Command:
    """``vcr tui``, for the entry point group ``vcr.commands``."""

    def register(self, subparsers: Subparsers) -> None:
        """Add the subcommand."""
        parser = subparsers.add_parser("tui", help=SUMMARIES["tui"], description=DESCRIPTION)
        add_arguments(parser)
        parser.set_defaults(run=run)


command = Command()


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``vcr-tui`` and return its exit code."""
    parser = argparse.ArgumentParser(prog="vcr-tui", description=DESCRIPTION)
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except VcrError as error:
        print(f"vcr-tui: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if os.environ.get("VCR_TRACEBACK"):
            raise
        reason = f"{type(error).__name__}: {error}"
        print(f"vcr-tui: a fault of its own ({reason}). VCR_TRACEBACK=1 shows where.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
