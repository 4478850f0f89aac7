"""Text as a terminal shows it: columns, cutting, and nothing that could steer the terminal."""

from __future__ import annotations

import re

from prompt_toolkit.utils import get_cwidth

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def printable(text: str) -> str:
    """Return `text` with control, direction and surrogate characters as visible escapes."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def _escape(character: str) -> str:
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return named.get(character) or (f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}")


def encodable(text: str, encoding: str) -> str:
    """Return `text` with each character that an encoding lacks as question marks, as many as it takes columns.

    The terminal's own library would write one for each, and a line with wide characters would come out too short.
    """
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_encodable(character, encoding) for character in text)
    return text


def _encodable(character: str, encoding: str) -> str:
    known = character.encode(encoding, "replace") != b"?" or character == "?"
    return character if known else "?" * get_cwidth(character)


def columns(text: str) -> int:
    """Return the columns that printable text takes."""
    return len(text) if text.isascii() else get_cwidth(text)


def cut(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return printable text cut to at most `width` columns; what was cut ends in an ellipsis."""
    if width <= 0:
        return ""
    if len(text) > 4 * width + 16:
        text = text[: 4 * width + 16]  # no more can be seen, and measuring a megabyte takes time
    if columns(text) <= width:
        return text
    room = width - columns(ellipsis)
    if text.isascii():
        return text[: max(0, room)] + ellipsis
    used = 0
    for at, character in enumerate(text):
        used += get_cwidth(character)
        if used > room:
            return text[:at] + ellipsis
    return text


def fit(text: str, width: int) -> str:
    """Return printable text cut or filled with spaces to exactly `width` columns."""
    text = cut(text, width)
    return text + " " * (width - columns(text))


def wrap(text: str, width: int, *, limit: int) -> list[str]:
    """Return at most `limit` printable lines of at most `width` columns; what was cut ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        rest = printable(paragraph.expandtabs(4))
        while columns(rest) > width and len(lines) <= limit:
            head = cut(rest, width, ellipsis="")
            space = head.rfind(" ")
            at = space if space > width // 2 else max(1, len(head))
            lines.append(rest[:at])
            rest = rest[at:].lstrip(" ") if space > width // 2 else rest[at:]
        lines.append(rest)
        if len(lines) > limit:
            return [*lines[: limit - 1], cut(lines[limit - 1] + " …", width)]
    return lines


def duration(milliseconds: float) -> str:
    """Return a time as people say it, at most six characters: ``184ms``, ``1.3s``, ``12.4m``, ``3.2h``."""
    if milliseconds < 1:
        return "0ms" if milliseconds <= 0 else "<1ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f}ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f}s"
    if milliseconds < 3_597_000:
        return f"{milliseconds / 60_000:.1f}m"
    return f"{milliseconds / 3_600_000:.1f}h"


def quantity(number: int) -> str:
    """Return a count in few characters: ``912``, ``42k``, ``3.1M``."""
    if number < 10_000:
        return f"{number:,}"
    if number < 999_500:
        return f"{number / 1000:.0f}k"
    return f"{number / 1_000_000:.1f}M"


def size(count: int) -> str:
    """Return a number of bytes in few characters: ``912 B``, ``16.0 KiB``."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):.1f} MiB"
