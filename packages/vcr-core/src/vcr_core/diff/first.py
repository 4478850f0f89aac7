"""The first place where two values differ, by position: what a divergence names.

Lists are compared index by index here, because the reader asks where two runs part, not what was edited.
"""

from __future__ import annotations

from typing import Any, Final

from vcr_core.diff.content import exact_equal, is_object
from vcr_core.diff.places import Place, pointer_to
from vcr_core.json_pointer import kind_of

__all__ = ["MISSING", "first_difference"]


class _Missing:
    """The type of ``MISSING``; there is one, also after pickling."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<missing>"

    def __bool__(self) -> bool:
        return False

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands for a value on the side that has none."""

_Found = tuple[str, Any, Any]


def first_difference(old: Any, new: Any) -> _Found | None:
    """Return ``(pointer, old, new)`` of the first difference, or None when the values are the same.

    First means depth first, old keys in their order, then new keys. Where one side has nothing, its value is
    ``MISSING``. The walk stops at the difference.
    """
    stack: list[tuple[Any, Any, Place]] = [(old, new, None)]
    while stack:
        left, right, place = stack.pop()
        if left is right:
            continue
        if kind_of(left) is list and kind_of(right) is list:
            pairs = _list_pairs(left, right)
        elif is_object(left) and is_object(right):
            pairs = _dict_pairs(left, right)
        elif exact_equal(left, right):
            continue
        else:
            return pointer_to(place), left, right
        # Leaves that agree are dropped at once; the rest waits in order.
        stack.extend([(x, y, (place, key)) for key, x, y in reversed(pairs) if not _same_leaf(x, y)])
    return None


def _same_leaf(x: Any, y: Any) -> bool:
    kind = kind_of(x)
    return x is y or (kind is kind_of(y) and (kind is str or kind is int) and bool(x == y))


def _list_pairs(left: list[Any], right: list[Any]) -> list[tuple[str | int, Any, Any]]:
    pairs: list[tuple[str | int, Any, Any]] = [(at, x, y) for at, (x, y) in enumerate(zip(left, right, strict=False))]
    at = len(pairs)
    if len(left) > at:
        pairs.append((at, left[at], MISSING))
    elif len(right) > at:
        pairs.append((at, MISSING, right[at]))
    return pairs


def _dict_pairs(left: dict[str, Any], right: dict[str, Any]) -> list[tuple[str | int, Any, Any]]:
    pairs: list[tuple[str | int, Any, Any]] = [(key, x, right.get(key, MISSING)) for key, x in left.items()]
    pairs += [(key, MISSING, y) for key, y in right.items() if key not in left]
    return pairs
