from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcr_core.json_pointer import resolve
from vcr_tui.cells import columns
from vcr_tui.glyphs import ASCII, UNICODE
from vcr_tui.json_tree import JsonTree, Part, pointer
from vcr_tui.pane_content import tree_line
from vcr_tui.row_text import describe

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)


def labels(tree):
    return [row.label for row in tree.rows]


def test_the_first_levels_are_open_and_the_others_are_not():
    tree = JsonTree({"messages": [{"role": "user"}], "n": 1})
    assert labels(tree) == [None, "messages", 0, "n"]
    assert [row.open for row in tree.rows] == [True, True, False, False]


def test_opening_and_closing_changes_only_what_is_below():
    tree = JsonTree({"a": {"b": {"c": 1}}, "z": 2})
    tree.toggle(labels(tree).index("b"))
    assert labels(tree) == [None, "a", "b", "c", "z"]
    tree.toggle(1)
    assert labels(tree) == [None, "a", "z"]
    tree.toggle(1)
    assert labels(tree) == [None, "a", "b", "c", "z"]


def test_what_was_opened_stays_open_in_the_next_state():
    folds = {}
    first = JsonTree({"a": {"b": {"c": 1}}}, folds=folds)
    first.toggle(labels(first).index("b"))
    assert "c" in labels(JsonTree({"a": {"b": {"c": 2}}}, folds=folds))


def test_a_long_list_opens_in_ranges_with_the_newest_open():
    tree = JsonTree({"log": list(range(4_000))})
    tree.toggle(1)
    ranges = [row for row in tree.rows if row.kind == "range"]
    assert len(ranges) == 40
    assert [row.open for row in ranges] == [False] * 39 + [True]
    assert tree.rows[-1].label == 3_999
    assert pointer(tree.rows[-1].path) == "/log/3999"


def test_a_list_of_a_million_makes_few_rows():
    tree = JsonTree([0] * 1_000_000)
    assert len(tree) < 12_000


def test_a_long_text_opens_as_lines_of_the_width():
    tree = JsonTree({"text": "x" * 450 + "\nend"}, text_width=200)
    assert not tree.rows[1].open
    tree.toggle(1)
    assert [len(row.value) for row in tree.rows if row.kind == "line"] == [200, 200, 50, 3]


def test_json_inside_a_text_opens_as_a_tree():
    tree = JsonTree({"body": json.dumps({"deep": {"x": [1]}})})
    assert tree.rows[1].kind == "json"
    tree.toggle(1)
    assert labels(tree)[2] == "deep"


def test_a_text_that_only_looks_like_json_opens_as_text():
    tree = JsonTree({"body": "{not json}"})
    tree.toggle(1)
    assert tree.rows[2].kind == "line"


def test_a_large_leaf_in_a_file_of_its_own_opens_with_its_text():
    blob = {"$vcr": "blob", "kind": "str", "hash": "ab" * 20, "size": 9}
    tree = JsonTree({"prompt": blob}, read_blob=lambda wire: "line one\nline two")
    assert "9 bytes" in describe(tree.rows[1])
    tree.toggle(1)
    assert [row.value for row in tree.rows[2:]] == ["line one", "line two"]


def test_a_missing_large_leaf_says_so():
    tree = JsonTree(
        {"prompt": {"$vcr": "blob", "kind": "str", "hash": "ab" * 20, "size": 9}}, read_blob=lambda wire: None
    )
    tree.toggle(1)
    assert "missing" in tree.rows[2].value


def test_typed_values_show_their_type():
    tree = JsonTree({"at": {"$vcr": "datetime", "v": "2026-01-31T10:00:00"}, "pair": {"$vcr": "tuple", "v": [1, 2]}})
    shown = {row.label: describe(row) for row in tree.rows}
    assert shown["at"] == 'datetime "2026-01-31T10:00:00"'
    assert shown["pair"] == "tuple [2 items]"


@pytest.mark.parametrize("needle", ["needle", "key-needle"])
def test_finding_reveals_the_place(needle):
    state = {"a": [{"b": "hay"}] * 300 + [{"b": "a needle", "key-needle": 1}], "z": 1}
    tree = JsonTree(state)
    path = tree.find(lambda text: needle in text)
    at = tree.reveal(path)
    row = tree.rows[at]
    assert needle in str(row.value) or needle in str(row.label)


@given(VALUES)
def test_every_row_points_at_its_value(value):
    tree = JsonTree(value)
    while True:
        closed = [at for at, row in enumerate(tree.rows) if row.opens and not row.open]
        if not closed:
            break
        tree.toggle(closed[0])
    for row in tree.rows:
        inside_text = any(isinstance(step, Part) and step.name != "range" for step in row.path)
        if not inside_text and row.kind != "range" and "$vcr" not in str(value):
            assert resolve(value, pointer(row.path)) is row.value or resolve(value, pointer(row.path)) == row.value


@given(VALUES, st.integers(12, 120), st.sampled_from([UNICODE, ASCII]))
def test_no_row_is_wider_than_asked_or_steers_the_terminal(value, width, glyphs):
    tree = JsonTree(value)
    for row in tree.rows:
        text = "".join(text for _, text in tree_line(row, width, glyphs))
        assert columns(text) <= width
        assert "\x1b" not in text
        assert "\n" not in text
