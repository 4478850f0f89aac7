"""Draws a state as text: like JSON, but made for reading.

Text of several lines stands as lines, typed values by their type's name, and what is long is cut and says so.  Takes
values in wire form (see `vcr_core.values`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from vcr_core.cli.screen import paint, safe, size
from vcr_core.json_pointer import kind_of

LONG_TEXT = 600
LONG_LIST = 40
_BLOCK = 60
_FEW = 12


class ValueText:
    """Draws values.

    Args:
        color: Whether to colour.
        full: Whether to cut nothing.
        read_blob: Returns the content of a blob by its hash, None if it is missing.
    """

    def __init__(self, *, color: bool, full: bool, read_blob: Callable[[str], bytes | None]) -> None:
        self._color = color
        self._full = full
        self._read_blob = read_blob

    def draw(self, value: Any, indent: str = "") -> str:
        """Return a value as lines, each but the first indented, without a final newline."""
        return "\n".join(self._lines(value, indent))

    def _lines(self, value: Any, indent: str) -> Iterator[str]:
        name, value = self._untag(value)
        short = _one_line(value)
        prefix = paint(f"{name} ", "dim", color=self._color) if name else ""
        if short:
            yield prefix + safe(short)
        elif kind_of(value) is dict and value:
            yield from self._members("{", "}", prefix, indent, self._items(value))
        elif kind_of(value) is list and value:
            yield from self._members("[", "]", prefix, indent, self._elements(value))
        elif isinstance(value, str):
            yield from self._text(value, prefix, indent)
        else:
            yield prefix + paint(json.dumps(value), "plain" if value in ({}, []) else "warn", color=self._color)

    def _items(self, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, item in value.items():
            yield paint(safe(json.dumps(key, ensure_ascii=False)), "key", color=self._color) + ": ", item

    def _elements(self, value: list[Any]) -> Iterator[tuple[str, Any]]:
        hidden = 0 if self._full or len(value) <= LONG_LIST + 1 else len(value) - LONG_LIST
        head = value if not hidden else value[: LONG_LIST // 2]
        for item in head:
            yield "", item
        if hidden:
            yield paint(f"… {hidden:,} more; --full shows them", "dim", color=self._color), _Nothing
            for item in value[-LONG_LIST // 2 :]:
                yield "", item

    def _members(self, opening: str, closing: str, prefix: str, indent: str, members: Any) -> Iterator[str]:
        yield prefix + opening
        inner = f"{indent}  "
        for label, item in members:
            if item is _Nothing:
                yield inner + label
                continue
            lines = self._lines(item, inner)
            yield inner + label + next(lines)
            yield from lines
        yield indent + closing

    def _text(self, value: str, prefix: str, indent: str) -> Iterator[str]:
        shown = value if self._full else value[:LONG_TEXT]
        rest = len(value) - len(shown)
        more = paint(f" … {rest:,} more characters; --full shows them", "dim", color=self._color) if rest else ""
        if "\n" in shown and len(shown) > _BLOCK:
            yield prefix + "|" + more
            for line in shown.removesuffix("\n").split("\n"):
                yield f"{indent}  " + paint(safe(line.expandtabs(4)), "text", color=self._color)
        else:
            yield prefix + paint(safe(json.dumps(shown, ensure_ascii=False)), "text", color=self._color) + more

    def _untag(self, value: Any) -> tuple[str, Any]:
        """Return the name of a tagged value's type and what is in it; "" for plain JSON."""
        if kind_of(value) is not dict or "$vcr" not in value:
            return "", value
        kind = str(value["$vcr"])
        if kind == "blob":
            return self._blob(value)
        if kind == "str":
            return "str with surrogates, base64", value.get("v")
        if kind == "dict":
            return "dict", [list(pair) for pair in value.get("v", [])]
        name = str(value.get("type", kind)) if "type" in value else kind
        if kind == "ndarray":
            return f"ndarray {value.get('dtype')} {value.get('shape')}", value.get("v")
        return name, value.get("v", value.get("repr", value.get("message", value.get("path"))))

    def _blob(self, value: dict[str, Any]) -> tuple[str, Any]:
        content = self._read_blob(str(value.get("hash")))
        length = size(int(value.get("size") or 0))
        if content is None:
            return "blob", f"{length}, missing or damaged: {value.get('hash')}"
        if value.get("kind") == "str":
            return "", content.decode("utf-8", "replace")
        return f"{length} of", content[:24].hex() + ("…" if len(content) > 24 else "")


def _one_line(value: Any) -> str:
    """Return a short list of plain values on one line; "" for anything else."""
    if kind_of(value) is not list or not value or len(value) > _FEW:
        return ""
    if any(isinstance(item, (dict, list)) or (isinstance(item, str) and len(item) > _BLOCK) for item in value):
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _BLOCK else ""


class _Nothing:
    """Stands where a line has a label only."""
