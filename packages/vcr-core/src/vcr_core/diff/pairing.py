"""Line up two lists of values: what stayed, what moved, what changed in place, what came and what went.

The steps are worked out in the order that :mod:`vcr_core.diff` documents. Descending into changed pairs and
reporting do not belong here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Literal, NamedTuple

from vcr_core.diff.alignment import align_keys
from vcr_core.diff.content import ContentIndex, plain_equal
from vcr_core.diff.similarity import ALIKE, likeness
from vcr_core.json_pointer import kind_of

__all__ = ["ListAligner", "Step"]

TRIM_BUDGET = 64  # nodes of an element that are compared before it is given a token instead
MAX_CELLS = 256  # pairs of one gap that are all scored
TOTAL_CELLS = 20_000  # pairs that one whole diff scores before gaps are paired by position


class Step(NamedTuple):
    """One step from an old list to a new one; ``i`` and ``j`` are the old and the new position, -1 for none."""

    kind: Literal["remove", "add", "move", "change", "replace"]
    i: int
    j: int


class ListAligner:
    """Aligns the lists of one diff, sharing tokens and the scoring budget between them."""

    __slots__ = ("_cells_left", "_index")

    def __init__(self, index: ContentIndex) -> None:
        self._index = index
        self._cells_left = TOTAL_CELLS

    def steps(self, old: list[Any], new: list[Any]) -> list[Step]:
        """Return the steps from ``old`` to ``new`` in display order; elements that stayed have none.

        ``change`` and ``replace`` pairs, together with the elements that stayed, increase in both positions.
        """
        start, end_old, end_new = self._trim(old, new)
        if start == end_old and start == end_new:
            return []
        token = self._index.token
        keys_old = [token(value) for value in old[start:end_old]]
        keys_new = [token(value) for value in new[start:end_new]]
        anchors = align_keys(keys_old, keys_new)
        moved = _moves(keys_old, keys_new, anchors)
        sources = set(moved.values())
        steps: list[Step] = []
        i = j = 0
        for anchor_i, anchor_j in [*anchors, (len(keys_old), len(keys_new))]:
            left = [start + at for at in range(i, anchor_i) if at not in sources]
            right = [start + at for at in range(j, anchor_j) if at not in moved]
            moves = [Step("move", start + moved[at], start + at) for at in range(j, anchor_j) if at in moved]
            steps += _merge(self._pair_gap(old, new, left, right), moves)
            i, j = anchor_i + 1, anchor_j + 1
        return steps

    def _trim(self, old: list[Any], new: list[Any]) -> tuple[int, int, int]:
        """Return the start and the two ends that remain without the common head and tail."""
        shorter = min(len(old), len(new))
        start = 0
        while start < shorter and self.same(old[start], new[start]):
            start += 1
        end_old, end_new = len(old), len(new)
        while end_old > start and end_new > start and self.same(old[end_old - 1], new[end_new - 1]):
            end_old -= 1
            end_new -= 1
        return start, end_old, end_new

    def same(self, x: Any, y: Any) -> bool:
        """Whether two values are the same in content and type."""
        answer = plain_equal(x, y, budget=TRIM_BUDGET)
        return self._index.token(x) == self._index.token(y) if answer is None else answer

    def _pair_gap(self, old: list[Any], new: list[Any], left: list[int], right: list[int]) -> list[Step]:
        """Pair what is left between two anchors: same id, same but for the id, alike, in the same place."""
        if not left or not right:
            return [*(Step("remove", i, -1) for i in left), *(Step("add", -1, j) for j in right)]
        steps: list[Step] = []
        for outer_left, outer_right, same_id in self._split(old, new, left, right, by_id=True):
            for inner_left, inner_right, same_rest in self._split(old, new, outer_left, outer_right, by_id=False):
                steps += self._pair_alike(old, new, inner_left, inner_right)
                steps += [Step("change", *pair) for pair in same_rest]
            steps += [Step("change", *pair) for pair in same_id]
        return steps

    def _split(
        self, old: list[Any], new: list[Any], left: list[int], right: list[int], *, by_id: bool
    ) -> Iterator[tuple[list[int], list[int], list[tuple[int, int]]]]:
        """Yield the stretches of a gap, each with the pair that ends it (the last has none)."""
        key = self._id_key if by_id else self._rest_key
        pairs: list[tuple[int, int]] = []
        if len(left) > 1 or len(right) > 1:
            pairs = align_keys(
                [key(old[i], ("left", at)) for at, i in enumerate(left)],
                [key(new[j], ("right", at)) for at, j in enumerate(right)],
            )
        x = y = 0
        for pair_x, pair_y in pairs:
            yield left[x:pair_x], right[y:pair_y], [(left[pair_x], right[pair_y])]
            x, y = pair_x + 1, pair_y + 1
        yield left[x:], right[y:], []

    def _id_key(self, value: Any, alone: Hashable) -> Hashable:
        """The key of an element's own ``id``; ``alone``, which meets no other, for one without."""
        if kind_of(value) is dict and kind_of(value.get("id")) in (str, int):
            return ("id", self._index.token(value["id"]))
        return alone

    def _rest_key(self, value: Any, alone: Hashable) -> Hashable:
        """The key of an element's content without its ``id``."""
        if kind_of(value) is dict and len(value) > 1 and "id" in value:
            token = self._index.token
            return ("rest", frozenset([(name, token(item)) for name, item in value.items() if name != "id"]))
        return alone

    def _pair_alike(self, old: list[Any], new: list[Any], left: list[int], right: list[int]) -> list[Step]:
        rows, columns = len(left), len(right)
        if rows * columns <= min(MAX_CELLS, self._cells_left):
            self._cells_left -= rows * columns
            scores = [[likeness(self._index, old[i], new[j]) for j in right] for i in left]
            pairs = _best_pairs(scores, rows, columns)
        else:
            both = range(min(rows, columns))
            pairs = [(at, at) for at in both if likeness(self._index, old[left[at]], new[right[at]]) >= ALIKE]
        steps: list[Step] = []
        x = y = 0
        for pair_x, pair_y in pairs:
            steps += _unlike(old, new, left[x:pair_x], right[y:pair_y])
            steps.append(Step("change", left[pair_x], right[pair_y]))
            x, y = pair_x + 1, pair_y + 1
        return steps + _unlike(old, new, left[x:], right[y:])


