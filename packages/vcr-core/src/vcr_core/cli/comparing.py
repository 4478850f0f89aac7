"""``vcr diff`` and ``vcr blame``: what differs between two states or runs, and which step made it so."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vcr_core.cli import screen
from vcr_core.cli.commands import add_parser
from vcr_core.cli.exit_codes import ERROR, OK
from vcr_core.cli.options import (
    SESSION_HELP,
    add_dir,
    add_json,
    find_frame,
    is_frame_number,
    open_session,
)
from vcr_core.errors import UsageError
from vcr_core.json_pointer import kind_of

if TYPE_CHECKING:
    from vcr_core.blame import Change
    from vcr_core.player import VCRPlayer

_DIFF = "Compare two states of one recording or of two, or two whole recordings step by step."
_DIFF_EPILOG = """\
+ was added, - was removed, ~ was changed, > was moved. Lists are aligned by content: an inserted element is one line.

examples:
  vcr diff my_run 3            what step 3 did: its input against its output
  vcr diff my_run 3 5          the state after frame 3 against the state after frame 5
  vcr diff my_run start -1     FRAME may be a checkpoint's label, or count from the end
  vcr diff good:4 bad:4        frames of two recordings
  vcr diff good bad            two whole recordings, step by step
  vcr diff good bad --exit-code > /dev/null || echo "they differ"

--json: {"a": {"session", "frame", "part"}, "b": {…}, "equal": bool, "ops": [{"op": "add" | "remove" | "replace" |
  "move", "path": JSON pointer, "from"?, "old"?, "new"?}, …]}. For two whole recordings: {"a", "b", "same": bool,
  "totals": {"a", "b"}, "pairs": [{"status": "same" | "changed" | "only_a" | "only_b", "name", "a": frame or null,
  "b": frame or null, "input": ops, "output": ops}, …]}.
"""
_BLAME = "Tell which steps set the value at a place of the state, the last one first."
_BLAME_EPILOG = """\
POINTER is a JSON pointer (RFC 6901): /plan/steps/0; "" is the whole state. `vcr show SESSION -1 --state` shows what
there is. Frames of kind llm, tool and value have arguments and results instead of a state, and are left out.

examples:
  vcr blame my_run /plan             each step that changed the plan, the last one first
  vcr blame my_run /plan -n 1        the step that gave it its final value
  vcr blame my_run /plan --before 7  as it stood before frame 7

--json: a list of {"frame": row, "pointer", "old", "new"}; "old" is left out where the step created the value, "new"
  where it removed it
