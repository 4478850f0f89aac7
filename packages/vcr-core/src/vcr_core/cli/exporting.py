"""``vcr export`` and ``vcr pack``: recordings in other forms."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, open_session
from vcr_core.errors import UsageError

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer

_FORMS = ("json", "jsonl", "markdown", "messages")
_EXPORT = "Write a recording in a form that other programs and people read. Every state is written whole."
_EXPORT_EPILOG = """\
json      one object {"session", "frames"}; each frame with its "metadata", "error", "input_state", "output_state"
jsonl     a line {"session": …}, then a line {"frame": …} for each frame
markdown  a document for people: each step, and what it changed
messages  the message list of a recording made by `vcr import --from openai-messages`, as it was

examples:
  vcr export my_run > my_run.json
  vcr export my_run --to markdown -o my_run.md
  vcr export my_run --to jsonl | jq 'select(.frame.status == "error")'

--json: the same as --to json, without -o; with -o {"path", "size"} on stdout
"""
_PACK = "Make one self-contained file of a recording: the states of its parent and its blobs are put into it."
_PACK_EPILOG = """\
The new file is checked before it gets its name: its chain of hashes, and each state against the original's. It can be
sent, attached to a report, or kept after its parent is deleted.

examples:
  vcr pack my_fork                     writes my_fork.packed.vcr here
  vcr pack my_fork -o report/run.vcr

--json: {"path", "frames", "foreign_frames", "blobs", "size"}
"""


def register(subparsers: Any) -> None:
    """Add ``export`` and ``pack``."""
    export = add_parser(subparsers, "export", description=_EXPORT, epilog=_EXPORT_EPILOG)
    export.add_argument("--to", choices=_FORMS, default="json", help="the form (default: json)")
    export.set_defaults(run=run_export)
    pack = add_parser(subparsers, "pack", description=_PACK, epilog=_PACK_EPILOG)
    pack.set_defaults(run=run_pack)
    for parser in (export, pack):
        parser.add_argument("session", metavar="SESSION", help=SESSION_HELP)
        parser.add_argument("-o", "--output", metavar="FILE", help="the file to write")
        parser.add_argument("--force", action="store_true", help="replace the file if it exists")
        add_dir(parser)
        add_json(parser)


def run_export(args: argparse.Namespace) -> int:
    """Export a recording."""
    if args.json and args.to != "json" and not args.output:
        raise UsageError(f"--json and --to {args.to} contradict each other; leave one out, or write to a file with -o")
    pieces = _pieces(open_session(args.session, args.dir), args.to)
    if not args.output:
        for piece in pieces:
            screen.write(piece)
        return OK
    target = Path(args.output)
    _refuse_existing(target, force=args.force)
    passing = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with passing.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(pieces)
        passing.replace(target)
    finally:
        passing.unlink(missing_ok=True)
    if args.json:
        screen.write_json({"path": str(target), "size": target.stat().st_size})
    return OK


def _pieces(player: VCRPlayer, form: str) -> Iterable[str]:
    from vcr_core.exporters import documents  # noqa: PLC0415  # the help needs none of it

    if form == "messages":
        return _messages(player)
    writers = {
        "json": documents.write_json_document,
        "jsonl": documents.write_json_lines,
        "markdown": documents.write_markdown,
    }
    return writers[form](player)


def _messages(player: VCRPlayer) -> Iterator[str]:
    import json  # noqa: PLC0415  # unlike msgspec, it writes every value that a message list may hold

    from vcr_core.importers.openai_messages import messages_of  # noqa: PLC0415

    yield json.dumps(messages_of(player), indent=2) + "\n"


def _refuse_existing(target: Path, *, force: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a directory; name a file in it")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already. Name another file, or replace it with --force.")


def run_pack(args: argparse.Namespace) -> int:
    """Pack a recording."""
    import msgspec  # noqa: PLC0415

    from vcr_core.exporters.packing import pack_session  # noqa: PLC0415

    player = open_session(args.session, args.dir)
    target = Path(args.output or f"{player.path.stem.removesuffix('.packed')}.packed.vcr")
    _refuse_existing(target, force=args.force)
    if target.exists() and target.resolve() == player.path.resolve():
        raise UsageError(f"{target} is the recording itself; name another file with -o")
    passing = target.with_name(f".{target.name}.{secrets.token_hex(4)}.packing")
    try:
        report = pack_session(player, passing, watch=screen.progress)
        passing.replace(target)
    finally:
        passing.unlink(missing_ok=True)
    report.path = str(target)
    if args.json:
        screen.write_json(msgspec.to_builtins(report))
    else:
        parts = [screen.counted(report.frames, "frame"), f"{report.foreign_frames:,} of them from its parent"]
        parts += [f"{report.blobs:,} large values", f"{screen.size(report.size)}, checked"]
        screen.write(f"{target}: {', '.join(parts)}\n")
    return OK
