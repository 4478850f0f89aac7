"""Containers that lead back to themselves, such as the nodes of a tree that know their parent.

A walk that follows every way through a value ends soon where there are none of these, and not in a lifetime where there
are a few.  So walks that must be quick go as deep as ordinary values do without a look behind them, and only then ask
here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import chain
from typing import Any

from vcr_core.runtime_types import type_of
from vcr_core.values.kinds import split_of

ORDINARY_DEPTH = 32
"""What lies deeper may lead back to what it lies in."""
_MANY = 4
_LEAVES = frozenset({str, int, float, bool, type(None), bytes})


class TooDeepError(Exception):
    """A value is deeper than ordinary ones; the walk that found it is begun again with a look at the loops in it."""


class _Visit:
    """A container on the way of the search: what is still to be looked at in it, and what was found.

    Attributes:
        number: How many containers were met before it.
        low: The least number of those that it leads back to.
        ways: How many of its members lead to a loop.
    """

    __slots__ = ("key", "low", "members", "number", "ways")

    def __init__(self, value: Any, number: int) -> None:
        self.key = id(value)
        self.number = number
        self.low: float = number
        self.ways = 0
        self.members = iter(_members(value))


def find_loops(root: Any) -> set[int]:
    """Return the ids of the containers in a value that lead back to themselves, or hold many that lead to such ones.

    The former are the strongly connected components with an edge within (R. Tarjan, 1972).  Takes time linear in the
    number of references.
    """
    found: set[int] = set()
    leading: set[int] = set()
    numbers: dict[int, float] = {id(root): 0}  # infinite once it is known what the container leads back to
    pending = [id(root)]
    way = [_Visit(root, 0)]
    while way:
        here = way[-1]
        for member in here.members:
            key = id(member)
            if type_of(member) in _LEAVES:
                continue
            if key not in numbers:
                way.append(_Visit(member, len(numbers)))
                numbers[key] = len(numbers)
                pending.append(key)
                break
            here.low = min(here.low, numbers[key])
            here.ways += numbers[key] < math.inf or key in leading
            if key == here.key:
                found.add(key)
        else:
            way.pop()
            if here.ways:
                leading.add(here.key)
            if here.ways > _MANY:
                found.add(here.key)
            if here.low == here.number:
                closed = _pop_until(pending, here.key)
                numbers.update(dict.fromkeys(closed, math.inf))
                found.update(closed if len(closed) > 1 else ())
            if way:
                way[-1].low = min(way[-1].low, here.low)
                way[-1].ways += here.ways > 0
    return found


def _pop_until(pending: list[int], key: int) -> list[int]:
    popped = [pending.pop()]
    while popped[-1] != key:
        popped.append(pending.pop())
    return popped


def _members(value: Any) -> Iterable[Any]:
    """Return what a snapshot of a value looks into."""
    cls = type_of(value)
    if cls is dict:
        return chain(value, value.values())
    if cls is list:
        items: list[Any] = value
        return items
    split = split_of(cls)
    try:
        found = None if split is None else split.parts(value)
    except Exception:  # noqa: BLE001  # an agent's object may raise when it is looked at; nobody comes through it
        return ()
    return () if found is None else _members(found[0])
