"""``vcr import``: recordings made of what others wrote."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import OK
from vcr_core.cli.options import add_dir, add_json
from vcr_core.errors import UsageError

if TYPE_CHECKING:
    from vcr_core.recorder import VCRRecorder

_SOURCES = ("openai-messages", "agent-vcr")
_DESCRIPTION = "Make recordings of message lists, or of recordings of ai-agent-vcr 1.x."
_EPILOG = """\
openai-messages: a JSON or JSON Lines file with one run or many: a list of messages, a list of such lists, or objects
  with a list under "messages", "traj", "trajectory" or "conversation". Each run becomes a session, each assistant turn
  an LLM frame (the messages so far, and the answer), each tool result a tool frame with the arguments of its call.
  `vcr export SESSION --to messages` gives the list back as it was.
agent-vcr: a recording of ai-agent-vcr 1.x, or a directory of them. They can also be looked at as they are.

examples:
  vcr import --from openai-messages runs.json
  vcr import --from openai-messages chat.jsonl --id support --tag 2026-01
  vcr import --from agent-vcr old/.vcr

--json: {"imported": [{"name", "path", "frames"}, …]}
"""


def register(subparsers: Any) -> None:
    """Add ``import``."""
    parser = add_parser(subparsers, "import", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("files", nargs="+", metavar="FILE", help="what to import")
    parser.add_argument("--from", dest="source", choices=_SOURCES, help="what the files are (default: look at them)")
    parser.add_argument(
        "--id", metavar="NAME", help="name of the sessions (default: that of the file); runs are numbered"
    )
    parser.add_argument("--tag", action="append", default=[], help="a tag for each session (may be repeated)")
    parser.add_argument("--no-redact", action="store_true", help="keep secrets in clear")
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_import)


def run_import(args: argparse.Namespace) -> int:
    """Import files."""
    imported: list[Path] = []
    for word in args.files:
        path = Path(word)
        source = args.source or _guess(path)
        if source == "agent-vcr":
            imported += _import_recordings(path, args)
        elif path.is_dir():
            raise UsageError(f"{word} is a directory; name the files in it: `vcr import {word}/*.json`")
        else:
            imported += _import_messages(path, args)
    if args.json:
        screen.write_json({"imported": [_describe(path) for path in imported]})
    else:
        _tell(imported)
    return OK


def _guess(path: Path) -> str:
    return "agent-vcr" if path.is_dir() or path.suffix == ".vcr" else "openai-messages"


def _import_messages(path: Path, args: argparse.Namespace) -> list[Path]:
    from vcr_core.importers.openai_messages import read_runs, record_run  # noqa: PLC0415
    from vcr_core.recorder import VCRRecorder  # noqa: PLC0415
    from vcr_core.session_ids import check_session_id  # noqa: PLC0415

    runs = read_runs(path)
    name = check_session_id(args.id) if args.id else _name_of(path)
    digits = len(str(len(runs) - 1))
    recorder = VCRRecorder(args.dir, redact=not args.no_redact)
    found: list[Path] = []
    for number, run in enumerate(screen.progress(runs, len(runs), "runs")):
        session_id = name if len(runs) == 1 else f"{name}-{number:0{digits}d}"
        found.append(record_run(recorder, run, session_id=session_id, source=path.name, tags=args.tag))
    return found


def _name_of(path: Path) -> str:
    """Return a session id made of a file's name."""
    name = "".join(c if c.isalnum() or c in "_.-" else "_" for c in path.stem)[:100].strip("._-")
    return name or "imported"


def _import_recordings(path: Path, args: argparse.Namespace) -> list[Path]:
    from vcr_core.importers.agent_vcr import RecordedClock, find_recordings, record_file  # noqa: PLC0415
    from vcr_core.recorder import VCRRecorder  # noqa: PLC0415

    if args.id:
        raise UsageError("--id names sessions of message lists; recordings of ai-agent-vcr keep their ids")
    clock = RecordedClock()
    recorder: VCRRecorder = VCRRecorder(args.dir, redact=not args.no_redact, clock=clock)
    old = find_recordings(path)
    return [
        record_file(recorder, each, clock=clock, tags=tuple(args.tag))
        for each in screen.progress(old, len(old), "recordings")
    ]


def _describe(path: Path) -> dict[str, Any]:
    from vcr_core.store import summarize_file  # noqa: PLC0415

    summary = summarize_file(path)
    return {"name": summary.name, "path": str(path), "frames": summary.end.frames if summary.end else 0}


def _tell(imported: list[Path]) -> None:
    frames = sum(_describe(path)["frames"] for path in imported)
    directory = imported[0].parent
    sessions = screen.counted(len(imported), "session")
    screen.write(f"{sessions} with {screen.counted(frames, 'frame')} in {directory}\n")
    screen.write(f"`vcr show {imported[0].stem} --dir {directory}` shows the first of them.\n")
