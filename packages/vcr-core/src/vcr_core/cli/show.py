"""``vcr show`` and ``vcr tail``: a recording at a glance, one frame in full, the last frames as they come."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_frame, open_session
from vcr_core.errors import UsageError

if TYPE_CHECKING:
    from vcr_core.frames import ErrorInfo
    from vcr_core.player import VCRPlayer

_SHOW = """\
Show a recording: where it comes from, what it adds up to, and a line for each frame. With a frame: its states.
Without a recording, the newest one of the directory."""
_SHOW_EPILOG = """\
FRAME is a number, a number from the end (-1 is the last), or the label of a checkpoint. In the last column, + ~ - name
members of the state that the step added, changed and removed.

examples:
  vcr show                      the newest recording
  vcr show my_run               an overview
  vcr show my_run --errors      the frames that failed
  vcr show my_run 7             frame 7: what it took and what it gave
  vcr show my_run -1 --state    the final state alone
  vcr show my_run 7 --input --json | jq .plan

--json: {"session", "path", "totals", "damage", "torn_bytes", "frames": [row, …]}; a row is {"index", "node_name",
  "kind", "status", "timestamp", "latency_ms", "tokens", "cost_usd", "model", "label", "origin", …}, empty fields left
  out. With FRAME: {"frame": row, "metadata", "error", "input_state", "output_state"}; with --state or --input the
  state alone. Typed values are objects with a "$vcr" member, as in the file.
"""
_TAIL_EPILOG = """\
examples:
  vcr tail                  the last ten frames of the newest recording
  vcr tail -f my_run        what the run does, as it does it, until it ends
  vcr tail -n 3 my_run --json

