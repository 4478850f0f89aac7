from __future__ import annotations

import copy
import pickle

import pytest

from vcr_core.json_patch import JsonPatchError, PatchFormatError, PatchTargetError, PatchTestError, apply
from vcr_core.json_pointer import (
    PointerLookupError,
    PointerSyntaxError,
    build,
    escape_token,
    parse,
    resolve,
    unescape_token,
    value_at,
)

RFC_6901 = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_6901),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_rfc_6901_resolve(pointer, value):
    assert resolve(RFC_6901, pointer) == value
    assert build(parse(pointer)) == pointer


@pytest.mark.parametrize("pointer", ["a", "a/b", " /a", "/~", "/~2", "/a~", "#/a"])
def test_text_that_is_no_pointer_is_refused(pointer):
    with pytest.raises(PointerSyntaxError) as caught:
        parse(pointer)
    assert caught.value.pointer == pointer
    with pytest.raises(PointerSyntaxError):
        value_at({}, pointer)


@pytest.mark.parametrize("pointer", ["/x", "/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/-1", "/foo/\u0661", "/ /x"])
def test_a_pointer_that_leads_nowhere_says_where_it_stopped(pointer):
    with pytest.raises(PointerLookupError, match="at depth"):
        resolve(RFC_6901, pointer)
    assert value_at(RFC_6901, pointer, "default") == "default"


def test_escaping_is_undone_in_the_right_order():
    for token in ["~1", "~01", "/~0", "~~//", ""]:
        assert unescape_token(escape_token(token)) == token


def test_pointer_and_patch_errors_survive_pickling():
    with pytest.raises(PatchTargetError) as caught:
        apply({}, [{"op": "remove", "path": "/a"}])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.position, again.operation, again.pointer, str(again)) == (0, "remove", "/a", str(caught.value))


APPLIES = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
    ({"a": 1}, [{"op": "add", "path": "/a", "value": None}], {"a": None}),
    ({"a": 1}, [{"op": "add", "path": "", "value": [1]}], [1]),
    ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
    ([1, 2, 3], [{"op": "remove", "path": "/1"}], [1, 3]),
    ({"a": [1]}, [{"op": "replace", "path": "/a/0", "value": {"b": 1}}], {"a": [{"b": 1}]}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": 0}], 0),
    ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
    ([1, 2, 3, 4], [{"op": "move", "from": "/1", "path": "/3"}], [1, 3, 4, 2]),
    ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
    ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/a"}], {"a": 1}),
    ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
    ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/a/-"}], {"a": [1, [1]]}),
    ({"a": {"x": [1, 2.0, None]}}, [{"op": "test", "path": "/a", "value": {"x": [1.0, 2, None]}}], None),
    ({"a": 1}, [{"op": "test", "path": "", "value": {"a": 1}}], None),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], None),
    ({"a": 1}, [{"op": "add", "path": "/b", "value": 2, "comment": "ignored"}], {"a": 1, "b": 2}),
    ({"a": 1}, [], {"a": 1}),
]


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize(("document", "patch", "expected"), APPLIES)
def test_operations_do_what_rfc_6902_says(document, patch, expected, in_place):
    before = copy.deepcopy(document)
    target = copy.deepcopy(document)
    result = apply(target, patch, in_place=in_place)
    assert result == (before if expected is None else expected)
    if not in_place:
        assert target == before


