"""Whether a value contains, or looks like, what is wanted; told as the pointer of the first place that does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from vcr_core.diff_render import preview

Problem = tuple[str, str]


def subset_problem(wanted: Any, value: Any, path: str = "") -> Problem | None:
    """Return where `value` lacks something of `wanted`: members of dicts, elements of lists in order."""
    if isinstance(wanted, dict):
        fields = cast("dict[str, Any]", wanted)
        if not isinstance(value, dict):
            return path, f"wanted an object, found {preview(value, limit=60)}"
        for key, item in fields.items():
            below = f"{path}/{key}"
            if key not in value:
                return below, f"wanted {preview(item, limit=60)}, found nothing"
            problem = subset_problem(item, value[key], below)
            if problem is not None:
                return problem
        return None
    if isinstance(wanted, list):
        return _list_problem(cast("list[object]", wanted), value, path)
    return None if wanted == value else (path, f"wanted {preview(wanted, limit=60)}, found {preview(value, limit=60)}")


def _list_problem(wanted: list[Any], value: Any, path: str) -> Problem | None:
    if not isinstance(value, list):
        return path, f"wanted a list, found {preview(value, limit=60)}"
    items = cast("list[object]", value)
    at = 0
    for item in wanted:
        while at < len(items) and subset_problem(item, items[at]) is not None:
            at += 1
        if at == len(items):
            return path, f"wanted an element {preview(item, limit=60)}, in order; found none"
        at += 1
    return None


def shape_problem(shape: Any, value: Any, path: str = "") -> Problem | None:
    """Return where `value` does not look like `shape`: types, dicts and lists of them, allowed values, predicates."""
    if isinstance(shape, dict):
        fields = cast("dict[str, Any]", shape)
        if not isinstance(value, dict):
            return path, f"wanted an object, found {preview(value, limit=60)}"
        missing = [key for key in fields if key not in value]
        if missing:
            return f"{path}/{missing[0]}", "it is missing"
        return _first(shape_problem(item, value[key], f"{path}/{key}") for key, item in fields.items())
    if isinstance(shape, list):
        if not isinstance(value, list):
            return path, f"wanted a list, found {preview(value, limit=60)}"
        items = cast("list[object]", value)
        parts = cast("list[object]", shape)
        return _first(shape_problem(parts[0], item, f"{path}/{n}") for n, item in enumerate(items)) if parts else None
    if isinstance(shape, (set, frozenset)):
        return None if value in shape else (path, f"{preview(value, limit=60)} is not one of the allowed values")
    if isinstance(shape, (type, tuple)):
        good = isinstance(value, shape) and (not isinstance(value, bool) or shape is not int)
    else:
        good = bool(shape(value)) if callable(shape) else shape == value
    name = str(getattr(cast("object", shape), "__name__", repr(cast("object", shape))))
    return None if good else (path, f"wanted {name}, found {preview(value, limit=60)}")


def _first(problems: Iterable[Problem | None]) -> Problem | None:
    return next((problem for problem in problems if problem is not None), None)
