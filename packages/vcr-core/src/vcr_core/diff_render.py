"""Draw a diff as text for a terminal or a file.

Every line starts with a mark (``+`` added, ``-`` removed, ``~`` changed, ``>`` moved), so nothing rests on colour
alone; with colour, blue is added and orange is removed. Control and direction characters of the data are shown as
escapes, never sent to the terminal. Working the diff out does not belong here; see :mod:`vcr_core.diff`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from vcr_core.diff.strings import Hunk, string_hunks
from vcr_core.diff.structural import Op
from vcr_core.json_pointer import kind_of

__all__ = ["preview", "render"]

BLUE = "\x1b[38;5;33m"
ORANGE = "\x1b[38;5;208m"
RESET = "\x1b[0m"
_COLOURS = {"+": BLUE, "-": ORANGE}
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MAX_DEPTH = 6  # levels of a value that a preview enters
_MAX_HUNKED = 200_000  # code points of a string beyond which it is shown whole, cut to the width
_CONTEXT = 1  # unchanged lines shown around changed ones

_Line = tuple[str, str]


def render(ops: Iterable[Op], *, color: bool = False, width: int = 100) -> str:
    """Return the operations as lines of at most ``width`` columns, each ended by a newline; ``""`` for none.

    Args:
        ops: What `vcr_core.diff.diff` returned.
        color: Whether to add ANSI colours.
        width: Columns of the screen, at least 20; longer lines end in ``…``.
    """
    room = max(width, 20)
    lines: list[str] = []
    for op in ops:
        for mark, text in _op_lines(op, room):
            line = _cut(f"{mark} {text}", room)
            colour = _COLOURS.get(mark, "") if color else ""
            lines.append(f"{colour}{line}{RESET}\n" if colour else f"{line}\n")
    return "".join(lines)


def preview(value: Any, *, limit: int = 200) -> str:
    """Return a value as one line of JSON-like text, about ``limit`` characters at most; the rest is ``…``."""
    parts: list[str] = []
    left = limit
    for part in _preview_parts(value, limit, _MAX_DEPTH):
        parts.append(part)
        left -= len(part)
        if left <= 0:
            break
    text = "".join(parts)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def _op_lines(op: Op, width: int) -> Iterator[_Line]:
    where = _safe(op.path) or "(whole)"
    if op.op == "add":
        yield "+", f"{where}  {preview(op.new, limit=width)}"
    elif op.op == "remove":
        yield "-", f"{where}  {preview(op.old, limit=width)}"
    elif op.op == "move":
        yield ">", f"{where}  moved from {_safe(op.old_path or '')}  {preview(op.new, limit=width)}"
    else:
        shifted = op.old_path is not None and op.old_path != op.path
        yield "~", f"{where}  was {_safe(op.old_path or '')}" if shifted else where
        if kind_of(op.old) is str and kind_of(op.new) is str and len(op.old) + len(op.new) <= _MAX_HUNKED:
            yield from _string_lines(op.old, op.new, width)
        else:
            yield "-", "  " + preview(op.old, limit=width)
            yield "+", "  " + preview(op.new, limit=width)


def _string_lines(old: str, new: str, width: int) -> Iterator[_Line]:
    if "\n" not in old and "\n" not in new:
        yield "-", "  " + _around_change(old, new, width - 4)
        yield "+", "  " + _around_change(new, old, width - 4)
        return
    hunks = string_hunks(old, new, by="lines")
    for at, hunk in enumerate(hunks):
        if hunk.kind == "equal":
            yield from _context_lines(hunk, first=at == 0, last=at == len(hunks) - 1)
            continue
        mark = "+" if hunk.kind == "add" else "-"
        for line in _lines(hunk.text):
            yield mark, "  " + _safe(line)


def _context_lines(hunk: Hunk, *, first: bool, last: bool) -> Iterator[_Line]:
    """Show the unchanged lines next to a change, and how many lie between."""
    lines = _lines(hunk.text)
    head = [] if first else lines[:_CONTEXT]
    tail = [] if last else lines[max(len(head), len(lines) - _CONTEXT) :]
    hidden = len(lines) - len(head) - len(tail)
    for line in head:
        yield "~", "  " + _safe(line)
    if hidden:
        yield "~", f"  … {hidden} unchanged line{'s' if hidden > 1 else ''}"
    for line in tail:
        yield "~", "  " + _safe(line)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _around_change(text: str, other: str, room: int) -> str:
    """Return a JSON string cut so that its first difference from ``other`` is in sight."""
    shown = json.dumps(text, ensure_ascii=False)
    if len(shown) <= room:
        return _safe(shown)
    first = next((at for at, (x, y) in enumerate(zip(text, other, strict=False)) if x != y), min(len(text), len(other)))
    start = max(0, first - room // 3)
    head = '"' if start == 0 else "…"
    return _safe(head + json.dumps(text[start : start + room], ensure_ascii=False)[1:])


def _preview_parts(value: Any, limit: int, depth: int) -> Iterator[str]:
    kind = kind_of(value)
    if kind is str:
        yield _safe(json.dumps(value[:limit], ensure_ascii=False)[:-1]) + ('"' if len(value) <= limit else "…")
    elif kind is dict or kind is list:
        opening, closing = ("{", "}") if kind is dict else ("[", "]")
        yield opening
        if value and depth == 0:
            yield "…"
        else:
            yield from _member_parts(value, limit, depth)
        yield closing
    elif value is None or value is True or value is False:
        yield json.dumps(value)
    else:
        yield _safe(repr(value))


def _member_parts(value: Any, limit: int, depth: int) -> Iterator[str]:
    separator = ""
    for member in value.items() if kind_of(value) is dict else value:
        yield separator
        separator = ", "
        item = member
        if kind_of(value) is dict:
            key, item = member
            yield _safe(json.dumps(key, ensure_ascii=False) if kind_of(key) is str else repr(key)) + ": "
        yield from _preview_parts(item, limit, depth - 1)


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _cut(text: str, width: int) -> str:
    """Cut to a number of columns, counting wide characters as two and combining ones as none."""
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    used = 0
    fits = 0  # characters that leave a column for the ellipsis
    for at, character in enumerate(text):
        used += _columns(character)
        if used > width:
            return text[:fits] + "…"
        if used <= width - 1:
            fits = at + 1
    return text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
