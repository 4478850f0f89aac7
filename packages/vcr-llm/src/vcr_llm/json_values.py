"""Reading JSON that others wrote: each function gives a value of its kind, or nothing."""

from __future__ import annotations

import json
from typing import Any

from vcr_core.json_pointer import kind_of

Json = dict[str, Any]


def as_dict(value: Any) -> Json:
    """Return a dict as it is, {} for anything else."""
    return value if kind_of(value) is dict else {}


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, [] for anything else."""
    return value if kind_of(value) is list else []


def as_text(value: Any) -> str | None:
    """Return a text as it is, None for anything else."""
    return value if isinstance(value, str) else None


def as_count(value: Any) -> int | None:
    """Return a number of tokens, None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def add_counts(*counts: int | None) -> int | None:
    """Return the sum of what is known; None if nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def without(body: Json, *names: str) -> Json:
    """Return a body without some of its members."""
    return {name: value for name, value in body.items() if name not in names}


def parse_arguments(given: Any) -> Any:
    """Return the arguments of a tool call, which most providers send as a text that holds JSON; other text stays."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given
