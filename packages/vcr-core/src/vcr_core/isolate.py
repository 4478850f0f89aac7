"""A copy of a value that the agent cannot change any more, with its types, for a step whose body runs in between.

``copy.deepcopy`` gives the same; but it remembers every object that it meets, which for a history of messages costs
more than the step itself.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from typing import Any

from vcr_core.runtime_types import type_of

_COPYING = (
    *("__new__", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__"),
    *("__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__"),
)
_IMMUTABLE = frozenset({str, int, float, bool, type(None), bytes, complex})


def isolate(value: Any) -> Any:
    """Return a copy of `value`: containers and data objects are copied, what cannot be copied is shared."""
    try:
        return _isolate(value)
    except RecursionError:
        return _copy_deep(value)  # it sees where a value leads back to itself


def _copy_deep(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:  # noqa: BLE001  # a lock, a client: shared, and described by the recorder
        return value


def _isolate(value: Any) -> Any:
    cls: Any = type_of(value)
    if cls in _IMMUTABLE:
        return value
    try:
        # Most containers hold nothing but text and numbers, and are copied in C.
        if cls is dict:
            if _IMMUTABLE.issuperset(map(type_of, value.values())):
                return value.copy()
            return {key: item if type_of(item) in _IMMUTABLE else _isolate(item) for key, item in value.items()}
        if cls is list:
            if _IMMUTABLE.issuperset(map(type_of, value)):
                return value.copy()
            return [item if type_of(item) in _IMMUTABLE else _isolate(item) for item in value]
        if cls is set and _IMMUTABLE.issuperset(map(type_of, value)):
            return value.copy()
        if _is_held_by_fields(cls):
            return _copy_fields(value)
    except RecursionError:
        raise
    except Exception:  # noqa: BLE001  # an object that refuses to be copied: shared, and described by the recorder
        return value
    return _copy_deep(value)


@functools.lru_cache(maxsize=1024)
def _is_held_by_fields(cls: Any) -> bool:
    """Tell whether instances of a class are all in their ``__dict__``, and copied by nothing else of theirs."""
    if getattr(getattr(cls, "__deepcopy__", None), "__module__", None) == "pydantic.main":
        return True
    plain = all(getattr(cls, name, None) is getattr(object, name, None) for name in _COPYING)
    bases: tuple[type[Any], ...] = cls.__mro__[:-1]
    return plain and dataclasses.is_dataclass(cls) and not any("__slots__" in vars(base) for base in bases)


def _copy_fields(value: Any) -> Any:
    if getattr(value, "__pydantic_private__", None) or getattr(value, "__pydantic_extra__", None):
        return copy.deepcopy(value)
    copied = copy.copy(value)
    fields: dict[str, Any] = copied.__dict__
    for name, item in fields.items():
        if type_of(item) not in _IMMUTABLE:
            fields[name] = _isolate(item)
    return copied
