"""``vcr stats``: what recordings add up to, by step, kind, model, tool or recording."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_summaries

if TYPE_CHECKING:
    from vcr_core.frames import FrameRow
    from vcr_core.store import SessionSummary

_DESCRIPTION = "Add up frames, errors, time, tokens and cost of some recordings, or of all in the directory."
_EPILOG = """\
p50 and p95 are the times that half and 95 % of the steps did not exceed. A total of costs counts known costs only; none
known is shown as nothing, never as zero. The time of a step inside another step is part of that one's.

examples:
  vcr stats                        all recordings, by step
  vcr stats my_run --by model      what each model cost
  vcr stats --by session --json

--json: {"sessions", "unreadable", "groups": [{"name", "frames", "errors", "latency_ms", "p50_ms", "p95_ms",
  "max_ms", "tokens", "tokens_input", "tokens_output", "cost_usd"}, …], "total": the same without a name}
"""
_KEYS: dict[str, Callable[[FrameRow], str]] = {
    "step": lambda row: row.node_name,
    "kind": lambda row: row.kind,
    "model": lambda row: row.model or "(no model)",
    "tool": lambda row: (row.label or row.node_name) if row.kind == "tool" else "(no tool)",
    "status": lambda row: row.status,
}


def register(subparsers: Any) -> None:
    """Add ``stats``."""
    parser = add_parser(subparsers, "stats", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("sessions", nargs="*", metavar="SESSION", help=SESSION_HELP)
    parser.add_argument("--by", choices=[*_KEYS, "session"], default="step", help="what to group by (default: step)")
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_stats)


def run_stats(args: argparse.Namespace) -> int:
    """Add up recordings."""
    found = find_summaries(args.sessions, args.dir)
    groups: dict[str, list[FrameRow]] = defaultdict(list)
    unreadable: list[str] = []
    for summary in screen.progress(found, len(found), "recordings"):
        for row in _rows(summary, unreadable):
            groups[summary.name if args.by == "session" else _KEYS[args.by](row)].append(row)
    everything = [row for rows in groups.values() for row in rows]
    total = _add_up(everything)
    shown = sorted(((name, _add_up(rows)) for name, rows in groups.items()), key=lambda pair: -pair[1]["latency_ms"])
    if args.json:
        named = [{"name": name, **sums} for name, sums in shown]
        read = len(found) - len(unreadable)
        screen.write_json({"sessions": read, "unreadable": unreadable, "groups": named, "total": total})
        return OK
    headers = [">frames", ">errors", ">total", ">p50", ">p95", ">max", ">tokens", ">in", ">out", ">cost", args.by]
    rows = [_cells(name, sums) for name, sums in shown]
    recordings = screen.counted(len(found), "recording")
    screen.write(screen.table(headers, [*rows, _cells(f"(all of {recordings})", total)]))
    for problem in unreadable:
        screen.note(f"vcr: left out: {problem}")
    return OK


def _rows(summary: SessionSummary, unreadable: list[str]) -> Iterator[FrameRow]:
    from vcr_core.errors import VcrError  # noqa: PLC0415
    from vcr_core.player import VCRPlayer  # noqa: PLC0415

    if summary.problem is not None:
        unreadable.append(f"{summary.path}: {summary.problem}")
        return
    try:
        player = VCRPlayer.load(summary.path)
    except (VcrError, OSError) as error:
        unreadable.append(str(error))
        return
    yield from player.rows
    player.close()


def _add_up(rows: list[FrameRow]) -> dict[str, Any]:
    from vcr_core.totals import sum_rows  # noqa: PLC0415

    totals = sum_rows(rows)
    times = sorted(row.latency_ms for row in rows)
    return {
        "frames": totals.frames,
        "errors": totals.errors,
        "latency_ms": totals.latency_ms,
        "p50_ms": percentile(times, 0.5),
        "p95_ms": percentile(times, 0.95),
        "max_ms": percentile(times, 1.0),
        "tokens": totals.tokens,
        "tokens_input": sum(row.tokens_input or 0 for row in rows),
        "tokens_output": sum(row.tokens_output or 0 for row in rows),
        "cost_usd": totals.cost_usd,
    }


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that at least `share` of the sorted values do not exceed; 0.0 for none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _cells(name: str, sums: dict[str, Any]) -> list[str]:
    times = [screen.duration(sums[key]) for key in ("latency_ms", "p50_ms", "p95_ms", "max_ms")]
    tokens = [screen.count(sums[key] or None) for key in ("tokens", "tokens_input", "tokens_output")]
    errors = screen.Cell(sums["errors"] or "", "bad")
    return [
        screen.count(sums["frames"]),
        errors,
        *times,
        *tokens,
        screen.money(sums["cost_usd"]),
        screen.Cell(name, "bold"),
    ]
