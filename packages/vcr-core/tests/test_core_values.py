"""Values keep their types; what cannot be kept is described, and reading runs nothing."""

from __future__ import annotations

import array
import collections
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import subprocess
import sys
import types
import uuid
import zoneinfo

import msgspec
import numpy as np
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings

from vcr_core.testing import samples
from vcr_core.testing.equality import difference
from vcr_core.testing.scale import scaled
from vcr_core.testing.strategies import values
from vcr_core.values import Allowed, Decoder, Stream, Tagged, register_type, to_wire

ALLOWED = Allowed(samples.ALL)


def round_trip(value, *, allowed=ALLOWED):
    encoded = msgspec.json.encode(to_wire(value))
    return Decoder(allowed).decode(msgspec.json.decode(encoded))


@settings(max_examples=scaled(1000, 100), deadline=None, suppress_health_check=list(HealthCheck))
@given(values())
def test_any_value_comes_back_with_its_types(value):
    before = copy.deepcopy(value)
    found = round_trip(value)
    assert difference(value, found) is None
    assert difference(before, value) is None, "encoding changed the agent's value"


@settings(max_examples=scaled(1000, 50), deadline=None, suppress_health_check=list(HealthCheck))
@given(values())
def test_a_reader_that_allows_nothing_keeps_everything(value):
    wire = msgspec.json.decode(msgspec.json.encode(to_wire(value)))
    again = to_wire(Decoder(Allowed()).decode(wire))
    restored = Decoder(ALLOWED).decode(msgspec.json.decode(msgspec.json.encode(again)))
    assert difference(value, restored) is None


class Answer(pydantic.BaseModel):
    text: str
    score: float = 1.0
    parts: list[tuple[int, str]] = []


