"""How alike two different values are, as a whole number from 0 to 1000, from a bounded look at them.

The formula is part of the diff's contract (:mod:`vcr_core.diff` documents it); only whole numbers are used, so that
every language computes the same.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

from vcr_core.diff.content import ContentIndex
from vcr_core.json_pointer import kind_of

__all__ = ["ALIKE", "likeness", "text_likeness"]

ALIKE = 500  # from here on two elements are one that changed
MAX_ENTRIES = 64  # entries of a dict or items of a list that are looked at
MAX_TEXT = 512  # code points at each end of a string that are looked at
NAMES = ("role", "name")  # keys whose equality makes two dicts alike


def likeness(index: ContentIndex, x: Any, y: Any) -> int:
    """Return how alike ``x`` and ``y`` are; from ``ALIKE`` on they count as one element that changed."""
    if kind_of(x) is dict and kind_of(y) is dict:
        return _dict_likeness(index, x, y)
    if kind_of(x) is list and kind_of(y) is list:
        return _list_likeness(index, x, y)
    if kind_of(x) in (dict, list) or kind_of(y) in (dict, list):
        return 0
    if kind_of(x) is str and kind_of(y) is str:
        return ALIKE + text_likeness(x, y) // 2
    return ALIKE


def text_likeness(x: str, y: str) -> int:
    """Return the share of a common head and tail in two strings, 0 to 1000."""
    shorter = min(len(x), len(y))
    head = _common_head(x, y, min(shorter, MAX_TEXT))
    room = min(shorter - head, MAX_TEXT)
    tail = _common_head(x[: -room - 1 : -1], y[: -room - 1 : -1], room) if room else 0
    total = min(len(x), 2 * MAX_TEXT) + min(len(y), 2 * MAX_TEXT)
    return 2000 * (head + tail) // total if total else 1000


def _common_head(x: str, y: str, limit: int) -> int:
    """Return how many of the first ``limit`` code points are equal, by halving."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if x[low:middle] == y[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _dict_likeness(index: ContentIndex, x: dict[str, Any], y: dict[str, Any]) -> int:
    token = index.token
    if "id" in x and "id" in y and kind_of(x["id"]) in (str, int) and token(x["id"]) == token(y["id"]):
        return 1000
    total = min(len(x), MAX_ENTRIES) + min(len(y), MAX_ENTRIES)
    points = sum(_entry_points(index, item, y[name]) for name, item in islice(x.items(), MAX_ENTRIES) if name in y)
    score = min(1000, 2 * points // total) if total else 0
    for name in NAMES:
        if kind_of(x.get(name)) is str and x.get(name) == y.get(name):
            return ALIKE + score // 2
    return score


def _entry_points(index: ContentIndex, x: Any, y: Any) -> int:
    if index.token(x) == index.token(y):
        return 1000
    if kind_of(x) is str and kind_of(y) is str:
        return text_likeness(x, y)
    return 500 if kind_of(x) is kind_of(y) and kind_of(x) in (dict, list) else 0


def _list_likeness(index: ContentIndex, x: list[Any], y: list[Any]) -> int:
    head_x, head_y = x[:MAX_ENTRIES], y[:MAX_ENTRIES]
    counts_x = Counter(map(index.token, head_x))
    counts_y = Counter(map(index.token, head_y))
    common = sum((counts_x & counts_y).values())
    inner_x = _containers(index, head_x, counts_y)
    inner_y = _containers(index, head_y, counts_x)
    total = len(head_x) + len(head_y)
    return 2 * (1000 * common + 500 * min(inner_x, inner_y)) // total if total else 0


def _containers(index: ContentIndex, items: list[Any], elsewhere: Counter[Any]) -> int:
    """Count the dicts and lists that the other side does not hold at all."""
    return sum(1 for item in items if kind_of(item) in (dict, list) and index.token(item) not in elsewhere)
