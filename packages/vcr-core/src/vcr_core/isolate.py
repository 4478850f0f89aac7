"""A copy of a value that the agent cannot change any more, with its types, for a step whose body runs in between."""

from __future__ import annotations

import copy
from typing import Any

from vcr_core.runtime_types import type_of

_IMMUTABLE = frozenset({str, int, float, bool, type(None), bytes, complex})


def isolate(value: Any) -> Any:
    """Return a copy of `value`: containers and data objects are copied, what cannot be copied is shared."""
    cls = type_of(value)
    if cls in _IMMUTABLE:
        return value
    try:
        if cls is dict:
            return {key: item if type_of(item) in _IMMUTABLE else isolate(item) for key, item in value.items()}
        if cls is list:
            return [item if type_of(item) in _IMMUTABLE else isolate(item) for item in value]
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # a lock, a client, a cycle: shared, and described by the recorder
        return value