def _unlike(old: list[Any], new: list[Any], left: list[int], right: list[int]) -> list[Step]:
    """Steps for elements that are not alike: equally many are told one for one, else all go and all come."""
    if len(left) == len(right):
        pairs = zip(left, right, strict=True)
        return [Step("change" if _same_keys(old[i], new[j]) else "replace", i, j) for i, j in pairs]
    return [*(Step("remove", i, -1) for i in left), *(Step("add", -1, j) for j in right)]


def _same_keys(x: Any, y: Any) -> bool:
    return kind_of(x) is dict and kind_of(y) is dict and bool(x.keys() == y.keys())


def _moves(old: list[Hashable], new: list[Hashable], anchors: list[tuple[int, int]]) -> dict[int, int]:
    """Map new positions to old ones for elements that left one place and came, equal, to another."""
    kept_old = {i for i, _ in anchors}
    kept_new = {j for _, j in anchors}
    waiting: dict[Hashable, list[int]] = {}
    for i in range(len(old) - 1, -1, -1):
        if i not in kept_old:
            waiting.setdefault(old[i], []).append(i)
    moved: dict[int, int] = {}
    for j, key in enumerate(new):
        if j not in kept_new and waiting.get(key):
            moved[j] = waiting[key].pop()
    return moved


def _best_pairs(scores: list[list[int]], rows: int, columns: int) -> list[tuple[int, int]]:
    """Return the increasing pairs of alike elements with the highest sum; earlier pairs win a tie."""
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for x in range(rows - 1, -1, -1):
        for y in range(columns - 1, -1, -1):
            paired = scores[x][y] + best[x + 1][y + 1] if scores[x][y] >= ALIKE else 0
            best[x][y] = max(paired, best[x + 1][y], best[x][y + 1])
    pairs: list[tuple[int, int]] = []
    x = y = 0
    while x < rows and y < columns:
        if scores[x][y] >= ALIKE and best[x][y] == scores[x][y] + best[x + 1][y + 1]:
            pairs.append((x, y))
            x += 1
            y += 1
        elif best[x][y] == best[x + 1][y]:
            x += 1
        else:
            y += 1
    return pairs


def _merge(steps: list[Step], moves: list[Step]) -> list[Step]:
    """Put moves among the steps of their gap by new position; a removal stands where it is."""
    merged: list[Step] = []
    waiting = iter(moves)
    move = next(waiting, None)
    for step in steps:
        while move is not None and step.j > move.j:
            merged.append(move)
            move = next(waiting, None)
        merged.append(step)
    if move is not None:
        merged.append(move)
    return merged + list(waiting)