"""


class _Side(NamedTuple):
    """One of the two things compared."""

    player: VCRPlayer
    frame: int
    part: str

    def value(self) -> Any:
        """Return the state in wire form, large texts in their place."""
        from vcr_core.blobs import BlobStore  # noqa: PLC0415
        from vcr_core.exporters.inlining import inline_blobs  # noqa: PLC0415

        wire = self.player.wire_state(self.frame, "input" if self.part == "input" else "output")
        return inline_blobs(wire, BlobStore(self.player.path.parent).get, strict=False)

    def as_dict(self) -> dict[str, Any]:
        return {"session": self.player.path.stem, "frame": self.frame, "part": self.part}


def register(subparsers: Any) -> None:
    """Add ``diff`` and ``blame``."""
    diff = add_parser(subparsers, "diff", description=_DIFF, epilog=_DIFF_EPILOG)
    diff.usage = "vcr diff [options] SESSION FRAME [FRAME] | SESSION:FRAME SESSION:FRAME | SESSION SESSION"
    diff.add_argument("what", nargs="+", metavar="WHAT", help="recordings and frames, in one of the forms above")
    diff.add_argument("--input", action="store_true", help="compare the states before the two frames")
    diff.add_argument("--exit-code", action="store_true", help="exit with 1 if anything differs")
    add_dir(diff)
    add_json(diff)
    diff.set_defaults(run=run_diff)
    blame = add_parser(subparsers, "blame", description=_BLAME, epilog=_BLAME_EPILOG)
    blame.add_argument("session", metavar="SESSION", help=SESSION_HELP)
    blame.add_argument("pointer", metavar="POINTER", help="a JSON pointer into the state")
    blame.add_argument("-n", "--limit", type=int, metavar="N", help="the last N changes only")
    blame.add_argument("--before", metavar="FRAME", help="look at the frames before this one only")
    add_dir(blame)
    add_json(blame)
    blame.set_defaults(run=run_blame)


def run_diff(args: argparse.Namespace) -> int:
    """Compare two frames or two recordings."""
    sides = _sides(args)
    if sides is None:
        return _compare_sessions(args)
    from vcr_core.diff import diff  # noqa: PLC0415
    from vcr_core.diff_render import render  # noqa: PLC0415

    a, b = sides
    ops = diff(a.value(), b.value())
    if args.json:
        screen.write_json(
            {"a": a.as_dict(), "b": b.as_dict(), "equal": not ops, "ops": [operation.as_dict() for operation in ops]}
        )
    else:
        color = screen.use_color()
        screen.write(screen.paint(f"{_title(a)}  →  {_title(b)}\n", "bold", color=color))
        screen.write(render(ops, color=color, width=screen.screen_width()) or "no difference\n")
    return ERROR if ops and args.exit_code else OK


def _title(side: _Side) -> str:
    return screen.safe(
        f"{side.player.path.stem} frame {side.frame} ({side.player.rows[side.frame].node_name}) {side.part}"
    )


def _sides(args: argparse.Namespace) -> tuple[_Side, _Side] | None:
    """Return the two states to compare, or None where two whole recordings are."""
    words: list[str] = args.what
    part = "input" if args.input else "output"
    if len(words) == 2 and all(_split(word) for word in words):
        first, second = [_frame_of(word, args.dir, part) for word in words]
        return first, second
    if len(words) == 2 and is_frame_number(words[1]):
        player = open_session(words[0], args.dir)
        frame = find_frame(player, words[1])
        return _Side(player, frame, "input"), _Side(player, frame, "output")
    if len(words) == 3:
        player = open_session(words[0], args.dir)
        return _Side(player, find_frame(player, words[1]), part), _Side(player, find_frame(player, words[2]), part)
    if len(words) == 2 and not any(_split(word) for word in words):
        return None
    raise UsageError(
        f"`vcr diff {' '.join(words)}` is none of the forms `SESSION FRAME`, `SESSION FRAME FRAME`, `SESSION:FRAME "
        "SESSION:FRAME` and `SESSION SESSION`. `vcr diff --help` shows examples."
    )


def _split(word: str) -> tuple[str, str] | None:
    """Return session and frame of ``session:frame``; None for a session alone."""
    session, mark, frame = word.rpartition(":")
    return (session, frame) if mark and session and frame and not Path(word).exists() else None


def _frame_of(word: str, directory: str, part: str) -> _Side:
    found = _split(word)
    assert found is not None
    player = open_session(found[0], directory)
    return _Side(player, find_frame(player, found[1]), part)


def _compare_sessions(args: argparse.Namespace) -> int:
    from vcr_core.cli.session_comparison import comparison_json, draw_comparison  # noqa: PLC0415
    from vcr_core.compare import compare_sessions  # noqa: PLC0415

    first, second = [open_session(word, args.dir) for word in args.what]
    comparison = compare_sessions(first, second)
    if args.json:
        screen.write_json(comparison_json(comparison))
    else:
        for text in draw_comparison(comparison):
            screen.write(text)
    return ERROR if args.exit_code and not comparison.same else OK


def run_blame(args: argparse.Namespace) -> int:
    """Tell which steps set a value."""
    from vcr_core.json_pointer import PointerSyntaxError, parse  # noqa: PLC0415

    player = open_session(args.session, args.dir)
    try:
        parse(args.pointer)
    except PointerSyntaxError as error:
        guess = "/" + args.pointer.strip("/.").replace(".", "/")
        raise UsageError(f"{error}. Did you mean {guess!r}?") from error
    before = None if args.before is None else find_frame(player, args.before)
    changes = _last_changes(player, args.pointer, before, args.limit, as_json=args.json)
    if args.json:
        screen.write_json([_change_json(player, args.pointer, change.frame) for change in changes])
    elif changes:
        screen.write(_blame_table(player, changes))
    if not changes:
        screen.note(f"vcr: no step of {player.path} changed {args.pointer!r}. {_nearest(player, args.pointer)}")
    return OK if changes else ERROR


def _last_changes(
    player: VCRPlayer, pointer: str, before: int | None, limit: int | None, *, as_json: bool
) -> list[Change]:
    """Return the changes, the last one first; with texts and previews for people, without values for JSON."""
    from collections import deque  # noqa: PLC0415

    from vcr_core.blame import find_changes  # noqa: PLC0415

    found = find_changes(player, pointer, before=before, keep=_nothing_of if as_json else _text_of)
    return [*deque(screen.progress(found, 0, "changes"), maxlen=limit)][::-1]


def _nothing_of(_value: Any) -> None:
    """Values of a JSON report are read once it is known which ones are wanted."""


def _text_of(value: Any) -> Any:
    """Return a text as it is, and a short form of anything else."""
    from vcr_core.diff_render import preview  # noqa: PLC0415

    return value if isinstance(value, str) else _Preview(preview(value, limit=100))


class _Preview(NamedTuple):
    """The short form of a value that is no text."""

    text: str


def _change_json(player: VCRPlayer, pointer: str, index: int) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415

    from vcr_core.blame import MISSING  # noqa: PLC0415
    from vcr_core.json_pointer import value_at  # noqa: PLC0415

    values = {
        "old": value_at(player.wire_state(index, "input"), pointer, MISSING),
        "new": value_at(player.wire_state(index), pointer, MISSING),
    }
    there = {name: value for name, value in values.items() if value is not MISSING}
    return {"frame": msgspec.to_builtins(player.rows[index]), "pointer": pointer, **there}


def _blame_table(player: VCRPlayer, changes: list[Change]) -> str:
    rows: list[list[str]] = []
    for change in changes:
        row = player.rows[change.frame]
        old, new = _changed_lines(change.old, change.new)
        said = f"{_shown(old, '(nothing)', 70)}  →  {_shown(new, '(removed)', 100)}"
        rows.append([screen.Cell(row.index, "dim"), screen.Cell(row.node_name, "bold"), row.timestamp[11:23], said])
    return screen.table([">#", "step", "when", "change"], rows)


def _shown(value: Any, absent: str, limit: int) -> str:
    from vcr_core.blame import MISSING  # noqa: PLC0415
    from vcr_core.diff_render import preview  # noqa: PLC0415

    if isinstance(value, _Preview):
        return screen.cut(value.text, limit)
    return absent if value is MISSING else preview(value, limit=limit)


def _changed_lines(old: Any, new: Any) -> tuple[Any, Any]:
    """Return the first lines that differ of two texts of many lines; other values as they are."""
    if not isinstance(old, str) or not isinstance(new, str) or ("\n" not in old and "\n" not in new):
        return old, new
    olds, news = old.split("\n"), new.split("\n")
    at = next((n for n, (a, b) in enumerate(zip(olds, news, strict=False)) if a != b), min(len(olds), len(news)))
    return "".join(olds[at : at + 1]).strip(), "".join(news[at : at + 1]).strip()


def _nearest(player: VCRPlayer, pointer: str) -> str:
    """Tell what the last state holds where the pointer leads."""
    from vcr_core.frames import CALLS  # noqa: PLC0415
    from vcr_core.json_pointer import build, parse, value_at  # noqa: PLC0415

    indexes = [row.index for row in player.rows if row.kind not in CALLS]
    if not indexes:
        return "None of its frames has a state: they are calls, with arguments and results."
    value, known = player.wire_state(indexes[-1]), ""
    for depth, token in enumerate(parse(pointer), 1):
        following = value_at(value, build([token]), None)
        if following is None:
            break
        value, known = following, build(parse(pointer)[:depth])
    if kind_of(value) is dict:
        members = ", ".join(build([key]) for key in list(value)[:12]) or "nothing"
        return f"At the end, the state holds in {known!r}: {members}."
    return f"At the end, the state holds a value without members at {known!r}."
