"""``vcr grep``: searches what recordings hold, line by line as it is written."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import ERROR, OK
from vcr_core.cli.options import SESSION_HELP, add_dir, add_json, find_summaries
from vcr_core.errors import UsageError
from vcr_core.json_pointer import escape_token, kind_of

if TYPE_CHECKING:
    from vcr_core.blobs import BlobStore
    from vcr_core.store import SessionSummary

_DESCRIPTION = "Search the names, small fields and states of some recordings, or of all in the directory."
_EPILOG = """\
PATTERN is a Python regular expression; it is matched against each text and each key by itself. What a step repeats
unchanged from the step before it is not written again, and so not found again: a hit says where something came in.
Frames that a fork shares with its parent are found in the parent. Large texts kept in blob files are searched too.

examples:
  vcr grep refund                    in all recordings, one line for each frame
  vcr grep -i 'time ?out' my_run     regardless of case
  vcr grep -F 'f(x)' -l              plain text; names of the recordings only
  vcr grep -e ConnectError --json

--json: a list of {"session", "frame", "line", "kind", "node_name", "matches", "pointer", "text"}; "pointer" leads from
  the frame's data to the first match, "frame" is null for lines that are no frames
exit status: 0 if something was found, 1 if not
"""
_PLAIN = re.compile(rb"[\w .,:;=@#%&<>~-]+", re.ASCII)
_AROUND = 40


class Hit(NamedTuple):
    """A line of a recording in which the pattern was found."""

    line: int
    frame: int | None
    kind: str
    node_name: str
    matches: int
    pointer: str
    text: str


def register(subparsers: Any) -> None:
    """Add ``grep``."""
    parser = add_parser(subparsers, "grep", description=_DESCRIPTION, epilog=_EPILOG)
    parser.usage = "vcr grep [options] PATTERN [SESSION …]"
    parser.add_argument(
        "words", nargs="*", metavar="PATTERN [SESSION …]", help=f"what to find, and where; {SESSION_HELP}"
    )
    parser.add_argument("-e", "--regexp", metavar="PATTERN", help="the pattern; all other words are recordings then")
    parser.add_argument("-i", "--ignore-case", action="store_true", help="regardless of case")
    parser.add_argument("-F", "--fixed-strings", action="store_true", help="the pattern is plain text")
    parser.add_argument("-l", "--names-only", action="store_true", help="print names of recordings only")
    parser.add_argument("-m", "--max", type=int, metavar="N", help="stop after N frames of each recording")
    add_dir(parser)
    add_json(parser)
    parser.set_defaults(run=run_grep)


def run_grep(args: argparse.Namespace) -> int:
    """Search recordings."""
    words = list(args.words)
    if args.regexp is None and not words:
        raise UsageError("`vcr grep` needs a PATTERN; `vcr grep --help` shows examples")
    pattern = args.regexp if args.regexp is not None else words.pop(0)
    search = Search(pattern, ignore_case=args.ignore_case, fixed=args.fixed_strings)
    found = find_summaries(words, args.dir)
    shown: list[dict[str, Any]] = []
    any_hit = False
    for summary in found:
        for number, hit in enumerate(_hits(search, summary), 1):
            any_hit = True
            if args.json:
                shown.append(_as_dict(summary, hit))
            else:
                screen.write(screen.safe(summary.name) + "\n" if args.names_only else _draw(summary, hit))
            if args.names_only or number == args.max:
                break
    if args.json:
        screen.write_json(shown)
    return OK if any_hit else ERROR


def _hits(search: Search, summary: SessionSummary) -> Iterator[Hit]:
    with summary.path.open("rb") as file:
        lines = screen.progress(file, 0, f"{summary.name}: line")
        for number, line in enumerate(lines, 1):
            hit = search.line(number, line, summary.path)
            if hit is not None:
                yield hit


class Search:
    """Searches lines for one pattern.

    Args:
        pattern: What to find.
        ignore_case: Regardless of case.
        fixed: The pattern is text, not a regular expression.
    """

    def __init__(self, pattern: str, *, ignore_case: bool = False, fixed: bool = False) -> None:
        try:
            self._regex = re.compile(re.escape(pattern) if fixed else pattern, re.IGNORECASE if ignore_case else 0)
        except re.error as error:
            hint = "With -F it is taken as plain text"
            raise UsageError(f"{pattern!r} is not a regular expression: {error}. {hint}.") from error
        raw = pattern.encode("utf-8", "replace")
        plain = _PLAIN.fullmatch(raw) if fixed else re.fullmatch(rb"[\w @#%&=:;<>~-]+", raw, re.ASCII)
        # Bytes that stand in a line wherever the text does: then most lines need not be decoded.
        self._needle = raw if plain and not ignore_case else b""
        self._blobs: dict[Path, BlobStore] = {}
        self._known: dict[str, str | None] = {}

    def line(self, number: int, line: bytes, path: Path) -> Hit | None:
        """Return what is found in one line of a recording, or None."""
        if self._needle and self._needle not in line and b'"$vcr"' not in line:
            return None
        import msgspec  # noqa: PLC0415  # the help needs none

        try:
            whole = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._damaged(number, line)
        data = whole.get("data") if kind_of(whole) is dict else None
        matches = list(self._walk(data, "", path))
        if not matches or kind_of(whole) is not dict:
            return None
        fields: Any = data if kind_of(data) is dict else {}
        is_frame = whole.get("type") == "frame"
        kind = str(fields.get("kind", "node")) if is_frame else str(whole.get("type"))
        name = str(fields.get("node_name", "")) if is_frame else str(fields.get("session_id", ""))
        frame = fields.get("index") if is_frame else None
        return Hit(number, frame, kind, name, len(matches), matches[0][0], matches[0][1])

    def _damaged(self, number: int, line: bytes) -> Hit | None:
        text = line.decode("utf-8", "replace")
        found = self._regex.search(text)
        return Hit(number, None, "damaged", "", 1, "", self._around(text, found)) if found else None

    def _walk(self, value: Any, pointer: str, path: Path) -> Iterator[tuple[str, str]]:
        """Yield pointer and surroundings of each match."""
        if isinstance(value, str):
            found = self._regex.search(value)
            if found:
                yield pointer, self._around(value, found)
        elif kind_of(value) is list:
            for at, item in enumerate(value):
                yield from self._walk(item, f"{pointer}/{at}", path)
        elif kind_of(value) is dict:
            if value.get("$vcr") == "blob" and value.get("kind") == "str":
                yield from self._blob(str(value.get("hash")), pointer, path)
                return
            for key, item in value.items():
                inner = f"{pointer}/{escape_token(key)}"
                if self._regex.search(key):
                    yield inner, key
                yield from self._walk(item, inner, path)
        elif value is not None and not isinstance(value, bool) and self._regex.search(str(value)):
            yield pointer, str(value)

    def _blob(self, digest: str, pointer: str, path: Path) -> Iterator[tuple[str, str]]:
        if digest not in self._known:
            from vcr_core.blobs import BlobStore  # noqa: PLC0415

            store = self._blobs.setdefault(path.parent, BlobStore(path.parent))
            content = (store.get(digest) or b"").decode("utf-8", "replace")
            found = self._regex.search(content)
            self._known[digest] = self._around(content, found) if found else None
        text = self._known[digest]
        if text is not None:
            yield pointer, text

    @staticmethod
    def _around(text: str, found: re.Match[str]) -> str:
        begin, end = max(0, found.start() - _AROUND), min(len(text), max(found.end(), found.start() + 1) + _AROUND)
        return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")


def _as_dict(summary: SessionSummary, hit: Hit) -> dict[str, Any]:
    fields = hit._asdict()
    return {"session": summary.name, "frame": fields.pop("frame"), **fields}


def _draw(summary: SessionSummary, hit: Hit) -> str:
    color = screen.use_color()
    where = screen.paint(screen.safe(summary.name), "bold", color=color)
    place = "" if hit.frame is None else f":{hit.frame}"
    more = f"  (+{hit.matches - 1} more)" if hit.matches > 1 else ""
    pointer = screen.paint(screen.safe(hit.pointer), "key", color=color)
    return f"{where}{place}  {hit.kind} {screen.safe(hit.node_name)}  {pointer}  {screen.safe(hit.text)}{more}\n"
