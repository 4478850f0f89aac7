"""The words of a row of a tree.  Pure."""

from __future__ import annotations

import json
from typing import Any

from vcr_core.json_pointer import kind_of
from vcr_tui.json_tree import LONG_TEXT, Part, Row


def describe(row: Row) -> str:
    """Return the text of a row's value, on one line: a summary for what opens, JSON for what does not."""
    value = row.value
    if row.kind == "object":
        return f"{{{_count(len(value), 'key')}}}"
    if row.kind == "list":
        return f"[{_count(len(value), 'item')}]"
    if row.kind == "range":
        part = row.path[-1]
        assert isinstance(part, Part)
        return f"[{part.start} … {part.stop - 1}]"
    if row.kind == "line":
        return str(value)
    if row.kind in ("text", "json"):
        return json.dumps(value[: 4 * LONG_TEXT], ensure_ascii=False)[:-1] + ("" if len(value) > LONG_TEXT * 4 else '"')
    if row.kind == "typed":
        return _describe_typed(value)
    return json.dumps(value, ensure_ascii=False)


def remark(row: Row) -> str:
    """Return what is said beside a text that opens: its length, its lines, that it is JSON."""
    if row.kind not in ("text", "json") or len(row.value) <= 40:
        return ""
    lines = row.value.count("\n")
    parts = [f"{len(row.value):,} characters"] if len(row.value) > LONG_TEXT else []
    parts += [f"{lines + 1} lines"] if lines else []
    return ", ".join((["JSON"] if row.kind == "json" else []) + parts)


def _describe_typed(value: dict[str, Any]) -> str:
    kind = str(value.get("$vcr"))
    content: Any = value.get("v")
    if kind == "blob":
        return f"{value.get('kind')} of {value.get('size', 0):,} bytes, in a file of its own"
    name = str(value.get("type") or kind).rpartition(":")[2]
    if kind_of(content) in (dict, list):
        return f"{name} [{_count(len(content), 'item')}]"
    if content is None:
        content = value.get("repr") or value.get("message") or value.get("path") or ""
    return f"{name} {json.dumps(content, ensure_ascii=False)[:400]}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