--json: a line for each frame, as the rows of `vcr show --json`.
"""
_LOOK_EVERY = 0.1


def register(subparsers: Any) -> None:
    """Add ``show`` and ``tail``."""
    show = add_parser(subparsers, "show", description=_SHOW, epilog=_SHOW_EPILOG)
    show.add_argument("session", nargs="?", metavar="SESSION", help=SESSION_HELP)
    show.add_argument("frame", nargs="?", metavar="FRAME", help="a frame")
    show.add_argument("--state", action="store_true", help="the state after the frame, alone")
    show.add_argument("--input", action="store_true", help="the state before the frame, alone")
    show.add_argument("--errors", action="store_true", help="frames that failed only")
    show.add_argument("--full", action="store_true", help="cut no text and no list")
    _finish(show, run_show)
    tail = add_parser(subparsers, "tail", description="Show the last frames of a recording.", epilog=_TAIL_EPILOG)
    tail.add_argument("session", nargs="?", metavar="SESSION", help=f"{SESSION_HELP} (default: the newest)")
    tail.add_argument("-n", "--lines", type=int, default=10, metavar="N", help="how many (default: 10)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with new frames until the run ends")
    _finish(tail, run_tail)


def _finish(parser: argparse.ArgumentParser, run: Any) -> None:
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run_show(args: argparse.Namespace) -> int:
    """Show a recording or a frame."""
    player = open_session(args.session, args.dir)
    if args.frame is not None:
        _show_frame(player, find_frame(player, args.frame), args)
    elif args.state or args.input:
        raise UsageError("--state and --input show one frame: `vcr show SESSION FRAME --state`, such as FRAME -1")
    else:
        _show_session(player, args)
    return OK


def _show_session(player: VCRPlayer, args: argparse.Namespace) -> None:
    rows = [row for row in player.rows if row.status == "error"] if args.errors else player.rows
    if args.json:
        import msgspec  # noqa: PLC0415

        shown: dict[str, Any] = {
            "session": session_json(player),
            "path": str(player.path),
            "totals": msgspec.to_builtins(player.totals()),
            "damage": player.damage,
            "torn_bytes": len(player.torn),
            "frames": [msgspec.to_builtins(row) for row in rows],
        }
        screen.write_json(shown)
        return
    from vcr_core.cli import frame_text  # noqa: PLC0415  # drawing needs more than JSON does

    screen.write(_headline(player))
    cells = [frame_text.frame_cells(player, row) for row in screen.progress(rows, len(rows), "frames")]
    screen.write(screen.table(frame_text.HEADERS, cells) if cells else "no frames\n")
    for problem in player.damage:
        screen.note(f"vcr: damaged: {problem}")
    if player.torn:
        screen.note(f"vcr: {len(player.torn)} bytes at the end are a torn line, left by a writer that died")


def session_json(player: VCRPlayer) -> dict[str, Any]:
    """Return the first line of a recording as JSON-able data."""
    import msgspec  # noqa: PLC0415

    from vcr_core.values import to_wire  # noqa: PLC0415

    shown: dict[str, Any] = to_wire(msgspec.to_builtins(player.session))
    return shown


def _headline(player: VCRPlayer) -> str:
    color, info, totals = screen.use_color(), player.session, player.totals()
    tokens = f", {totals.tokens:,} tokens" if totals.tokens else ""
    cost = f", {screen.money(totals.cost_usd)}" if totals.cost_usd is not None else ""
    ended = totals.status if player.end else "no end: it is going on, or it died"
    frames, errors = screen.counted(totals.frames, "frame"), screen.counted(totals.errors, "error")
    parts = [
        screen.paint(_name(player.path), "bold", color=color),
        f"{frames}, {errors}, {screen.duration(totals.latency_ms)}{tokens}{cost}",
        f"{info.created_at[:19].replace('T', ' ')}  {ended}",
    ]
    if info.parent_session_id:
        parts.append(f"fork of {info.parent_session_id} at frame {info.forked_from_frame}")
    parts.extend(f"#{screen.safe(tag)}" for tag in info.tags)
    if info.agent:
        parts.append(f"agent {screen.safe(info.agent)}")
    return "  ".join(parts) + "\n"


def _name(path: Path) -> str:
    return screen.safe(path.stem)


def _show_frame(player: VCRPlayer, index: int, args: argparse.Namespace) -> None:
    parts = [part for part, wanted in (("input", args.input), ("output", args.state)) if wanted]
    if args.json:
        screen.write_json(_frame_json(player, index, parts))
        return
    from vcr_core.blobs import BlobStore  # noqa: PLC0415
    from vcr_core.cli.value_text import ValueText  # noqa: PLC0415

    color = screen.use_color()
    text = ValueText(color=color, full=args.full, read_blob=BlobStore(player.path.parent).get)
    if not parts:
        screen.write(_frame_headline(player, index))
        body = player.body(index)
        if body.metadata:
            screen.write(f"{screen.paint('metadata', 'bold', color=color)} {text.draw(body.metadata)}\n")
        if body.error is not None:
            screen.write(_draw_error(body.error, color=color))
    for part in parts or ("input", "output"):
        value = player.wire_state(index, "input" if part == "input" else "output")
        title = "" if len(parts) == 1 else screen.paint(part, "bold", color=color) + " "
        same = part == "output" and not parts and value == player.wire_state(index, "input")
        screen.write(f"{title}{'the same as the input' if same else text.draw(value)}\n")


def _frame_json(player: VCRPlayer, index: int, parts: list[str]) -> Any:
    import msgspec  # noqa: PLC0415

    if len(parts) == 1:
        return player.wire_state(index, "input" if parts[0] == "input" else "output")
    states = {"input_state": player.wire_state(index, "input"), "output_state": player.wire_state(index)}
    if parts:
        return states
    body = player.body(index)
    error = msgspec.to_builtins(body.error)
    return {"frame": msgspec.to_builtins(player.rows[index]), "metadata": body.metadata, "error": error, **states}


def _frame_headline(player: VCRPlayer, index: int) -> str:
    row = player.rows[index]
    parts = [
        screen.paint(f"{_name(player.path)} frame {index} of {len(player)}", "bold", color=screen.use_color()),
        f"{row.kind} {screen.safe(row.node_name)}",
        row.status if row.origin == "live" else f"{row.status} (from {row.origin})",
        screen.duration(row.latency_ms),
    ]
    parts += [screen.safe(text) for text in (row.label, row.model) if text]
    if row.tokens is not None:
        parts.append(f"{row.tokens:,} tokens")
    if row.cost_usd is not None:
        parts.append(screen.money(row.cost_usd))
    return "  ".join([*parts, row.timestamp]) + "\n"


def _draw_error(error: ErrorInfo, *, color: bool) -> str:
    lines = [screen.paint(f"{screen.safe(error.type)}: {screen.safe(error.message)}", "bad", color=color)]
    lines += [f"  {screen.safe(note)}" for note in error.notes]
    lines += [f"  {screen.safe(line)}" for line in error.traceback.rstrip().split("\n") if line]
    text = "\n".join(lines) + "\n"
    return text + ("caused by " + _draw_error(error.cause, color=color) if error.cause is not None else "")


def run_tail(args: argparse.Namespace) -> int:
    """Show the last frames; follow the recording."""
    player = open_session(args.session, args.dir)
    at = max(0, len(player) - max(0, args.lines))
    while True:
        while at < len(player):
            _tail_line(player, at, args)
            at += 1
        if not args.follow or player.end is not None:
            return OK
        screen.flush()
        time.sleep(_LOOK_EVERY)
        player.refresh()


def _tail_line(player: VCRPlayer, index: int, args: argparse.Namespace) -> None:
    row = player.rows[index]
    if args.json:
        import msgspec  # noqa: PLC0415

        screen.write_json(msgspec.to_builtins(row), line=True)
        return
    from vcr_core.cli import frame_text  # noqa: PLC0415

    color = screen.use_color()
    style: screen.Style = "bad" if row.status == "error" else "bold"
    name = screen.paint(screen.safe(row.node_name).ljust(20), style, color=color)
    what = screen.safe(frame_text.summarize_frame(player, row))
    line = f"{row.timestamp[11:23]}  {index:5d}  {row.kind:10} {name} {screen.duration(row.latency_ms):>7}  {what}"
    screen.write((line if color else screen.cut(line, screen.screen_width())) + "\n")