class Loose(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    a: int


class Holder(pydantic.BaseModel):
    a: int
    _hidden: str = pydantic.PrivateAttr(default="x")


@pytest.mark.parametrize(
    "value",
    [
        np.int64(7),
        np.float32(1.5),
        np.bool_(True),
        np.datetime64("2026-01-02T03:04"),
        np.arange(12, dtype=np.int16).reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([], dtype=np.float64),
        np.array([[1 + 2j]]),
        np.array(["a", "bcd"]),
        np.array([(1, 2.5)], dtype=[("a", "<i4"), ("b", "<f8")]),
        np.array([1, "two", None], dtype=object),
        np.arange(20_000),
    ],
    ids=repr,
)
def test_numpy_values_come_back(value):
    assert difference(value, round_trip(value)) is None


def test_pydantic_models_come_back_equal_and_unvalidated():
    allowed = Allowed([Answer, Loose, Holder])
    answer = Answer(text="hello", parts=[(1, "a")])
    found = round_trip(answer, allowed=allowed)
    assert found == answer
    assert found.parts == [(1, "a")]
    assert found.model_fields_set == answer.model_fields_set
    loose = Loose(a=1, b={1, 2})
    assert round_trip(loose, allowed=allowed) == loose
    holder = Holder(a=1)
    holder._hidden = "changed"
    assert round_trip(holder, allowed=allowed)._hidden == "changed"


@pytest.mark.parametrize(
    "value",
    [
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        dt.datetime(2026, 7, 1, 12, tzinfo=dt.timezone.utc),
        math.inf,
        -math.inf,
        2**64,
        -(2**63) - 1,
        10**5000,
        "\ud83d lone",
        {"\udfff": 1},
        {"$vcr": "tuple", "v": [1]},
        {1: "int", "1": "str", (1, 2): "tuple", None: 0},
        {True: 1},
        b"\x00" * 100_000,
        "x" * 100_000,
        Stream([1, (2,)], [0.5, 1.5], "closed"),
        decimal.Decimal("1.10"),
        uuid.UUID(int=5),
        KeyError("missing"),
        OSError(2, "No such file", "x.txt"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        [[[]]] * 3,
    ],
    ids=lambda value: type(value).__name__,
)
def test_corners_come_back(value):
    assert difference(value, round_trip(value)) is None


def test_exceptions_keep_notes_cause_and_group():
    error = samples.AgentError("why", 3)
    error.__notes__ = ["first"]
    error.__cause__ = ValueError("below")
    found = round_trip(error)
    assert (found.args, found.code, found.__notes__) == (("why",), 3, ["first"])
    assert repr(found.__cause__) == "ValueError('below')"
    if sys.version_info >= (3, 11):
        group = round_trip(ExceptionGroup("all", [error, TypeError("t")]))  # noqa: F821  # newer than 3.10
        assert [type(one) for one in group.exceptions] == [samples.AgentError, TypeError]


@pytest.mark.parametrize(
    ("value", "becomes"),
    [
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (memoryview(b"abc"), b"abc"),
        (type("Text", (str,), {})("t"), "t"),
        (type("Number", (int,), {})(4), 4),
        (type("Items", (list,), {})([1]), [1]),
        (type("Raw", (bytes,), {"__bytes__": lambda self: b""})(b"\1\2"), b"\1\2"),
        (type("Buffer", (bytearray,), {})(b"\1\2"), bytearray(b"\1\2")),
        (type("Name", (uuid.UUID,), {})(int=5), uuid.UUID(int=5)),
        (type("Price", (decimal.Decimal,), {"__str__": lambda self: "?"})("1.10"), decimal.Decimal("1.10")),
        (type("Day", (dt.date,), {})(2026, 1, 2), dt.date(2026, 1, 2)),
        (type("Hour", (dt.time,), {})(1, 2), dt.time(1, 2)),
        (type("Span", (dt.timedelta,), {})(5), dt.timedelta(5)),
        (type("Point", (complex,), {})(1, 2), complex(1, 2)),
    ],
)
def test_subclasses_of_plain_types_become_those(value, becomes):
    assert difference(becomes, round_trip(value)) is None


class Slotted:
    __slots__ = ("__own", "a", "unset")

    def __init__(self, a):
        self.a = a
        self.__own = [a]

    def __eq__(self, other):
        return difference(to_wire(self), to_wire(other)) is None

    __hash__ = None


class Extended(Slotted):
    def __init__(self, a):
        super().__init__(a)
        self.more = "more"


@dataclasses.dataclass
class Output(collections.OrderedDict):
    score: int = 0

    def __setitem__(self, key, item):
        raise TypeError("set by its fields only")


@dataclasses.dataclass
class Rows(list):
    source: str = ""


@dataclasses.dataclass
class Label(str):
    colour: str = "red"


@pytest.mark.parametrize(("cls", "more"), [(Slotted, {}), (Extended, {"more": "more"})])
def test_values_of_slots_come_back(cls, more):
    found = round_trip(cls(3), allowed=Allowed([cls]))
    assert type(found) is cls
    assert to_wire(found)["v"] == {"_Slotted__own": [3], "a": 3, **more}


def test_a_dataclass_that_is_a_container_keeps_both():
    output, rows = Output(1), Rows("db")
    collections.OrderedDict.__setitem__(output, "text", ["hello"])
    rows.append((1, 2))
    allowed = Allowed([Output, Rows])
    found = round_trip([output, rows], allowed=allowed)
    assert [type(one) for one in found] == [Output, Rows]
    assert (found[0].score, dict(found[0])) == (1, {"text": ["hello"]})
    assert (found[1].source, list(found[1])) == ("db", [(1, 2)])


@pytest.mark.parametrize("value", [Label("text"), type("Samples", (array.array,), {})("d", [1.5])], ids=repr)
def test_what_stands_on_a_type_of_which_no_attribute_tells_is_only_described(value):
    assert to_wire(value)["$vcr"] == "opaque"


class Broken:
    def __repr__(self):
        raise RuntimeError("no repr")


class BrokenFields:
    def __init__(self):
        self.a = 1

    def __eq__(self, other):
        return NotImplemented

    __hash__ = None

    @property
    def __dict__(self):
        raise BadText

    def __repr__(self):
        raise BadText


class BadText(Exception):
    def __str__(self):
        raise ValueError("no str")

    __repr__ = __str__


class Strict(enum.Enum):
    A = object()


@pytest.mark.parametrize(
    "value",
    [
        lambda: 0,
        open,
        Broken(),
        BrokenFields(),
        BadText(),
        object(),
        type,
        Strict.A,
        iter([]),
        sys,
        NotImplemented,
        ...,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_taken_apart_is_described(value):
    encoded = msgspec.json.encode(to_wire({"before": 1, "it": value, "after": [2]}))
    found = Decoder(ALLOWED).decode(msgspec.json.decode(encoded))
    assert (found["before"], found["after"]) == (1, [2])


def test_cycles_and_depth_are_described_where_they_begin():
    loop: dict = {"a": [1]}
    loop["a"].append(loop)
    found = round_trip(loop)
    assert found["a"][0] == 1
    assert found["a"][1].kind == "cycle"
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    found = round_trip({"deep": deep, "flat": 1})
    assert found["flat"] == 1


HOSTILE_NAMES = ["subprocess:Popen", "os:system", "builtins:eval", "builtins:print", "pathlib:Path", "vcr_hostile:Boom"]
HOSTILE_KINDS = ["namedtuple", "struct", "dataclass", "object", "pydantic", "exception", "enum", "npscalar", "ndarray"]


def hostile(kind, name):
    fields = {"args": ["touch", "PWNED"], "shell": True}
    wire = {"$vcr": kind, "type": name, "v": fields, "args": ["touch PWNED"], "name": "x", "message": "m"}
    return {**wire, "dtype": name, "shape": [1]}


@pytest.mark.parametrize("kind", HOSTILE_KINDS)
@pytest.mark.parametrize("name", HOSTILE_NAMES)
@pytest.mark.parametrize("allow", [(), ("subprocess:*", "os:*", "builtins:*", "pathlib.*")], ids=["nothing", "modules"])
def test_a_hostile_value_stays_data(kind, name, allow, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "Popen", _forbidden)
    loaded = set(sys.modules)
    found = Decoder(Allowed(allow)).decode({"x": hostile(kind, name)})
    assert isinstance(found["x"], Tagged)
    assert not list(tmp_path.iterdir())
    assert "vcr_hostile" not in sys.modules
    assert {name.partition(".")[0] for name in set(sys.modules) - loaded} <= {"zoneinfo"}


class _forbidden:  # stands in for a class, as Popen is one  # noqa: N801
    def __init__(self, *args, **kwargs):
        raise AssertionError("a file ran something")


def test_malformed_tags_stay_data():
    for wire in (
        {"$vcr": None},
        {"$vcr": ["tuple"]},
        {"$vcr": "tuple"},
        {"$vcr": "tuple", "v": 5},
        {"$vcr": "datetime", "v": "yesterday"},
        {"$vcr": "bytes", "v": "***"},
        {"$vcr": "blob", "kind": "str", "hash": "../../etc/passwd", "size": 3},
        {"$vcr": "dict", "v": [[[1], 2]]},
        {"$vcr": "set", "v": [{}]},
        {"$vcr": "from the future", "v": 1},
    ):
        found = Decoder(ALLOWED).decode([wire])
        assert to_wire(found) == [wire], f"{json.dumps(wire)} was not kept"


def test_registered_and_named_classes_are_restored():
    cls = types.new_class("Late", (msgspec.Struct,), {}, lambda body: body.update(__annotations__={"a": int}))
    assert isinstance(round_trip(cls(1), allowed=Allowed()), Tagged)
    register_type(cls)
    assert type(round_trip(cls(1), allowed=Allowed())) is cls
    by_name = Allowed(["vcr_core.testing.samples:*"])
    assert type(round_trip(samples.Plan("g"), allowed=by_name)) is samples.Plan
    assert type(round_trip(samples.Plan("g"), allowed=Allowed(["vcr_core.*"]))) is samples.Plan
    assert isinstance(round_trip(samples.Plan("g"), allowed=Allowed(["vcr_core.testing.samples:Pair"])), Tagged)


def test_paths_of_the_other_system_stay_pure():
    found = round_trip(pathlib.PureWindowsPath(r"C:\x"))
    assert type(found) is pathlib.PureWindowsPath
