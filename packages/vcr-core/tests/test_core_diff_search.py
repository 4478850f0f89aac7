"""Searches over generated values, and the bounds on work."""

from __future__ import annotations

import copy
import json
import os
import random
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcr_core.diff import diff, diff_as_patch, exact_equal, first_difference, string_hunks, summarize
from vcr_core.diff.alignment import align_keys
from vcr_core.json_patch import apply
from vcr_core.json_pointer import resolve

EXAMPLES = 2000 if os.environ.get("VCR_FULL") else 250

keys = st.sampled_from(["", "a", "b", "id", "role", "name", "/", "~", "~1", "0", "é"]) | st.text(max_size=3)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "b"])
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(keys, inner, max_size=4), max_leaves=25
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "tool"]), "content": st.sampled_from(["x", "y", "z", None]) | st.text()},
        optional={"id": st.integers(0, 5)},
    ),
    max_size=12,
)


@st.composite
def edited(draw):
    """A value and an edited copy of it: what a step of a run does to a state."""
    before = draw(messages | st.lists(values, max_size=10) | st.dictionaries(keys, messages | values, max_size=3))
    after = copy.deepcopy(before)
    spots = [after] if isinstance(after, list) else [item for item in after.values() if isinstance(item, list)]
    for spot in spots:
        for _ in range(draw(st.integers(0, 4))):
            at = draw(st.integers(0, len(spot)))
            what = draw(st.sampled_from(["insert", "pop", "move", "change", "twice"]))
            if what == "insert" or at == len(spot):
                spot.insert(at, draw(values))
            elif what == "pop":
                spot.pop(at)
            elif what == "move":
                spot.append(spot.pop(at))
            elif what == "twice":
                spot.append(copy.deepcopy(spot[at]))
            elif isinstance(spot[at], dict):
                spot[at][draw(keys)] = draw(values)
            else:
                spot[at] = draw(values)
    return before, after


pairs = edited() | st.tuples(values, values) | st.tuples(messages, messages)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs)
def test_a_patch_leads_exactly_from_one_value_to_the_other(pair):
    old, new = pair
    before = copy.deepcopy(old)
    patch = diff_as_patch(old, new)
    assert exact_equal(apply(old, patch), new)
    assert exact_equal(old, before)
    assert exact_equal(apply(copy.deepcopy(old), patch, in_place=True), new)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs)
def test_operations_tell_the_truth_about_both_values(pair):
    old, new = pair
    ops = diff(old, new)
    same = exact_equal(old, new)
    assert (ops == []) is same
    assert (first_difference(old, new) is None) is same
    for op in ops:
        if op.op != "remove":
            assert exact_equal(resolve(new, op.path), op.new)
        if op.op != "add":
            assert exact_equal(resolve(old, op.old_path), op.old)
        if op.op in ("replace", "move"):
            assert exact_equal(op.old, op.new) is (op.op == "move")
    counted = summarize(ops)
    moves = sum(op.op == "move" for op in ops)
    assert sum(map(len, counted.values())) == len(ops) + moves


@settings(max_examples=EXAMPLES, deadline=None)
@given(pairs)
def test_the_first_difference_is_one(pair):
    found = first_difference(*pair)
    if found is not None:
        pointer, old, new = found
        for document, value in zip(pair, (old, new), strict=True):
            if value.__class__.__name__ != "_Missing":
                assert exact_equal(resolve(document, pointer), value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=40), st.lists(st.integers(0, 6), max_size=40))
def test_an_alignment_is_a_common_subsequence_that_loses_no_lone_match(a, b):
    pairs = align_keys(a, b)
    assert all(a[i] == b[j] for i, j in pairs)
    assert all(p[0] < q[0] and p[1] < q[1] for p, q in pairwise(pairs))
    assert bool(pairs) is bool(set(a) & set(b))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text("ab \n.é", max_size=60), st.text("ab \n.é", max_size=60), st.sampled_from(["words", "lines"]))
