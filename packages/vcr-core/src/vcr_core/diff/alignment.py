"""Line up two sequences of hashable keys: a long common subsequence in bounded time.

Patience on the keys that are unique on both sides, again inside each gap, then Myers' greedy algorithm (E. W. Myers,
"An O(ND) Difference Algorithm and Its Variations", 1986) up to a fixed number of edits, and beyond it a match of the
n-th occurrence with the n-th occurrence. The work is at most about a constant times n log n whatever the input.

What the keys stand for does not belong here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence

__all__ = ["MAX_EDITS", "MAX_ROUNDS", "align_keys", "increasing_pairs"]

MAX_ROUNDS = 32  # how often a gap may be split again by unique keys
MAX_EDITS = 100  # how many edits Myers' algorithm may look for before it gives up

Pair = tuple[int, int]


def align_keys(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Return index pairs ``(i, j)`` with ``a[i] == b[j]``, both strictly increasing."""
    pairs: list[Pair] = []
    gaps = [(0, len(a), 0, len(b), 0)]
    while gaps:
        i, i_end, j, j_end, rounds = gaps.pop()
        while i < i_end and j < j_end and a[i] == b[j]:
            pairs.append((i, j))
            i += 1
            j += 1
        while i < i_end and j < j_end and a[i_end - 1] == b[j_end - 1]:
            i_end -= 1
            j_end -= 1
            pairs.append((i_end, j_end))
        if i == i_end or j == j_end:
            continue
        anchors = _unique_anchors(a, b, (i, i_end, j, j_end)) if rounds < MAX_ROUNDS else []
        if not anchors:
            pairs += _align_repeated(a, b, (i, i_end, j, j_end))
            continue
        pairs += anchors
        for anchor_i, anchor_j in [*anchors, (i_end, j_end)]:
            if i < anchor_i and j < anchor_j:
                gaps.append((i, anchor_i, j, anchor_j, rounds + 1))
            i, j = anchor_i + 1, anchor_j + 1
    pairs.sort()
    return pairs


def increasing_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Return a longest run of pairs whose second numbers increase, given pairs sorted by their first numbers.

    Of several longest ones, the one that patience sorting finds: smallest last number at each length.
    """
    tails: list[int] = []  # tails[n]: the smallest second number that ends a run of n + 1
    owner: list[int] = []  # owner[n]: the position in pairs of that number
    before: list[int] = []  # before[p]: the position of the pair before pairs[p] in its run
    for position, (_, j) in enumerate(pairs):
        rank = bisect_left(tails, j)
        if rank == len(tails):
            tails.append(j)
            owner.append(position)
        else:
            tails[rank] = j
            owner[rank] = position
        before.append(owner[rank - 1] if rank else -1)
    run: list[Pair] = []
    position = owner[-1] if owner else -1
    while position >= 0:
        run.append(pairs[position])
        position = before[position]
    run.reverse()
    return run


def _unique_anchors(a: Sequence[Hashable], b: Sequence[Hashable], gap: tuple[int, int, int, int]) -> list[Pair]:
    i, i_end, j, j_end = gap
    places_a = _unique_places(a, i, i_end)
    places_b = _unique_places(b, j, j_end)
    common = [(place, places_b.get(key, -1)) for key, place in places_a.items() if place >= 0]
    return increasing_pairs([pair for pair in common if pair[1] >= 0])


def _unique_places(keys: Sequence[Hashable], start: int, end: int) -> dict[Hashable, int]:
    """Map each key of the range to its position, or to -1 when it stands there more than once."""
    places: dict[Hashable, int] = {}
    for position in range(start, end):
        key = keys[position]
        places[key] = -1 if key in places else position
    return places


def _align_repeated(a: Sequence[Hashable], b: Sequence[Hashable], gap: tuple[int, int, int, int]) -> list[Pair]:
    """Align a gap without unique common keys, on the keys that both sides have."""
    i, i_end, j, j_end = gap
    common = set(a[i:i_end]).intersection(b[j:j_end])
    if not common:
        return []
    kept_a = [position for position in range(i, i_end) if a[position] in common]
    kept_b = [position for position in range(j, j_end) if b[position] in common]
    keys_a = [a[position] for position in kept_a]
    keys_b = [b[position] for position in kept_b]
    pairs = _myers(keys_a, keys_b)
    if pairs is None:
        pairs = _match_occurrences(keys_a, keys_b)
    return [(kept_a[x], kept_b[y]) for x, y in pairs]


def _match_occurrences(a: list[Hashable], b: list[Hashable]) -> list[Pair]:
    """Pair the n-th occurrence of each key with its n-th occurrence on the other side; keep an increasing run."""
    waiting: dict[Hashable, list[int]] = {}
    for y in range(len(b) - 1, -1, -1):
        waiting.setdefault(b[y], []).append(y)
    pairs: list[Pair] = []
    for x, key in enumerate(a):
        places = waiting.get(key)
        if places:
            pairs.append((x, places.pop()))
    return increasing_pairs(pairs)


def _myers(a: list[Hashable], b: list[Hashable]) -> list[Pair] | None:
    """Return a longest common subsequence, or None when more than MAX_EDITS edits are needed."""
    n, m = len(a), len(b)
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(MAX_EDITS, n + m) + 1):
        trace.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while y >= 0 and x < n and y < m and a[x] == b[y]:
                x += 1
                y += 1
            furthest[k] = x
            if x >= n and y >= m:
                return _walk_back(trace, n, m)
    return None


def _walk_back(trace: list[dict[int, int]], n: int, m: int) -> list[Pair]:
    pairs: list[Pair] = []
    x, y = n, m
    for edits in range(len(trace) - 1, -1, -1):
        furthest = trace[edits]
        k = x - y
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        came_from = k + 1 if down else k - 1
        from_x = furthest[came_from] if edits else 0
        from_y = from_x - came_from if edits else 0
        while x > from_x and y > from_y:
            x -= 1
            y -= 1
            pairs.append((x, y))
        x, y = from_x, from_y
    pairs.reverse()
    return pairs
