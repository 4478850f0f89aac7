"""``vcr verify`` and ``vcr scan``: is a recording what was written, and does it keep secrets to itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import DAMAGED, ERROR, OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_summaries
from vcr_core.errors import UsageError, VcrError

if TYPE_CHECKING:
    from vcr_core.verify import VerifyReport

_VERIFY = """\
Check recordings line by line against their chain of hashes: each change, loss, exchange or addition before the end is
found, and the first bad line named. Blobs are checked too."""
_VERIFY_EPILOG = """\
Without a key (see `integrity_key` of the recorder) the chain finds damage, but not a forger who writes all hashes anew.
Recordings of ai-agent-vcr 1.x carry no hashes; they are named and not counted as damaged.

examples:
  vcr verify                     all recordings of the directory
  vcr verify my_run --states     read back every state of it as well
  vcr verify live --running      its end need not be there yet

--json: a list of {"session", "path", "ok", "lines", "frames", "problems": [{"line", "kind", "message"}, …], "remark"};
  "ok" is null where there is nothing to check against
exit status: 0 if all is well, 3 if anything is damaged
"""
_SCAN = """\
Look for secrets that reached the disk: keys and tokens of known providers, private keys, passwords in URLs, values
under names like `password`, and the values that your secret environment variables have now, also in encodings."""
_SCAN_EPILOG = """\
Without SESSION, all recordings of the directory and all of its blobs. What is found is shown by a placeholder, never in
clear. Recordings made with redaction (the default) should have none.

examples:
  vcr scan                 everything in .vcr
  vcr scan my_run          one recording and its blobs
  vcr scan && git add .vcr

--json: a list of {"path", "line", "frame", "pointer", "kind", "preview"}; "line" and "frame" are null for blobs
exit status: 0 if there is none, 1 if there are some
"""


def register(subparsers: Any) -> None:
    """Add ``verify`` and ``scan``."""
    verify = add_parser(subparsers, "verify", description=_VERIFY, epilog=_VERIFY_EPILOG)
    verify.add_argument("sessions", nargs="*", metavar="SESSION", help=SESSION_HELP)
    verify.add_argument("--running", action="store_true", help="do not report that the end is missing")
    verify.add_argument("--states", action="store_true", help="also read every state back (takes longer)")
    verify.add_argument("--key-file", metavar="FILE", help="holds the key of recordings with a keyed chain")
    verify.set_defaults(run=run_verify)
    scan = add_parser(subparsers, "scan", description=_SCAN, epilog=_SCAN_EPILOG)
    scan.add_argument("sessions", nargs="*", metavar="SESSION", help=SESSION_HELP)
    scan.set_defaults(run=run_scan)
    for parser in (verify, scan):
        add_dir(parser)
        add_json(parser)


def run_verify(args: argparse.Namespace) -> int:
    """Check recordings."""
    key = Path(args.key_file).read_bytes() if args.key_file else b""
    found = find_summaries(args.sessions, args.dir)
    reports = [_verify(summary.path, args, key) for summary in screen.progress(found, len(found), "recordings")]
    if args.json:
        screen.write_json(reports)
    else:
        color = screen.use_color()
        for report in reports:
            screen.write(_draw_report(report, color=color))
        if not reports:
            screen.note(f"vcr: no recordings in {args.dir}")
    return DAMAGED if any(report["ok"] is False for report in reports) else OK


def _verify(path: Path, args: argparse.Namespace, key: bytes) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    from vcr_core.legacy import is_legacy  # noqa: PLC0415
    from vcr_core.store import summarize_file  # noqa: PLC0415
    from vcr_core.verify import verify_file  # noqa: PLC0415

    with path.open("rb") as file:
        first = file.readline(1 << 20)
    summary = summarize_file(path)
    if summary.problem is None and is_legacy(first):
        remark = "recorded by ai-agent-vcr 1.x, without hashes: there is nothing to check against"
        lines = path.read_bytes().count(b"\n")
        fields: dict[str, Any] = {"ok": None, "lines": lines, "frames": max(0, lines - 1), "problems": []}
        return {"session": path.stem, "path": str(path), **fields, "remark": remark}
    if summary.info.keyed and not key:
        raise UsageError(f"{path} has a keyed chain of hashes. Give the key with --key-file FILE.")
    report = verify_file(path, key=key, finished=not args.running)
    if args.states and summary.problem is None:
        _read_states(path, report)
    return {"session": path.stem, **msgspec.to_builtins(report), "remark": ""}


def _read_states(path: Path, report: VerifyReport) -> None:
    """Add a problem for each frame whose states cannot be read back."""
    from vcr_core.player import VCRPlayer  # noqa: PLC0415
    from vcr_core.verify import Problem  # noqa: PLC0415

    player = VCRPlayer.load(path)
    for index in screen.progress(range(len(player)), len(player), f"{path.stem}: frame"):
        try:
            player.wire_state(index, "input")
            player.wire_state(index)
        except VcrError as error:
            report.ok = False
            report.problems.append(Problem(index + 2, "state", str(error)))
    player.close()


def _draw_report(report: dict[str, Any], *, color: bool) -> str:
    name = screen.safe(report["session"])
    if report["ok"] is None:
        return f"{screen.paint('?      ', 'warn', color=color)} {name}  {report['remark']}\n"
    if report["ok"]:
        mark = screen.paint("ok     ", "good", color=color)
        return (
            f"{mark} {name}  {screen.counted(report['frames'], 'frame')} in {screen.counted(report['lines'], 'line')}\n"
        )
    mark = screen.paint("DAMAGED", "bad", color=color)
    problems = report["problems"]
    found, first = screen.counted(len(problems), "problem"), problems[0]["line"]
    lines = [f"{mark} {name}  {found}; the first in line {first} of {report['path']}"]
    lines += [f"          line {each['line']}: {each['kind']}: {screen.safe(each['message'])}" for each in problems[:5]]
    if len(problems) > 5:
        lines.append(f"          … {len(problems) - 5:,} more; --json lists them all")
    return "\n".join(lines) + "\n"


def run_scan(args: argparse.Namespace) -> int:
    """Look for secrets."""
    from vcr_core.cli.secret_scan import SecretScan  # noqa: PLC0415  # the patterns take time to compile

    scan = SecretScan()
    found = find_summaries(args.sessions, args.dir)
    for summary in screen.progress(found, len(found), "recordings"):
        scan.recording(summary.path)
    blobs = scan.named_blobs() if args.sessions else all_blobs(Path(args.dir))
    for path in screen.progress(blobs, len(blobs), "blobs"):
        scan.blob(path)
    if args.json:
        screen.write_json([finding._asdict() for finding in scan.findings])
    else:
        rows = [
            [
                screen.Cell(each.kind, "bad"),
                screen.Cell(each.place()),
                screen.Cell(each.pointer),
                screen.Cell(each.preview),
            ]
            for each in scan.findings
        ]
        if rows:
            screen.write(screen.table(["secret", "where", "pointer", "around it"], rows))
        screen.note(
            f"vcr: {len(rows):,} secrets in {len(found):,} recordings and {len(blobs):,} blobs"
            + (". Change what was exposed, then delete or re-record these." if rows else "")
        )
    return ERROR if scan.findings else OK


def all_blobs(directory: Path) -> list[Path]:
    """Return the blob files of a directory of recordings."""
    from vcr_core.blobs import DIRECTORY  # noqa: PLC0415

    root = directory / DIRECTORY
    return sorted(path for path in root.glob("??/*") if path.is_file()) if root.is_dir() else []
