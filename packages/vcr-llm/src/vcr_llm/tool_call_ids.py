"""Ids of tool calls, renamed by first appearance: ``tool-call-1``, ``tool-call-2``, ….

Providers and frameworks draw them at random, so two equal conversations differ in nothing else.  Only values in places
that hold such ids are renamed; an id that also occurs in a text stays as it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vcr_llm.json_values import as_dict, as_list

_ID_KEYS = frozenset({"tool_call_id", "tool_use_id", "toolUseId", "call_id"})
_CALL_TYPES = frozenset({"function", "tool_use", "server_tool_use", "function_call", "custom", "custom_tool_call"})
_CALL_KEYS = frozenset({"functionCall", "functionResponse", "function_call", "function_response"})
_PREFIX = "tool-call-"


def rename_ids(body: Any) -> tuple[Any, dict[str, str]]:
    """Return a body with its tool-call ids renamed, and each new name with the id it stands for."""
    names: dict[str, str] = {}

    def rename(value: str) -> str:
        return names.setdefault(value, f"{_PREFIX}{len(names) + 1}")

    renamed = _walk(body, rename, "")
    return renamed, {name: value for value, name in names.items()}


def restore_ids(body: Any, ids: dict[str, str]) -> Any:
    """Return a body with the renamed ids as they were; names that are not in `ids` stay."""
    return _walk(body, lambda value: ids.get(value, value), "")


def _walk(value: Any, change: Callable[[str], str], key: str) -> Any:
    fields = as_dict(value)
    if fields:
        is_call = fields.get("type") in _CALL_TYPES or key in _CALL_KEYS
        return {name: _field(name, item, change, is_call=is_call) for name, item in fields.items()}
    items = as_list(value)
    return [_walk(item, change, key) for item in items] if items else value


def _field(name: str, value: Any, change: Callable[[str], str], *, is_call: bool) -> Any:
    if isinstance(value, str):
        return change(value) if value and (name in _ID_KEYS or (is_call and name == "id")) else value
    return _walk(value, change, name)