FAILS = [
    ({}, {"op": "remove", "path": "/a"}, PatchTargetError, "/a"),
    ({}, {"op": "remove", "path": ""}, PatchTargetError, ""),
    ({}, {"op": "replace", "path": "/a", "value": 1}, PatchTargetError, "/a"),
    ({}, {"op": "add", "path": "/a/b", "value": 1}, PatchTargetError, "/a/b"),
    ([], {"op": "add", "path": "/1", "value": 1}, PatchTargetError, "/1"),
    ([1], {"op": "add", "path": "/01", "value": 1}, PatchTargetError, "/01"),
    ([1], {"op": "add", "path": "/x", "value": 1}, PatchTargetError, "/x"),
    ([1], {"op": "replace", "path": "/1", "value": 1}, PatchTargetError, "/1"),
    ([1], {"op": "remove", "path": "/-"}, PatchTargetError, "/-"),
    ([1], {"op": "remove", "path": "/-1"}, PatchTargetError, "/-1"),
    ("text", {"op": "add", "path": "/0", "value": 1}, PatchTargetError, "/0"),
    ({"a": "x"}, {"op": "add", "path": "/a/0", "value": 1}, PatchTargetError, "/a/0"),
    ({}, {"op": "move", "from": "/a", "path": "/b"}, PatchTargetError, "/a"),
    ({}, {"op": "move", "from": "/a", "path": "/a"}, PatchTargetError, "/a"),
    ({}, {"op": "copy", "from": "/a", "path": "/b"}, PatchTargetError, "/a"),
    ({"a": {}}, {"op": "move", "from": "/a", "path": "/a/b"}, PatchFormatError, "/a/b"),
    ({"a": 1}, {"op": "test", "path": "/a", "value": True}, PatchTestError, "/a"),
    ({"a": "1"}, {"op": "test", "path": "/a", "value": 1}, PatchTestError, "/a"),
    ({"a": [1]}, {"op": "test", "path": "/a", "value": [1, 2]}, PatchTestError, "/a"),
    ({"a": {"b": 1}}, {"op": "test", "path": "/a", "value": {"c": 1}}, PatchTestError, "/a"),
    ({}, {"op": "test", "path": "/a", "value": None}, PatchTargetError, "/a"),
    ({}, {"op": "add", "path": "/a"}, PatchFormatError, "/a"),
    ({}, {"op": "add", "value": 1}, PatchFormatError, ""),
    ({}, {"op": "add", "path": 3, "value": 1}, PatchFormatError, ""),
    ({}, {"op": "add", "path": "a", "value": 1}, PatchFormatError, "a"),
    ({}, {"op": "add", "path": "/~x", "value": 1}, PatchFormatError, "/~x"),
    ({}, {"op": "move", "path": "/a"}, PatchFormatError, ""),
    ({}, {"op": "spam", "path": "/a"}, PatchFormatError, ""),
    ({}, {"path": "/a"}, PatchFormatError, ""),
    ({}, ["add"], PatchFormatError, ""),
]


@pytest.mark.parametrize(("document", "operation", "error", "pointer"), FAILS)
def test_faults_are_typed_and_name_the_operation(document, operation, error, pointer):
    first = {"op": "test", "path": "", "value": copy.deepcopy(document)}
    before = copy.deepcopy(document)
    with pytest.raises(JsonPatchError) as caught:
        apply(document, [first, operation])
    assert type(caught.value) is error
    assert (caught.value.position, caught.value.pointer) == (1, pointer)
    assert caught.value.reason in str(caught.value)
    assert document == before


def test_a_failing_patch_leaves_the_document_alone():
    document = {"a": [1, {"b": 2}], "c": 3}
    before = copy.deepcopy(document)
    patch = [
        {"op": "add", "path": "/a/1/x", "value": 1},
        {"op": "remove", "path": "/c"},
        {"op": "remove", "path": "/nowhere"},
    ]
    with pytest.raises(PatchTargetError):
        apply(document, patch)
    assert document == before


def test_untouched_parts_are_shared_and_touched_ones_are_not():
    document = {"big": [1, 2], "small": {"x": [1]}}
    result = apply(document, [{"op": "add", "path": "/small/x/-", "value": 2}])
    assert result["big"] is document["big"]
    assert document == {"big": [1, 2], "small": {"x": [1]}}


@pytest.mark.parametrize("in_place", [False, True])
def test_operations_keep_their_values_when_later_ones_change_what_was_added(in_place):
    value = {"list": [1]}
    patch = [
        {"op": "add", "path": "/a", "value": value},
        {"op": "copy", "from": "/a", "path": "/b"},
        {"op": "add", "path": "/a/list/-", "value": 2},
        {"op": "add", "path": "/b/list/-", "value": 3},
    ]
    assert apply({}, patch, in_place=in_place) == {"a": {"list": [1, 2]}, "b": {"list": [1, 3]}}
    assert value == {"list": [1]}


def test_in_place_changes_the_document_itself():
    document = {"a": [1]}
    assert apply(document, [{"op": "add", "path": "/a/-", "value": 2}], in_place=True) is document
    assert document == {"a": [1, 2]}
