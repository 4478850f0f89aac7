"""The subcommands that ``vcr`` loads through the entry points ``vcr.commands``: their parsers, and what they print.

What they do to a session is in ``operations``; ``vcr run`` itself is in ``running``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Handler = Callable[[argparse.Namespace], int]
Filler = Callable[[argparse.ArgumentParser], None]

_RUN_ABOUT = """\
Run any program in a transaction over the files of this project: a savepoint at the beginning, whenever the files
have been quiet for a moment after changes, at the end, and when the program calls `vcr savepoint`. When it has ended,
you see what it changed, and commit it, roll it back, or keep the session open for `vcr undo` and `vcr log`.
Input, output, terminal, signals and exit status are the program's own; what vcr says goes to stderr.
"""
_RUN_EXAMPLES = """\
The workspace is the git worktree around this directory, else the directory itself; -C names another.
Exit status: that of the program (128 + n if signal n ended it); 127 if there is no such program, 126 if it cannot be
executed, 125 if vcr could not begin or end the session.

examples:
  vcr run -- claude                          an agent, with an undo button
  vcr run --on-exit rollback -- make clean   try something and leave no trace
  vcr run --worktree --name fix-42 -- aider  beside you, in a worktree of its own
"""


class SubCommand:
    """One subcommand: what an entry point names.

    Attributes:
        name: What is typed.
        summary: Its line in the help.
    """

    def __init__(
        self, name: str, summary: str, handler: str, fill: Filler, *, more: tuple[str, str] = ("", "")
    ) -> None:
        self.name = name
        self.summary = summary
        self._handler = handler
        self._fill = fill
        self._more = more

    def register(self, subparsers: Any) -> None:
        """Add the parser."""
        parser = subparsers.add_parser(
            self.name,
            help=self.summary,
            description=self._more[0] or self.summary[0].upper() + self.summary[1:] + ".",
            epilog=self._more[1],
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.add_argument("-C", dest="workspace", metavar="DIR", help="look here instead of the current directory")
        self._fill(parser)
        parser.set_defaults(run=self._run)

    def _run(self, args: argparse.Namespace) -> int:
        from importlib import import_module  # the help needs none of the rest

        module, _, name = self._handler.partition(":")
        handler: Handler = getattr(import_module(f"vcr_acid.cli.{module}"), name)
        return handler(args)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--session", metavar="NAME", help="an open session by name (default: the latest one)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _fill_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--worktree", action="store_true", help="work in a linked worktree beside this one")
    parser.add_argument("--name", metavar="N", help="name of the session (default: the program's name and the time)")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="go on in the session that is open here")
    parser.add_argument(
        "--on-exit",
        choices=("ask", "commit", "keep", "rollback"),
        help="what to do when the program has ended (default: ask on a terminal, else keep the session open)",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …", help="the program, its arguments")


def _fill_steps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("steps", nargs="?", type=_positive, default=1, metavar="N", help="how many steps (default: 1)")
    parser.add_argument("--all", action="store_true", help="as far as it goes")
    _common(parser)


def _positive(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word} is not a number of steps: use 1 or more")
    return number


def _fill_restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("frame", type=int, metavar="FRAME", help="number in `vcr log`; -1 is the last one")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these files and directories")
    _common(parser)


def _fill_savepoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--message", metavar="TEXT", help="a name for `vcr log`")
    _common(parser)


def _fill_commit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", "--message", metavar="TEXT", help="the commit's message")
    parser.add_argument(
        "--resolve",
        nargs="+",
        default=[],
        metavar="PATH",
        help="after a conflict: these files shall be in the commit as they are in the workspace now",
    )
    parser.add_argument(
        "--drop-effects", action="store_true", help="give up effects that wait for the commit and cannot be run here"
    )
    _common(parser)


def _fill_abort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _common(parser)


def _fill_gc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keep", type=int, default=10, metavar="N", help="finished sessions to keep (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _fill_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _fill_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--claude-code", action="store_true", help="hooks of Claude Code: a savepoint per tool call")
    parser.add_argument("--local", action="store_true", help="in .claude/settings.local.json, which is not shared")
    parser.add_argument("--remove", action="store_true", help="take the hooks out again")


run = SubCommand("run", "run a program in a transaction", "running:run", _fill_run, more=(_RUN_ABOUT, _RUN_EXAMPLES))
undo = SubCommand("undo", "take back the last changes, or the last N steps", "answers:undo", _fill_steps)
redo = SubCommand("redo", "take back an undo", "answers:redo", _fill_steps)
log = SubCommand("log", "list the savepoints of the open session", "answers:log", _common)
restore = SubCommand(
    "restore", "bring back some paths, or everything, from a savepoint", "answers:restore", _fill_restore
)
savepoint = SubCommand("savepoint", "save the files as they are now", "answers:savepoint", _fill_savepoint)
commit = SubCommand("commit", "merge the session into the branch as one commit", "answers:commit", _fill_commit)
abort = SubCommand("abort", "put everything back as it was and end the session", "answers:abort", _fill_abort)
status = SubCommand("status", "show the open session and what it changed", "answers:status", _common)
recover = SubCommand("recover", "finish or take back what a crash interrupted", "answers:recover", _fill_json)
gc = SubCommand("gc", "forget old finished sessions, and show the sizes", "answers:collect", _fill_gc)
init = SubCommand("init", "set up the hooks of a coding agent in this project", "answers:init", _fill_init)

# What `vcr --help` shows, through the entry point group `vcr.summaries`.
SUMMARIES = {
    command.name: command.summary
    for command in (run, undo, redo, log, restore, savepoint, commit, abort, status, recover, gc, init)
}
