from __future__ import annotations

import json
import math
import pickle
from decimal import Decimal
from pathlib import Path

import pytest

import vcr_core.diff
from vcr_core.diff import MISSING, Op, diff, diff_as_patch, exact_equal, first_difference, string_hunks, summarize
from vcr_core.diff_render import BLUE, ORANGE, preview, render
from vcr_core.json_patch import apply

FIXTURES = json.loads(
    (Path(vcr_core.diff.__file__).parents[1] / "testing" / "diff_fixtures.json").read_text(encoding="utf-8")
)


def named(cases):
    return [pytest.param(case, id=case["name"]) for case in cases]


@pytest.mark.parametrize("case", named(FIXTURES["cases"]))
def test_fixture(case):
    ops = diff(case["a"], case["b"])
    assert exact_equal([op.as_dict() for op in ops], case["ops"])
    assert exact_equal(apply(case["a"], diff_as_patch(case["a"], case["b"])), case["b"])


@pytest.mark.parametrize("case", named(FIXTURES["strings"]))
def test_string_fixture(case):
    assert [list(hunk) for hunk in string_hunks(case["a"], case["b"])] == case["hunks"]


def test_fixtures_are_enough_and_named_once():
    names = [case["name"] for case in FIXTURES["cases"]]
    assert len(names) >= 60
    assert len(names) == len(set(names))


ONES = [
    1,
    True,
    1.0,
    "1",
    None,
    (1,),
    [1],
    {"1": 1},
    b"1",
    Decimal(1),
    0,
    0.0,
    -0.0,
    False,
    math.nan,
    "",
    (True,),
    {1: 1},
]


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"k": v}, lambda v: {"k": [{"d": (v,)}]}])
def test_values_are_the_same_only_with_their_types(wrap):
    for at, x in enumerate(ONES):
        for other, y in enumerate(ONES):
            same = at == other
            assert exact_equal(wrap(x), wrap(y)) is same, (x, y)
            assert (diff(wrap(x), wrap(y)) == []) is same, (x, y)
            assert (first_difference(wrap(x), wrap(y)) is None) is same, (x, y)


def test_nan_is_the_same_as_another_nan():
    assert diff([float("nan"), 1], [float("nan"), 1]) == []
    assert diff({"a": [float("nan")] * 100}, {"a": [float("nan")] * 99}) == [
        Op("remove", "/a/99", pytest.approx(math.nan, nan_ok=True), None, "/a/99")
    ]


def test_dicts_with_other_keys_than_strings_are_leaves():
    assert [op.path for op in diff({"a": {1: 2}}, {"a": {1: 3}})] == ["/a"]
    assert [op.path for op in diff({"a": {1: 2}}, {"a": {True: 2}})] == ["/a"]
    assert [op.path for op in diff({"a": {1: [2]}}, {"a": {1.0: [2]}})] == ["/a"]
    assert diff({"a": {1: 2, "x": [3]}}, {"a": {"x": [3], 1: 2}}) == []


