"""Content identity: when two values are the same, and a hashable token per value that says so.

Same means the same type all the way down: ``1``, ``True`` and ``1.0`` differ, ``0.0`` and ``-0.0`` differ, a NaN is
the same as any NaN, and the order of a dict's keys does not count. Values that are not wire values (dict, list, str,
int, float, bool, None) are compared by exact type and ``==``, tuples item by item. Nothing here recurses, so nesting
of any depth is fine; values must not contain themselves.

Lining values up and reporting differences does not belong here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import copysign
from typing import Any

from vcr_core.json_pointer import kind_of

__all__ = ["ContentIndex", "exact_equal", "is_object", "plain_equal"]

_CONTAINERS = frozenset((dict, list, tuple))
_EXACT_BY_EQ = frozenset((str, int, bool, kind_of(None), bytes))
_ABSENT = object()
_MAX_UNHASHABLE = 64  # earlier unhashable values of one type that a new one is compared with
_UNLIMITED = 1 << 62


def is_object(value: Any) -> bool:
    """Whether ``value`` is a plain dict whose keys are all strings, so that a pointer can lead into it."""
    return kind_of(value) is dict and all(kind_of(key) is str for key in value)


def _opaque_equal(x: Any, y: Any) -> bool:
    """Compare two values of one type that are not wire values; array-likes count as equal when all items are."""
    if x is y:
        return True
    try:
        answer = x == y
        if hasattr(answer, "all") and hasattr(x, "shape"):
            same_kind = x.shape == y.shape and getattr(x, "dtype", None) == getattr(y, "dtype", None)
            return same_kind and bool(answer.all())
        return bool(answer)
    except Exception:  # a foreign __eq__ may raise anything; such values are equal to nothing
        return False


def _atom_equal(x: Any, y: Any) -> bool:
    """Exact equality of two values of one and the same type that is no container."""
    kind = kind_of(x)
    if kind in _EXACT_BY_EQ:
        return bool(x == y)
    if kind is float:
        if x != x:
            return bool(y != y)
        return bool(x == y) and (x != 0.0 or copysign(1.0, x) == copysign(1.0, y))
    return _opaque_equal(x, y)


def plain_equal(x: Any, y: Any, *, budget: int = _UNLIMITED) -> bool | None:
    """Compare two values exactly, looking at about ``budget`` nodes at most.

    Returns:
        True or False, or None when the budget ran out or a dict has keys that are not strings.
    """
    if x is y:
        return True
    if kind_of(x) is not kind_of(y):
        return False
    pairs: list[tuple[Any, Any]] = [(x, y)]
    while pairs:
        left, right = pairs.pop()
        kind = kind_of(left)
        if kind not in _CONTAINERS:
            if not _atom_equal(left, right):
                return False
            continue
        if len(left) != len(right):
            return False
        budget -= len(left)
        if budget < 0 or (kind is dict and not is_object(left)):
            return None
        if not _compare_members(left, right, pairs):
            return False
    return True


def _compare_members(left: Any, right: Any, later: list[tuple[Any, Any]]) -> bool:
    """Compare the strings that two containers hold; put the other members off. False when they differ already."""
    for item, other in _facing(left, right):
        if item is other:
            continue
        if kind_of(item) is not kind_of(other):
            return False
        if kind_of(item) is not str:
            later.append((item, other))
        elif item != other:
            return False
    return True


def _facing(left: Any, right: Any) -> Iterable[tuple[Any, Any]]:
    """Pair the items of two containers of one kind and size; a missing key faces a value of no other type."""
    if kind_of(left) is dict:
        return [(item, right.get(key, _ABSENT)) for key, item in left.items()]
    return zip(left, right, strict=True)


def exact_equal(x: Any, y: Any) -> bool:
    """Whether two values are the same in content and type (see the module's text)."""
    answer = plain_equal(x, y)
    if answer is None:
        index = ContentIndex()
        answer = index.token(x) == index.token(y)
    return answer


class ContentIndex:
    """Gives equal values equal tokens and different values different tokens; each container is read once.

    A string is its own token, a container's token is a small number, anything else is a pair that holds its type.
    The values looked at must stay alive and unchanged while the index is used.
    """

    __slots__ = ("_numbers", "_seen", "_unhashable")

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._seen: dict[int, int] = {}
        self._unhashable: dict[type, list[tuple[Any, Hashable]]] = {}

    def token(self, value: Any) -> Hashable:
        """Return the token of one value."""
        if isinstance(value, str) and kind_of(value) is str:
            return value
        if kind_of(value) in _CONTAINERS:
            number = self._seen.get(id(value))
            return self._number_container(value) if number is None else number
        return self._atom(value)

    def _atom(self, value: Any) -> Hashable:
        kind = kind_of(value)
        if kind is float:
            if value != value:
                return (float, "nan")
            if value == 0.0:
                return (float, "0" if copysign(1.0, value) > 0 else "-0")
            return (float, value)
        if kind in _EXACT_BY_EQ:
            return (kind, value)
        try:
            hash(value)
        except Exception:  # a foreign __hash__ may raise anything; compared by == instead
            return self._unhashable_token(value)
        return (kind, value)

    def _unhashable_token(self, value: Any) -> Hashable:
        known = self._unhashable.setdefault(kind_of(value), [])
        for other, token in known[-_MAX_UNHASHABLE:]:
            if _opaque_equal(value, other):
                return token
        fresh = (kind_of(value), "unhashable", len(known))
        known.append((value, fresh))
        return fresh

    def _number_container(self, root: Any) -> int:
        """Number ``root`` and every container below it, children before parents, without recursion."""
        seen = self._seen
        stack = [root]
        while stack:
            node = stack[-1]
            if id(node) in seen:
                stack.pop()
                continue
            depth = len(stack)
            tokens: list[Hashable] = []
            for child in node.values() if kind_of(node) is dict else node:
                kind = kind_of(child)
                if kind is str:
                    tokens.append(child)
                elif kind in _CONTAINERS:
                    number = seen.get(id(child))
                    if number is None:
                        stack.append(child)
                    else:
                        tokens.append(number)
                else:
                    tokens.append(self._atom(child))
            if len(stack) == depth:
                stack.pop()
                self._seen[id(node)] = self._numbers.setdefault(self._shape(node, tokens), len(self._numbers))
        return seen[id(root)]

    def _shape(self, node: Any, tokens: list[Hashable]) -> Hashable:
        if kind_of(node) is list:
            return tuple(tokens)
        if kind_of(node) is tuple:
            return (tuple, tuple(tokens))
        keys = [key if kind_of(key) is str else (kind_of(key), key) for key in node]
        return frozenset(zip(keys, tokens, strict=True))