def test_hunks_make_both_texts(old, new, by):
    hunks = string_hunks(old, new, by=by)
    assert "".join(hunk.text for hunk in hunks if hunk.kind != "add") == old
    assert "".join(hunk.text for hunk in hunks if hunk.kind != "remove") == new
    assert all(hunk.text for hunk in hunks)
    kinds = [hunk.kind for hunk in hunks]
    assert all(one != two and (one, two) != ("add", "remove") for one, two in pairwise(kinds))


def history(count, size=240):
    filler = "lorem ipsum dolor " * (size // 18)
    return [{"role": ("assistant", "user")[at % 2], "content": f"message {at} {filler}"} for at in range(count)]


def insert_change_pop(old):
    new = json.loads(json.dumps(old))
    new.insert(len(old) // 4, {"role": "user", "content": "one more"})
    new[len(old) // 2]["content"] += " and so on"
    new.pop(len(old) * 3 // 4)
    return new


@pytest.mark.parametrize(("count", "size"), [(4000, 240), (40, 26_214), (20_000, 20)])
def test_insert_change_and_pop_are_three_operations_at_any_size(count, size):
    old = history(count, size)
    new = insert_change_pop(old)
    ops = diff({"messages": old}, {"messages": new})
    assert [op.op for op in ops] == ["add", "replace", "remove"]
    assert len(diff_as_patch(old, new)) == 3


def nest(depth, leaf, *, lists):
    for at in range(depth):
        leaf = [leaf] if lists or at % 2 else {"k": leaf, "other": at}
    return leaf


@pytest.mark.parametrize("lists", [True, False])
def test_deep_nesting_needs_no_recursion(lists):
    old, new = nest(3000, 1, lists=lists), nest(3000, 2, lists=lists)
    (op,) = diff(old, new)
    assert (op.old, op.new, op.path.count("/")) == (([1], [2], 2999) if lists else (1, 2, 3000))
    found = first_difference(old, new)
    assert found is not None
    assert found == (op.path + "/0" * lists, 1, 2)
    assert exact_equal(apply(old, diff_as_patch(old, new)), new)
    assert exact_equal(old, nest(3000, 1, lists=lists))


shuffled = random.Random(7)
HARD = {
    "all different": lambda n: (list(range(n)), list(range(n, 2 * n))),
    "all different messages": lambda n: (
        history(n, 20),
        [{"role": "user", "content": f"{at} other"} for at in range(n)],
    ),
    "nothing alike": lambda n: ([{"a": at} for at in range(n)], [{"b": at} for at in range(n + 1)]),
    "all equal": lambda n: ([0] * n, [0] * (n - 1)),
    "blocks of equals": lambda n: ([0] * (n // 2) + [1] * (n // 2), [1] * (n // 2) + [0] * (n // 2)),
    "period shifted": lambda n: ([0, 1] * (n // 2), [1, 0] * (n // 2)),
    "few values": lambda n: ([shuffled.randrange(50) for _ in range(n)], [shuffled.randrange(50) for _ in range(n)]),
    "reversed": lambda n: (list(range(n)), list(range(n))[::-1]),
    "new ids": lambda n: ([{"id": at, "v": at} for at in range(n)], [{"id": -at - 1, "v": at} for at in range(n)]),
    "gaps below every limit": lambda n: (
        [0 if at % 16 == 0 else {"a": at} for at in range(n)],
        [0 if at % 16 == 0 else {"b": at, "c": 1} for at in range(n)],
    ),
    "deep": lambda n: (nest(n, 1, lists=False), nest(n, 2, lists=False)),
}


@pytest.mark.parametrize("name", HARD)
def test_work_grows_with_the_size_and_not_with_its_square(name):
    """Sixteen times the size takes far less than 256 times as long: nearer to 16 than to that, by a factor."""
    small, large = 625, 10_000

    def fastest(size):
        best = float("inf")
        old, new = HARD[name](size)
        for _ in range(3):
            begun = time.process_time()
            ops = diff(old, new)
            best = min(best, time.process_time() - begun)
        assert len(ops) <= 2 * size + 1
        return best

    assert fastest(large) <= 64 * fastest(small) + 0.02
