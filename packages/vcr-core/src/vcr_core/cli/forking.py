"""``vcr fork``, ``vcr compare`` and ``vcr bisect``: branch off, set side by side, find the culprit."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import ERROR, OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_frame, is_frame_number, open_session

if TYPE_CHECKING:
    from vcr_core.compare import SessionComparison

_FORK = """\
Begin a new recording that shares the frames before FRAME with another one. Nothing is run: record into it with
`recorder.attach(NAME)`, or use `vcr resume` to run the agent from there."""
_FORK_EPILOG = """\
examples:
  vcr fork my_run 7              share frames 0 to 6
  vcr fork my_run 7 --id second  ... under a name of your own

--json: {"session", "path", "parent", "frames"}
"""
_COMPARE = "Set recordings side by side with the first one: steps that are the same, time, tokens and cost."
_COMPARE_EPILOG = """\
For two recordings step by step with what differs, see `vcr diff A B`.

examples:
  vcr compare base fork-1 fork-2 fork-3

--json: a list of {"session", "same", "changed", "only_in_base", "only_here", "first_change": name or null, "totals"}
exit status: 0, whatever differs
"""
_BISECT = """\
Find the first step whose replacement makes a failed run pass. Each step's output is replaced by what the oracle says it
should have been, and the agent goes on live from there; the run passes if it raises nothing."""
_BISECT_EPILOG = """\
ORACLE is module:function. It is called with the frame's row, the step's input and its recorded output, and returns what
the output should have been, or vcr_core.engine.KEEP where it does not know.

examples:
  vcr bisect my_run checks:oracle
  vcr bisect my_run checks:oracle --agent agent:main --passes checks:looks_good

--json: {"frame": index or null, "name", "tried": [index, …]}
exit status: 1 if no single step makes the run pass
"""


def register(subparsers: Any) -> None:
    """Add ``fork``, ``compare`` and ``bisect``."""
    fork = add_parser(subparsers, "fork", description=_FORK, epilog=_FORK_EPILOG)
    fork.add_argument("session", metavar="SESSION", help=SESSION_HELP)
    fork.add_argument("frame", metavar="FRAME", help="the first frame that is not shared, or a checkpoint's label")
    fork.add_argument("--id", metavar="NAME", help="name of the new recording")
    fork.set_defaults(run=run_fork)
    compare = add_parser(subparsers, "compare", description=_COMPARE, epilog=_COMPARE_EPILOG)
    compare.add_argument("base", metavar="BASE", help=SESSION_HELP)
    compare.add_argument("others", nargs="+", metavar="OTHER", help="recordings to set beside it")
    compare.set_defaults(run=run_compare)
    bisect = add_parser(subparsers, "bisect", description=_BISECT, epilog=_BISECT_EPILOG)
    bisect.add_argument("session", metavar="SESSION", help=SESSION_HELP)
    bisect.add_argument("oracle", metavar="ORACLE", help="module:function that knows what a step should have given")
    bisect.add_argument("--agent", metavar="AGENT", help="module:function (default: the one recorded)")
    bisect.add_argument("--passes", metavar="JUDGE", help="module:function of the outcome, true if the run passes")
    bisect.set_defaults(run=run_bisect)
    for parser in (fork, compare, bisect):
        add_dir(parser)
        add_json(parser)


def run_fork(args: argparse.Namespace) -> int:
    """Begin a recording that shares frames with another."""
    from vcr_core.recorder import VCRRecorder  # noqa: PLC0415

    player = open_session(args.session, args.dir)
    whole = is_frame_number(args.frame) and int(args.frame) == len(player)
    frame = len(player) if whole else find_frame(player, args.frame)
    recorder = VCRRecorder(player.path.parent)
    recorder.start_session(args.id, parent_session_id=player.name, forked_from_frame=frame)
    recorder.share_frames(player.name, frame)
    name = recorder.session_id
    recorder.close()
    if args.json:
        path = str(player.path.with_name(f"{name}.vcr"))
        screen.write_json({"session": name, "path": path, "parent": player.name, "frames": frame})
    else:
        screen.write(f"{name} shares {screen.counted(frame, 'frame')} with {player.name}\n")
    return OK


def run_compare(args: argparse.Namespace) -> int:
    """Set recordings side by side."""
    from vcr_core.compare import compare_sessions  # noqa: PLC0415

    base = open_session(args.base, args.dir)
    others = [open_session(word, args.dir) for word in args.others]
    found = [compare_sessions(base, other) for other in screen.progress(others, len(others), "comparing")]
    if args.json:
        screen.write_json([_as_dict(comparison) for comparison in found])
        return OK
    rows = [_row(base.name, found[0].totals_a, None), *(_row(each.b, each.totals_b, each) for each in found)]
    screen.write(
        screen.table(
            ["session", ">same", ">changed", ">missing", ">new", "first change", ">time", ">tokens", ">cost"], rows
        )
    )
    return OK


def _row(name: str, totals: Any, comparison: SessionComparison | None) -> list[str]:
    first = comparison.first_change if comparison is not None else None
    counts = [
        screen.count(comparison.count(status)) if comparison is not None else ""
        for status in ("same", "changed", "only_a", "only_b")
    ]
    return [
        screen.Cell(name, "bold"),
        *counts,
        first.name if first is not None else "",
        screen.duration(totals.latency_ms),
        screen.count(totals.tokens or None),
        screen.money(totals.cost_usd),
    ]


def _as_dict(comparison: SessionComparison) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    first = comparison.first_change
    return {
        "session": comparison.b,
        "same": comparison.count("same"),
        "changed": comparison.count("changed"),
        "only_in_base": comparison.count("only_a"),
        "only_here": comparison.count("only_b"),
        "first_change": first.name if first is not None else None,
        "totals": msgspec.to_builtins(comparison.totals_b),
    }


def run_bisect(args: argparse.Namespace) -> int:
    """Find the first step whose replacement makes the run pass."""
    from vcr_core.cli.resuming import load_agent, recorded_agent  # noqa: PLC0415
    from vcr_core.engine import bisect_run  # noqa: PLC0415

    player = open_session(args.session, args.dir)
    agent = load_agent(args.agent or recorded_agent(player))
    passes = load_agent(args.passes) if args.passes else None
    telling = sys.stderr.isatty() and not args.json
    found = bisect_run(
        player,
        agent,
        load_agent(args.oracle),
        passes=passes,
        progress=(lambda frame, total: screen.note(f"trying frame {frame} of {total}")) if telling else None,
    )
    if args.json:
        screen.write_json({"frame": found.frame, "name": found.name, "tried": found.tried})
    elif found.frame is None:
        screen.write(f"no single step makes the run pass; tried {len(found.tried)}\n")
    else:
        screen.write(
            f"frame {found.frame} ({screen.safe(found.name or '')}): with its output replaced the run passes\n"
        )
    return OK if found.frame is not None else ERROR