class Fussy:
    """A value that can be neither hashed nor compared."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError


def test_foreign_values_are_leaves_and_may_misbehave():
    one, other = Fussy(), Fussy()
    assert diff([one], [one]) == []
    assert [op.op for op in diff([one, 1], [1, other])] == ["remove", "add"]
    assert [op.op for op in diff({"s": {1, 2}}, {"s": {1, 2, 3}})] == ["replace"]
    assert diff([bytearray(b"a"), {1}], [bytearray(b"a"), {1}]) == []


def test_a_shifted_replacement_knows_both_places():
    (added, changed) = diff([{"id": 1, "v": 1}], [{"id": 0, "v": 0}, {"id": 1, "v": 2}])
    assert (added.op, added.path, added.old_path) == ("add", "/0", None)
    assert (changed.op, changed.path, changed.old_path) == ("replace", "/1/v", "/0/v")


def test_summary_sorts_operations_by_what_became_of_the_value():
    ops = diff({"a": 1, "b": 2, "l": [1, 2, 3]}, {"a": 5, "c": 3, "l": [3, 1, 2]})
    assert summarize(ops) == {
        "added": {"/c": 3, "/l/0": 3},
        "removed": {"/b": 2, "/l/2": 3},
        "modified": {"/a": {"old": 1, "new": 5}},
    }


def test_first_difference_names_the_place_and_both_values():
    assert first_difference({"a": [1, {"b/c": 2}]}, {"a": [1, {"b/c": 3}], "z": 1}) == ("/a/1/b~1c", 2, 3)
    assert first_difference([1], [1, 2]) == ("/1", MISSING, 2)
    assert first_difference([1, 2], [1]) == ("/1", 2, MISSING)
    assert first_difference({"a": 1}, {}) == ("/a", 1, MISSING)
    assert first_difference({}, {"a": None}) == ("/a", MISSING, None)
    assert first_difference(1, True) == ("", 1, True)
    assert first_difference({"x": [1, 2], "y": 1}, {"x": [2, 1], "y": 2}) == ("/x/0", 1, 2)
    assert pickle.loads(pickle.dumps(MISSING)) is MISSING


def test_string_hunks_by_line_leave_lines_whole():
    assert [list(hunk) for hunk in string_hunks("a b\nc\n", "a x\nc\n", by="lines")] == [
        ["remove", "a b\n"],
        ["add", "a x\n"],
        ["equal", "c\n"],
    ]


STATES = (
    {
        "gone": 1,
        "text": "one\ntwo\nthree\nfour\nfive\n",
        "n": 1,
        "list": [1, 2, 3],
        "long": "x" * 300 + "a" + "y" * 300,
    },
    {
        "text": "one\ntwo\n3\nfour\nfive\n",
        "n": 2,
        "list": [3, 1, 2],
        "new": {"k": [None]},
        "long": "x" * 300 + "b" + "y" * 300,
    },
)


def test_every_drawn_line_carries_a_mark_and_fits():
    for width in (20, 40, 100):
        lines = render(diff(*STATES), width=width).splitlines()
        assert {line[:2] for line in lines} == {"+ ", "- ", "~ ", "> "}
        assert max(map(len, lines)) <= width
    assert "\x1b" not in render(diff(*STATES))
    assert render([]) == ""


def test_colour_adds_blue_and_orange_and_nothing_else():
    plain = render(diff(*STATES), width=80)
    coloured = render(diff(*STATES), color=True, width=80)
    for line in coloured.splitlines():
        assert line.startswith({"+": BLUE, "-": ORANGE}.get(line.lstrip("\x1b[0123456789;m")[:1], line[:1]))
    for code in (BLUE, ORANGE, "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_a_change_deep_in_a_long_string_is_in_sight():
    drawn = render(diff({"a": "x" * 5000 + "OLD"}, {"a": "x" * 5000 + "NEW"}), width=60)
    assert "OLD" in drawn
    assert "NEW" in drawn


def test_data_cannot_steer_the_terminal():
    nasty = "\x1b]0;title\x07\x9b31m\u202e\u2028\ud800"
    ops = diff({nasty: nasty, "m": f"a\n{nasty}\n"}, {nasty: [nasty, {nasty: nasty}], "m": f"b\n{nasty}\n"})
    drawn = render(ops)
    assert not set(nasty) & set(drawn) - set("0;title]31m")
    drawn.encode("utf-8")


def test_previews_are_bounded_and_wide_characters_count_twice():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert len(preview(deep)) < 50
    assert len(preview({"a": "x" * 10**6, "b": list(range(10**6))}, limit=80)) <= 80
    assert preview({"a": [1, True, None, "ž"]}) == '{"a": [1, true, null, "ž"]}'
    assert render(diff({}, {"k": "漢" * 50}), width=20) == '+ /k  "漢漢漢漢漢漢…\n'
