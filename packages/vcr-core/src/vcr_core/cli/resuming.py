"""``vcr resume``: runs a recorded run again, from any step, with everything before it served from the recording."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import ERROR, OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_frame, is_frame_number, open_session
from vcr_core.errors import UsageError, VcrError

if TYPE_CHECKING:
    from vcr_core.engine import Resumption
    from vcr_core.player import VCRPlayer

_DESCRIPTION = """\
Run a recorded run again. Steps before the cut are served from the recording, none of them is run; from the cut on the
agent runs live, and a new recording is made. The old one stays as it is."""
_EPILOG = """\
AGENT is module:function, looked up from the current directory; without it, the agent that was recorded. A VALUE is
JSON, or else taken as text.

examples:
  vcr resume my_run                                   go on where it failed or ended
  vcr resume my_run --from 7                          run frame 7 and what follows again, with the code as it is now
  vcr resume my_run --from 7 --set /plan/0='"wait"'   ... with a change to the state that step 7 takes
  vcr resume my_run --mode replay                     run it all again for nothing: the agent must do as it did
  vcr resume my_run other_agent:main --mode mock --mock search='["a hit"]'

--json: {"session", "path", "result", "live_steps", "served_steps", "unused", "error"}
exit status: 1 if the agent raised; what it did until then is recorded
"""


class AgentNotFoundError(VcrError):
    """A ``module:function`` that cannot be found.

    Attributes:
        name: What was asked for.
        reason: Why it was not found.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(
            f"the agent {name!r} cannot be loaded: {reason}. It is module:function, looked up from the current "
            "directory and in what is installed; name it behind the recording."
        )


def register(subparsers: Any) -> None:
    """Add ``resume``."""
    parser = add_parser(subparsers, "resume", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("session", metavar="SESSION", help=SESSION_HELP)
    parser.add_argument("agent", nargs="?", metavar="AGENT", help="module:function (default: the one recorded)")
    parser.add_argument(
        "--from", dest="cut", metavar="FRAME", help="where to go live: a frame, a checkpoint, a step's key"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="POINTER=VALUE", help="change the state at the cut"
    )
    parser.add_argument("--mode", choices=["fork", "replay", "mock"], default="fork", help="default: fork")
    parser.add_argument("--mock", action="append", default=[], metavar="STEP=VALUE", help="answer a step with a value")
    parser.add_argument("--live", action="append", default=[], metavar="STEP", help="with --mode mock: run this step")
    parser.add_argument("--skip", action="append", default=[], metavar="STEP", help="do not run this step")
    parser.add_argument("--id", metavar="NAME", help="name of the new recording")
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_resume)


def run_resume(args: argparse.Namespace) -> int:
    """Run a recording again."""
    from vcr_core.engine import ResumeConfig, ResumeMode, run_again  # noqa: PLC0415

    player = open_session(args.session, args.dir)
    cut: int | str | None = args.cut
    if isinstance(cut, str) and is_frame_number(cut):
        cut = len(player) if cut == str(len(player)) else find_frame(player, cut)
    config = ResumeConfig(
        from_frame=cut,
        mode=ResumeMode(args.mode),
        state_overrides=_patch(cut, args.set),
        inject_mocks=dict(_assignment(text, "--mock") for text in args.mock),
        live=args.live,
        skip_nodes=args.skip,
        new_session_id=args.id,
    )
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        agent = load_agent(args.agent or recorded_agent(player))
        try:
            resumption = run_again(player, agent, config)
        except asyncio.CancelledError as error:
            raise VcrError("the agent was cancelled; what it did until then is recorded") from error
    _tell(resumption, player, as_json=args.json)
    return OK if resumption.error is None else ERROR


def recorded_agent(player: VCRPlayer) -> str:
    """Return the name of the agent that was recorded: as its session says, or the engine where it was run.

    Raises:
        UsageError: If the recording does not say.
    """
    from vcr_core.engine.tape import Tape  # noqa: PLC0415  # only for what runs an agent

    if player.session.agent:
        return player.session.agent
    run = Tape(player, cut=len(player)).run
    if run is None:
        raise UsageError(f"{player.path} does not say which agent was recorded; name it: module:function")
    return run.agent


def _patch(cut: int | str | None, assignments: list[str]) -> Any:
    """Return the changes of ``--set`` as a JSON patch; a member that is not there yet is added."""
    from vcr_core.json_pointer import parse  # noqa: PLC0415

    if not assignments:
        return {}
    if cut is None:
        raise UsageError("--set changes the state that the step at the cut takes; name that step with --from")
    found = [_assignment(text, "--set") for text in assignments]
    for pointer, _ in found:
        parse(pointer)
    return [{"op": "add", "path": pointer, "value": value} for pointer, value in found]


def _assignment(text: str, option: str) -> tuple[str, Any]:
    import msgspec  # noqa: PLC0415

    name, mark, value = text.partition("=")
    if not mark:
        raise UsageError(f"{option} {text!r}: NAME=VALUE is expected")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def load_agent(name: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Raises:
        AgentNotFoundError: If there is none; whatever its module raised is the cause.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise AgentNotFoundError(name, "it has no colon")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # a module of the user's own may raise anything
        raise AgentNotFoundError(name, f"{type(error).__name__}: {error}") from error
    agent: Callable[..., Any] = found
    return agent


def _tell(resumption: Resumption, player: VCRPlayer, *, as_json: bool) -> None:
    error = resumption.error
    path = None
    if resumption.session_id is not None:
        from vcr_core.store import Store  # noqa: PLC0415

        path = Store(player.path.parent).path(resumption.session_id)
    if as_json:
        from vcr_core.values import to_wire  # noqa: PLC0415

        screen.write_json(
            {
                "session": resumption.session_id,
                "path": None if path is None else str(path),
                "result": to_wire(resumption.result),
                "live_steps": resumption.live_steps,
                "served_steps": resumption.served_steps,
                "unused": resumption.unused,
                "error": None if error is None else f"{type(error).__name__}: {error}",
            }
        )
        return
    screen.write(
        f"{resumption.session_id or 'nothing recorded'}: {screen.counted(resumption.served_steps, 'step')} served from "
        f"{player.path.stem}, {resumption.live_steps:,} run live\n"
    )
    for text in resumption.unused:
        screen.note(f"vcr: never met: {text}")
    if error is not None:
        screen.note(f"vcr: the agent raised {type(error).__name__}: {error}")
