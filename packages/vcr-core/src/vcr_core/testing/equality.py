"""Equality that a recording owes: values and types, all the way down.

``==`` alone would pass a tuple that came back as a list of equal items (it does not), ``1`` for ``True`` and ``0.0``
for ``-0.0`` (it does), and would fail NaN.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from typing import Any

import msgspec

from vcr_core.runtime_types import type_of
from vcr_core.testing.samples import Note


def difference(expected: Any, found: Any, *, path: str = "") -> str | None:
    """Return where and how two values differ, types included, or None if they do not."""
    if type_of(expected) is not type_of(found):
        return (
            f"{path or '/'}: {expected!r:.80} ({type(expected).__name__}) became {found!r:.80} ({type(found).__name__})"
        )
    kind = type_of(expected)
    if issubclass(kind, dict):
        return _in_dict(expected, found, path)
    if issubclass(kind, deque) and expected.maxlen != found.maxlen:
        return f"{path or '/'}: a deque of {expected.maxlen} became one of {found.maxlen}"
    if issubclass(kind, (list, tuple, deque)):
        return _in_sequence(expected, found, path)
    fields = _fields(expected)
    if fields is not None:
        return _in_dict(fields, _fields(found) or {}, path)
    return None if _same_leaf(expected, found) else f"{path or '/'}: {expected!r:.80} became {found!r:.80}"


def _in_dict(expected: dict[Any, Any], found: dict[Any, Any], path: str) -> str | None:
    if len(expected) != len(found):
        return f"{path or '/'}: keys {list(expected)!r:.200} became {list(found)!r:.200}"
    by_key = {_key(key): item for key, item in found.items()}
    for key, item in expected.items():
        if _key(key) not in by_key:
            return f"{path or '/'}: key {key!r} is gone"
        told = difference(item, by_key[_key(key)], path=f"{path}/{key}")
        if told:
            return told
    return None


def _key(key: Any) -> str:
    """Return a text that is equal for equal keys of equal types, whatever order their sets are in."""
    kind = type_of(key)
    if issubclass(kind, (set, frozenset)):
        return f"{type(key).__name__}{sorted(map(_key, key))}"
    if issubclass(kind, tuple):
        return f"{type(key).__name__}{[_key(item) for item in key]}"
    return f"{type(key).__name__} {key!r}"


def _in_sequence(expected: Any, found: Any, path: str) -> str | None:
    if len(expected) != len(found):
        return f"{path or '/'}: {len(expected)} items became {len(found)}"
    told = (difference(*pair, path=f"{path}/{i}") for i, pair in enumerate(zip(expected, found, strict=True)))
    return next((one for one in told if one), None)


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, BaseException):
        return {"args": value.args, "cause": value.__cause__, **vars(value)}
    if isinstance(value, msgspec.Struct):
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, Note):
        return vars(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _same_leaf(expected: Any, found: Any) -> bool:
    if isinstance(expected, float):
        return str(expected) == str(found)
    if isinstance(expected, complex):
        return str(expected) == str(found)
    if isinstance(expected, (set, frozenset)):
        return _key(expected) == _key(found)
    if hasattr(expected, "fold") and expected.fold != found.fold:
        return False
    if hasattr(expected, "utcoffset") and expected.utcoffset() != found.utcoffset():
        return False
    if hasattr(expected, "is_nan") and expected.is_nan():
        return str(expected) == str(found)
    return bool(expected == found) if not _is_array(expected) else _same_array(expected, found)


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "tobytes")


def _same_array(expected: Any, found: Any) -> bool:
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return False
    if expected.dtype.hasobject:
        return difference(expected.tolist(), found.tolist()) is None
    return bool(expected.tobytes() == found.tobytes())
