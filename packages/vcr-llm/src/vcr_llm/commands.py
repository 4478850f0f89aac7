"""``vcr llm``: the calls of a recording, and recordings from and for other tools."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core import Store, UsageError, VCRPlayer, VCRRecorder
from vcr_llm.command_summaries import SUMMARIES

if TYPE_CHECKING:
    from collections.abc import Iterator

_EPILOG = """\
examples:
  vcr llm calls my_run                         each call: model, tokens, cost, why it ended
  vcr llm import-cassette tests/cassettes/*.yaml
  vcr llm export-otel my_run -o spans.json     OTLP JSON, for any OpenTelemetry collector
  vcr llm import-otel spans.json
"""


def register(subparsers: Any) -> None:
    """Add ``llm``."""
    parser = subparsers.add_parser(
        "llm",
        help=SUMMARIES["llm"],
        description="Look at captured LLM calls; exchange them with vcrpy and OpenTelemetry.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    calls = _verb(verbs, "calls", "list the LLM calls of a recording")
    export = _verb(verbs, "export-otel", "write OpenTelemetry GenAI spans (OTLP JSON)")
    for each, run in ((calls, list_calls), (export, export_otel)):
        each.add_argument("session", metavar="SESSION", help="session id or file")
        each.set_defaults(run=run)
    export.add_argument("-o", "--output", metavar="FILE", help="the file to write (default: standard output)")
    cassette = _verb(verbs, "import-cassette", "make recordings of vcrpy cassettes")
    spans = _verb(verbs, "import-otel", "make recordings of OpenTelemetry GenAI spans (OTLP JSON)")
    for each, run in ((cassette, import_cassettes), (spans, import_otel)):
        each.add_argument("files", nargs="+", metavar="FILE", help="what to import")
        each.set_defaults(run=run)
    for each in (calls, export, cassette, spans):
        where = "directory of the recordings (default: $VCR_DIR, else .vcr)"
        each.add_argument("--dir", default=argparse.SUPPRESS, metavar="DIR", help=where)  # the host has the default
        each.add_argument("--json", action="store_true", help="print JSON")


def _verb(verbs: Any, name: str, summary: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
    )
    return parser


def _open(args: argparse.Namespace) -> VCRPlayer:
    path = Path(args.session)
    return VCRPlayer.load(path if path.suffix == ".vcr" else Store(args.dir).path(args.session))


def list_calls(args: argparse.Namespace) -> int:
    """Print the calls of a recording."""
    found = list(_calls(_open(args)))
    if args.json:
        sys.stdout.write(json.dumps({"calls": found}, indent=2) + "\n")
        return 0
    for call in found:
        cost = "cost unknown" if call["cost_usd"] is None else f"${call['cost_usd']}"
        tokens = f"{_count(call['tokens_input'])} in, {_count(call['tokens_output'])} out"
        sys.stdout.write(
            f"{call['frame']:>6}  {call['model'] or 'unknown model'}  {tokens}  {cost}  "
            f"{call['finish_reason'] or call['error'] or ''}\n"
        )
    if not found:
        sys.stdout.write("no captured LLM calls\n")
    return 0


def _calls(player: VCRPlayer) -> Iterator[dict[str, Any]]:
    from vcr_llm.llm_call import calls_of  # noqa: PLC0415  # the help needs none of it

    for call in calls_of(player):
        row = player.rows[call.frame]
        yield {
            "frame": call.frame,
            "provider": call.provider,
            "model": row.model,
            "messages": len(call.asked.messages),
            "tokens_input": row.tokens_input,
            "tokens_output": row.tokens_output,
            "cost_usd": None if call.cost_usd is None else str(call.cost_usd),
            "price_table": call.price_table,
            "finish_reason": call.answer.finish_reason if call.answer is not None else None,
            "error": call.error,
        }


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"


def export_otel(args: argparse.Namespace) -> int:
    """Write the spans of a recording."""
    from vcr_llm.otel_export import export_spans  # noqa: PLC0415

    text = json.dumps(export_spans(_open(args))) + "\n"
    if not args.output:
        sys.stdout.write(text)
        return 0
    target = Path(args.output)
    if target.exists():
        raise UsageError(f"{target} exists already; name another file")
    target.write_text(text, encoding="utf-8")
    if args.json:
        sys.stdout.write(json.dumps({"path": str(target), "size": target.stat().st_size}) + "\n")
    return 0


def import_cassettes(args: argparse.Namespace) -> int:
    """Import cassettes of vcrpy."""
    from vcr_llm.cassettes import record_cassette  # noqa: PLC0415

    recorder = VCRRecorder(args.dir)
    return _tell(args, [record_cassette(recorder, Path(name)) for name in args.files])


def import_otel(args: argparse.Namespace) -> int:
    """Import spans."""
    from vcr_llm.otel_import import read_traces, record_trace  # noqa: PLC0415

    recorder = VCRRecorder(args.dir)
    made: list[Path] = []
    for path in map(Path, args.files):
        made += [record_trace(recorder, *trace, source=path.name) for trace in read_traces(path).items()]
    return _tell(args, made)


def _tell(args: argparse.Namespace, made: list[Path]) -> int:
    if args.json:
        sys.stdout.write(json.dumps({"imported": [str(path) for path in made]}) + "\n")
    else:
        for path in made:
            sys.stdout.write(f"{path}\n")
    return 0
