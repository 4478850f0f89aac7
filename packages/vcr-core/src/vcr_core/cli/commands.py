"""Which subcommands there are, where they live, and how a command line finds its own without importing the others."""

from __future__ import annotations

import argparse
import importlib
from typing import Any, NamedTuple, cast

from vcr_core.errors import UsageError


class Command(NamedTuple):
    """A subcommand of the core: the module that registers it, and its line in the help."""

    module: str
    summary: str


COMMANDS: dict[str, Command] = {
    "ls": Command("sessions", "list the recordings of a directory"),
    "show": Command("show", "show a recording, or one frame with its states"),
    "tail": Command("show", "show the last frames, and follow a run that is going on"),
    "diff": Command("comparing", "compare two frames, or two recordings"),
    "blame": Command("comparing", "tell which step set a value"),
    "grep": Command("grep", "search names and states"),
    "stats": Command("stats", "add up time, tokens, cost and errors"),
    "resume": Command("resuming", "run a recorded run again from any step, the rest served from it"),
    "fork": Command("forking", "begin a recording that shares frames with another"),
    "compare": Command("forking", "set several recordings side by side"),
    "bisect": Command("forking", "find the step that makes a run fail"),
    "verify": Command("checking", "check that nothing was changed, lost or added"),
    "scan": Command("checking", "look for secrets in recordings and blobs"),
    "import": Command("importing", "make recordings of message lists or older recordings"),
    "export": Command("exporting", "write a recording as JSON, JSON Lines or Markdown"),
    "pack": Command("exporting", "make one self-contained file of a recording"),
    "demo": Command("demo", "watch a small agent being recorded, inspected and broken"),
}


class UnknownCommandError(UsageError):
    """There is no such subcommand.

    Attributes:
        command: What was asked for.
        known: The names there are.
    """

    def __init__(self, command: str, known: list[str]) -> None:
        import difflib  # noqa: PLC0415  # only for this message

        self.command = command
        self.known = known
        close = difflib.get_close_matches(command, known, 1)
        hint = f"Did you mean `vcr {close[0]}`?" if close else f"There are: {', '.join(known)}."
        super().__init__(f"there is no command {command!r}. {hint} `vcr --help` explains them.")


def register(name: str, subparsers: Any) -> None:
    """Add the parser of one subcommand, of the core or of a plugin.

    Raises:
        UnknownCommandError: If there is none of that name.
        PluginError: If it comes from a plugin that cannot be loaded.
    """
    command = COMMANDS.get(name)
    if command is not None:
        importlib.import_module(f"vcr_core.cli.{command.module}").register(subparsers)
    else:
        _register_plugin(name, subparsers)


def _register_plugin(name: str, subparsers: Any) -> None:
    from vcr_core import plugins  # noqa: PLC0415  # most command lines need none

    found = plugins.find_plugins(plugins.COMMANDS)
    if name in found:
        _add(plugins.load_plugin(found[name]), found[name], subparsers)
        return
    known = {*COMMANDS, *found}
    for entry in found.values():  # a plugin may add more commands than the one it is named after
        try:
            _add(plugins.load_plugin(entry), entry, subparsers)
        except plugins.PluginError as error:
            plugins.warn_plugin(error)
    if name not in subparsers.choices:
        raise UnknownCommandError(name, sorted({*known, *subparsers.choices}))


def _add(plugin: Any, entry: Any, subparsers: Any) -> None:
    from vcr_core import plugins  # noqa: PLC0415

    try:
        plugin.register(subparsers)
    except (Exception, SystemExit) as error:  # a plugin's code may raise anything
        reason = f"its register() raised {type(error).__name__}: {error}"
        raise plugins.PluginError(
            entry.group, entry.name, entry.value, distribution=plugins.distribution_of(entry), reason=reason
        ) from error


def plugin_summaries() -> dict[str, str]:
    """Return the names of the commands that plugins add, each with its line in the help; no command is loaded.

    A command that no table of the group ``vcr.summaries`` knows is described by the distribution it comes from.
    """
    from vcr_core import plugins  # noqa: PLC0415  # only for the help

    found = plugins.discover()
    told: dict[str, str] = {}
    for _, summaries in plugins.load_plugins(plugins.SUMMARIES, found):
        if isinstance(summaries, dict):
            told.update(cast("dict[str, str]", summaries))
    # To ask whose an entry is takes longer than to find all of them, so only those are asked that nothing describes.
    return {
        name: told[name] if name in told else f"from {plugins.distribution_of(entry) or entry.value}"
        for name, entry in plugins.find_plugins(plugins.COMMANDS, found).items()
    }


def add_parser(subparsers: Any, name: str, *, description: str, epilog: str = "") -> argparse.ArgumentParser:
    """Return a new parser for a subcommand, its help text kept as it is written."""
    command = COMMANDS.get(name)
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=command.summary if command else None,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser
