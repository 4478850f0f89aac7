"""How results reach a person: colour, tables, progress and JSON.

What a recording holds is never sent to a terminal raw: control and direction characters are shown as escapes.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Style = Literal["bold", "dim", "good", "bad", "warn", "key", "text", "plain"]

_CODES: dict[Style, str] = {
    "bold": "1",
    "dim": "2",
    "good": "38;5;35",
    "bad": "38;5;203",
    "warn": "38;5;178",
    "key": "38;5;74",
    "text": "38;5;108",
    "plain": "",
}
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FIRST_SIGN, _SIGN_EVERY = 0.4, 0.1


def use_color() -> bool:
    """Tell whether to colour stdout: on a terminal only, unless NO_COLOR or CLICOLOR_FORCE say otherwise."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, style: Style, *, color: bool) -> str:
    """Return `text` in a style, or as it is where colour is off."""
    code = _CODES[style]
    return f"\x1b[{code}m{text}\x1b[0m" if color and code and text else text


def screen_width() -> int:
    """Return the columns to fill: those of the terminal, or many where output goes to a file."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit():
        return max(40, shutil.get_terminal_size((100, 24)).columns)
    return 160


def safe(text: str) -> str:
    """Return `text` with control and direction characters as escapes; one line."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}" if found[0] != "\n" else "\\n", text)


def columns_of(text: str) -> int:
    """Return how many columns a text fills: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """Return `text`, ended with ``…`` if it fills more than `width` columns."""
    if columns_of(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while columns_of(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept}…"


class Cell(str):
    """A table's cell with a style."""

    __slots__ = ("style",)
    style: Style

    def __new__(cls, text: object, style: Style = "plain") -> Cell:
        """Return a cell; what the text holds is made safe."""
        cell = super().__new__(cls, safe(str(text)))
        cell.style = style
        return cell


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in columns; the last column is cut to the screen.

    Args:
        headers: Titles; one that begins with ``>`` is aligned to the right.
        rows: Cells, as many as there are headers; a `Cell` carries a style.
    """
    color, room = use_color(), screen_width()
    titles = [header.removeprefix(">") for header in headers]
    widths = [max(columns_of(cell) for cell in column) for column in zip(titles, *rows, strict=True)]
    left = sum(widths[:-1]) + 2 * len(widths[:-1])
    widths[-1] = max(10, min(widths[-1], room - left))
    right = [header.startswith(">") for header in headers]
    lines = [_line([Cell(title, "dim") for title in titles], widths, right, color=color)]
    lines += [_line(row, widths, right, color=color) for row in rows]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: list[int], right: list[bool], *, color: bool) -> str:
    parts: list[str] = []
    for at, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        text = cut(cell, width)
        pad = " " * (width - columns_of(text))
        painted = paint(text, cell.style if isinstance(cell, Cell) else "plain", color=color)
        last = at == len(cells) - 1
        parts.append(f"{pad}{painted}" if right[at] else f"{painted}{'' if last else pad}")
    return "  ".join(parts).rstrip()


def write(text: str) -> None:
    """Write to stdout as it is."""
    sys.stdout.write(text)


def flush() -> None:
    """Have a reader see what was written so far."""
    sys.stdout.flush()


def write_json(value: Any, *, line: bool = False) -> None:
    """Write a JSON-able value to stdout, indented, or as one line."""
    import msgspec  # noqa: PLC0415  # costs a third of the start of a command that does not need it

    encoded = msgspec.json.encode(value)
    text = (encoded if line else msgspec.json.format(encoded, indent=2)).decode()
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write a remark to stderr; it is no result."""
    print(text, file=sys.stderr)


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield `items`; if it takes long and stderr is a terminal, tell there how far it is; 0 is an unknown `total`."""
    if not sys.stderr.isatty():
        yield from items
        return
    due, shown = time.monotonic() + _FIRST_SIGN, False
    for number, item in enumerate(items):
        now = time.monotonic()
        if now >= due:
            share = f" of {total:,} {100 * number // total:3d} %" if total else ""
            sys.stderr.write(f"\r\x1b[K{what} {number:,}{share}")
            sys.stderr.flush()
            due, shown = now + _SIGN_EVERY, True
        yield item
    if shown:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def duration(milliseconds: float) -> str:
    """Return a time as people read it: ``184ms``, ``1.3s``, ``2m05s``, ``3h04m``."""
    if milliseconds < 0.05:
        return "0" if milliseconds == 0 else "<0.1ms"
    if milliseconds < 9.95:
        return f"{milliseconds:.1f}ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"


def count(number: int | None) -> str:
    """Return a number with separators; "" for none."""
    return "" if number is None else f"{number:,}"


def counted(number: int, noun: str) -> str:
    """Return a number with what is counted: ``1 frame``, ``2,000 frames``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: int) -> str:
    """Return a number of bytes as people read it."""
    value, unit = float(number), "B"
    for following in ("KB", "MB", "GB"):
        if value < 1000:
            break
        value, unit = value / 1000, following
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def money(cost: float | None) -> str:
    """Return a cost in US dollars; "" where it is unknown."""
    if cost is None:
        return ""
    return (
        f"${cost:.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}".rstrip("0") if cost >= 0.0001 else f"${cost:.2g}"
    )
