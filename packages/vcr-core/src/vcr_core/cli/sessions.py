"""``vcr ls``: the recordings of a directory, newest first."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.cli.options import add_dir, add_json, find_summaries, require_directory

if TYPE_CHECKING:
    from vcr_core.frames import Totals
    from vcr_core.store import SessionSummary

_DESCRIPTION = "List the recordings of a directory, newest first. Only the first and last line of each file are read."
_EPILOG = """\
The state of a recording is `ok` or `error` as its run ended, `open` where there is no end (it is going on, or it
died), `damaged` where its first line cannot be read.

examples:
  vcr ls                     the recordings in .vcr
  vcr ls --tag prod -n 5     the five newest that carry a tag
  vcr ls runs/ --json        of another directory, for programs

--json: a list of {"name", "path", "session_id", "take", "created_at", "status", "frames", "errors", "latency_ms",
  "tokens", "cost_usd", "tags", "parent_session_id", "forked_from_frame", "size", "problem"}
"""


def register(subparsers: Any) -> None:
    """Add ``ls``."""
    parser = add_parser(subparsers, "ls", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("directory", nargs="?", metavar="DIR", help="instead of --dir")
    parser.add_argument("-n", "--limit", type=int, metavar="N", help="the N newest only")
    parser.add_argument(
        "--tag", action="append", default=[], help="those with this tag only (may be repeated: with all)"
    )
    parser.add_argument("--forks-of", metavar="SESSION", help="those that were forked from a recording only")
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_ls)


def run_ls(args: argparse.Namespace) -> int:
    """List recordings."""
    directory = require_directory(args.directory or args.dir)
    found = [summary for summary in find_summaries([], directory) if _wanted(summary, args)][: args.limit]
    rows = [_describe(summary) for summary in screen.progress(found, len(found), "recordings")]
    if args.json:
        screen.write_json(rows)
    elif rows:
        screen.write(_table(rows))
    else:
        screen.note(f"vcr: no recordings in {directory}" + (" that fit" if args.tag or args.forks_of else ""))
    return OK


def _wanted(summary: SessionSummary, args: argparse.Namespace) -> bool:
    info = summary.info
    return set(args.tag) <= set(info.tags) and args.forks_of in (None, info.parent_session_id)


def _describe(summary: SessionSummary) -> dict[str, Any]:
    info = summary.info
    totals, status = _totals(summary)
    return {
        "name": summary.name,
        "path": str(summary.path),
        "session_id": info.session_id,
        "take": info.take,
        "created_at": info.created_at,
        "status": status,
        "frames": totals.frames,
        "errors": totals.errors,
        "latency_ms": totals.latency_ms,
        "tokens": totals.tokens,
        "cost_usd": totals.cost_usd,
        "tags": info.tags,
        "parent_session_id": info.parent_session_id,
        "forked_from_frame": info.forked_from_frame,
        "size": summary.size,
        "problem": summary.problem,
    }


def _totals(summary: SessionSummary) -> tuple[Totals, str]:
    """Return the totals, added up where there is no end line, and what to call the state of the recording."""
    if summary.end is not None:
        return summary.end, summary.end.status
    if summary.problem is not None:
        from vcr_core.frames import Totals  # noqa: PLC0415

        return Totals(), "damaged"
    from vcr_core.errors import VcrError  # noqa: PLC0415  # a recording that ended needs no player
    from vcr_core.frames import Totals  # noqa: PLC0415
    from vcr_core.player import VCRPlayer  # noqa: PLC0415

    try:
        player = VCRPlayer.load(summary.path)
    except (VcrError, OSError) as error:
        summary.problem = str(error)
        return Totals(), "damaged"
    totals = player.totals()
    player.close()
    old = player.session.format.startswith("1.")  # of ai-agent-vcr, which writes no end
    return totals, player.rows[-1].status if old and totals.frames else "open"


def _table(rows: list[dict[str, Any]]) -> str:
    styles: dict[str, screen.Style] = {"ok": "good", "error": "bad", "damaged": "bad"}
    headers = ["session", "state", ">frames", ">errors", ">time", ">tokens", ">cost", "recorded (UTC)", "what"]
    cells = [
        [
            screen.Cell(row["name"], "bold"),
            screen.Cell(row["status"], styles.get(row["status"], "warn")),
            screen.count(row["frames"]),
            screen.Cell(row["errors"] or "", "bad"),
            screen.duration(row["latency_ms"]),
            screen.count(row["tokens"] or None),
            screen.money(row["cost_usd"]),
            screen.Cell(row["created_at"][:19].replace("T", " ")),
            screen.Cell(_remark(row), "dim"),
        ]
        for row in rows
    ]
    return screen.table(headers, cells)


def _remark(row: dict[str, Any]) -> str:
    parts = [row["problem"]] if row["problem"] else []
    if row["parent_session_id"]:
        cut = row["forked_from_frame"]
        parts.append(f"fork of {row['parent_session_id']}" + ("" if cut is None else f" at frame {cut}"))
    parts.extend(f"#{tag}" for tag in row["tags"])
    return " ".join(parts)
