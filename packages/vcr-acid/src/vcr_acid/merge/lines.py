"""Three-way merge of texts, line by line, that says "conflict" whenever the alignment is open to doubt.

Follows diff3: changes of one side alone are taken, equal changes of both sides are taken, touching changes conflict
(git's rule: one unchanged line must lie between). A repeated line lets a change slide up or down; the whole range it
could slide over counts as touched. The merge is made from the front and from the back, and must come out equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

#: Beyond this many line pairs after trimming, comparing takes too long to be worth it.
_TOO_MANY_PAIRS = 40_000_000
_BINARY_PROBE = 8000


class _Hunk(NamedTuple):
    """``base[start:end]`` became ``lines``; ``low``/``high`` bound where it could also lie."""

    start: int
    end: int
    lines: tuple[bytes, ...]
    low: int
    high: int


def is_binary(data: bytes) -> bool:
    """Git's test: a NUL among the first 8,000 bytes."""
    return b"\0" in data[:_BINARY_PROBE]


def _slide(base: Sequence[bytes], hunk: tuple[int, int, tuple[bytes, ...]]) -> _Hunk:
    """How far an insertion or deletion could be moved without changing the result."""
    start, end, lines = hunk
    low, high = start, end
    if start == end or not lines:
        body = list(lines) if start == end else list(base[start:end])
        ring = list(body)
        while low > 0 and base[low - 1] == ring[-1]:
            ring.insert(0, ring.pop())
            low -= 1
        ring = list(body)
        while high < len(base) and base[high] == ring[0]:
            ring.append(ring.pop(0))
            high += 1
    return _Hunk(start, end, lines, low, high)


def _hunks(base: Sequence[bytes], side: Sequence[bytes]) -> list[_Hunk] | None:
    front = 0
    limit = min(len(base), len(side))
    while front < limit and base[front] == side[front]:
        front += 1
    back = 0
    while back < limit - front and base[-1 - back] == side[-1 - back]:
        back += 1
    old, new = base[front : len(base) - back], side[front : len(side) - back]
    if len(old) * len(new) > _TOO_MANY_PAIRS:
        return None
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    found = [
        (front + i1, front + i2, tuple(new[j1:j2])) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
    ]
    return [_slide(base, hunk) for hunk in found]


def _apply(base: Sequence[bytes], hunks: Sequence[_Hunk], start: int, end: int) -> list[bytes]:
    result: list[bytes] = []
    position = start
    for hunk in hunks:
        result += base[position : hunk.start]
        result += hunk.lines
        position = hunk.end
    return result + list(base[position:end])


def _merge(base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]) -> list[bytes] | None:
    left, right = _hunks(base, ours), _hunks(base, theirs)
    if left is None or right is None:
        return None
    result: list[bytes] = []
    position = 0
    i = j = 0
    while i < len(left) or j < len(right):
        first = min([h.low for h in left[i : i + 1]] + [h.low for h in right[j : j + 1]])
        group: tuple[list[_Hunk], list[_Hunk]] = ([], [])
        high = first
        grown = True
        while grown:
            grown = False
            while i < len(left) and left[i].low <= high:
                high = max(high, left[i].high)
                group[0].append(left[i])
                i += 1
                grown = True
            while j < len(right) and right[j].low <= high:
                high = max(high, right[j].high)
                group[1].append(right[j])
                j += 1
                grown = True
        start = min(h.start for h in group[0] + group[1])
        end = max(h.end for h in group[0] + group[1])
        result += base[position:start]
        mine, other = _apply(base, group[0], start, end), _apply(base, group[1], start, end)
        if group[0] and group[1] and mine != other:
            return None
        result += mine if group[0] else other
        position = end
    return result + list(base[position:])


def merge_texts(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """The merge of two texts, or None if they conflict (or any is binary)."""
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if is_binary(base) or is_binary(ours) or is_binary(theirs):
        return None
    sides = [_split(text) for text in (base, ours, theirs)]
    forward = _merge(*sides)
    if forward is None:
        return None
    backward = _merge(*(side[::-1] for side in sides))
    if backward is None or backward[::-1] != forward:
        return None
    return b"".join(forward)


def _split(text: bytes) -> list[bytes]:
    """Lines end at a line feed only; a lone carriage return is content."""
    lines = text.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
