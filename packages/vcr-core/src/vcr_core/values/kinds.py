"""How each kind of tagged value is written: one small function a kind, found by class."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import traceback
import types
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from vcr_core.runtime_types import fields_of, type_of
from vcr_core.values.allowed import type_name
from vcr_core.values.encode import TAG, WireEncoder, b64, opaque, stable_order
from vcr_core.values.tagged import Stream

Encode = Callable[[WireEncoder, Any], Any]


def encoder_for(cls: Any) -> Encode | None:
    """Return the function that writes instances of the class `cls`, or None if there is none."""
    return _find_encoder(cls)


@functools.lru_cache(maxsize=1024)
def _find_encoder(cls: Any) -> Encode | None:
    exact = _EXACT.get(cls)
    if exact is not None:
        return exact
    for test, encode in _FAMILIES:
        if test(cls):
            return encode
    return None


def _encode_by(text_of: Callable[[Any], str], kind: str) -> Encode:
    return lambda _walk, value: {TAG: kind, "v": text_of(value)}


def _encode_tuple(walk: WireEncoder, value: tuple[Any, ...]) -> Any:
    return {TAG: "tuple", "v": walk.sequence(value)}


def _encode_deque(walk: WireEncoder, value: deque[Any]) -> Any:
    wire = {TAG: "deque", "v": walk.sequence(value)}
    return wire if value.maxlen is None else {**wire, "maxlen": value.maxlen}


def _encode_set(kind: str) -> Encode:
    return lambda walk, value: {TAG: kind, "v": stable_order(walk.sequence(value))}


def _encode_bytes(kind: str) -> Encode:
    return lambda walk, value: {TAG: kind, "v": walk.bytes_leaf(bytes(value))}


def _encode_raw(kind: str) -> Encode:
    """Write the bytes themselves, whatever a subclass makes of `bytes()`."""
    return lambda walk, value: {TAG: kind, "v": walk.bytes_leaf(memoryview(value).tobytes())}


def _encode_path(walk: WireEncoder, value: pathlib.PurePath) -> Any:
    flavour = "windows" if isinstance(value, pathlib.PureWindowsPath) else "posix"
    wire: dict[str, Any] = {TAG: "path", "v": walk.encode(str(value)), "flavour": flavour}
    if not isinstance(value, pathlib.Path):
        wire["pure"] = True
    return wire


def _encode_datetime(_walk: WireEncoder, value: datetime.datetime) -> Any:
    wire: dict[str, Any] = {TAG: "datetime", "v": value.isoformat()}
    zone = getattr(value.tzinfo, "key", None)
    if isinstance(zone, str):
        wire["zone"] = zone
    if value.fold:
        wire["fold"] = 1
    return wire


def _encode_time(_walk: WireEncoder, value: datetime.time) -> Any:
    wire: dict[str, Any] = {TAG: "time", "v": value.isoformat()}
    if value.fold:
        wire["fold"] = 1
    return wire


def _encode_timedelta(_walk: WireEncoder, value: datetime.timedelta) -> Any:
    return {TAG: "timedelta", "v": [value.days, value.seconds, value.microseconds]}


def _encode_complex(walk: WireEncoder, value: complex) -> Any:
    return {TAG: "complex", "v": [walk.encode(value.real), walk.encode(value.imag)]}


def _encode_bounds(kind: str) -> Encode:
    return lambda walk, value: {TAG: kind, "v": walk.sequence([value.start, value.stop, value.step])}


def _encode_enum(walk: WireEncoder, value: enum.Enum) -> Any:
    return {TAG: "enum", "type": type_name(type_of(value)), "name": value.name, "v": walk.at("v", value.value)}


def _fields(walk: WireEncoder, kind: str, value: Any, names: Any) -> Any:
    fields = {name: walk.at(name, getattr(value, name)) for name in names if hasattr(value, name)}
    return {TAG: kind, "type": type_name(type_of(value)), "v": fields}


def _encode_dataclass(walk: WireEncoder, value: Any) -> Any:
    names = [field.name for field in dataclasses.fields(value)]
    extra = [name for name in getattr(value, "__dict__", ()) if name not in names]
    return _fields(walk, "dataclass", value, names + extra)


def _encode_filled_dataclass(walk: WireEncoder, value: Any) -> Any:
    """Write a dataclass that is a container too: its fields, and what it holds."""
    items = _split_mapping(value) if issubclass(type_of(value), dict) else _split_items(value)
    return {**_encode_dataclass(walk, value), "items": walk.at("items", items[0])}


def _encode_struct(walk: WireEncoder, value: msgspec.Struct) -> Any:
    return _fields(walk, "struct", value, value.__struct_fields__)


def _encode_namedtuple(walk: WireEncoder, value: Any) -> Any:
    return _fields(walk, "namedtuple", value, value._fields)


def _encode_pydantic(walk: WireEncoder, value: Any) -> Any:
    model: Any = type_of(value)
    names: list[str] = [*model.model_fields, *(value.__pydantic_extra__ or ())]
    wire: dict[str, Any] = _fields(walk, "pydantic", value, names)
    if set(names) != set(value.model_fields_set):
        wire["set"] = sorted(value.model_fields_set)
    private = value.__pydantic_private__
    if private:
        wire["private"] = walk.mapping(private)
    return wire


def _encode_exception(walk: WireEncoder, error: BaseException) -> Any:
    wire: dict[str, Any] = {
        TAG: "exception",
        "type": type_name(type_of(error)),
        "message": walk.encode(str(error)),
        "args": walk.sequence(error.args),
    }
    attributes = {name: item for name, item in vars(error).items() if name != "__notes__"}
    if attributes:
        wire["v"] = walk.mapping(attributes)
    notes = getattr(error, "__notes__", None)
    if notes:
        wire["notes"] = [str(note) for note in notes]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        wire["cause"] = walk.at("cause", cause)
    if error.__traceback__ is not None:
        lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        wire["traceback"] = walk.encode("".join(lines))
    if isinstance(error, BaseExceptionGroupType):
        group: Any = error
        wire["errors"] = walk.sequence(group.exceptions)
    return wire


def _encode_ndarray(walk: WireEncoder, value: Any) -> Any:
    wire: dict[str, Any] = {TAG: "ndarray", "dtype": value.dtype.str, "shape": list(value.shape)}
    if value.dtype.hasobject:
        wire["dtype"], wire["v"] = "object", walk.sequence(value.ravel().tolist())
    else:
        if value.dtype.names:
            wire["fields"] = [list(entry) for entry in value.dtype.descr]
        wire["v"] = walk.bytes_leaf(value.tobytes())
    return wire


def _encode_npscalar(_walk: WireEncoder, value: Any) -> Any:
    return {TAG: "npscalar", "dtype": value.dtype.str, "v": b64(value.tobytes())}


def _encode_stream(walk: WireEncoder, value: Stream) -> Any:
    wire = {TAG: "stream", "v": walk.sequence(value.chunks), "offsets": value.offsets_ms, "end": value.end}
    return wire if value.value is None else {**wire, "value": walk.encode(value.value)}


def _as_dict(walk: WireEncoder, value: Any) -> Any:
    """Write an instance of a subclass as the plain type (an ``OrderedDict`` as a dict)."""
    return walk.encode(dict(value))


def _as_list(walk: WireEncoder, value: Any) -> Any:
    return walk.encode(list(value))


def _encode_type(_walk: WireEncoder, value: type[Any]) -> Any:
    return {TAG: "opaque", "type": "builtins:type", "repr": type_name(value)}


def _encode_function(_walk: WireEncoder, value: Any) -> Any:
    name = f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', type_of(value).__qualname__)}"
    return {TAG: "opaque", "type": type_name(type_of(value)), "repr": name}


def _encode_object(walk: WireEncoder, value: Any) -> Any:
    """Write a plain object by its attributes, if it says that it wants to be compared by value."""
    return {TAG: "object", "type": type_name(type_of(value)), "v": walk.mapping(dict(_attributes(value)))}


def _attributes(value: Any) -> dict[str, Any]:
    """Return all that an object of a Python class holds: the attributes in its ``__dict__``, and in slots."""
    cls: Any = type_of(value)
    slots = _slots_of(cls)
    attributes: dict[str, Any] = fields_of(value) if hasattr(value, "__dict__") else {}
    if not slots:
        return attributes
    return {**attributes, **{name: getattr(value, name) for name in slots if hasattr(value, name)}}


@functools.lru_cache(maxsize=1024)
def _slots_of(cls: Any) -> list[str]:
    bases: tuple[type[Any], ...] = cls.__mro__
    return [name for base in reversed(bases) for name in _own_slots(base)]


def _own_slots(cls: type[Any]) -> list[str]:
    """Return the names of the attributes behind the slots that a class itself defines."""
    slots: Any = vars(cls).get("__slots__", ())
    names = [slots] if isinstance(slots, str) else [name for name in slots if name not in ("__dict__", "__weakref__")]
    prefix = f"_{cls.__name__.lstrip('_')}"
    return [prefix + name if name.startswith("__") and not name.endswith("__") else name for name in names]


class Split(NamedTuple):
    """How values of a class fall into parts, where their wire form is made of nothing but these and the class.

    Attributes:
        place: Where the parts stand in the wire form, as a JSON pointer.
        parts: Given a value, returns its parts (a dict or list that may be the live one: to be looked at, not kept)
            and what else of it the wire form shows; None if it shows still more.
    """

    place: str
    parts: Callable[[Any], tuple[Any, Any] | None]


def split_of(cls: type[Any]) -> Split | None:
    """Return how values of a class fall into parts, None where they are to be taken as a whole."""
    return _TAGGED_DICT if cls is dict else _SPLITS.get(encoder_for(cls))


def _split_dataclass(value: Any) -> tuple[Any, Any] | None:
    fields: dict[str, Any] | None = getattr(value, "__dict__", None)
    names = getattr(type_of(value), "__dataclass_fields__", {})
    return (fields, None) if fields is not None and names.keys() <= fields.keys() else None


def _split_pydantic(value: Any) -> tuple[Any, Any] | None:
    if value.__pydantic_extra__ or value.__pydantic_private__:
        return None
    fields: dict[str, Any] = value.__dict__
    names: dict[str, Any] = type_of(value).model_fields
    if not fields.keys() <= names.keys():  # a cached property is kept there too
        fields = {name: item for name, item in fields.items() if name in names}
    return fields, frozenset(value.model_fields_set)


def _split_struct(value: msgspec.Struct) -> tuple[Any, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__ if hasattr(value, name)}, None


def _split_namedtuple(value: Any) -> tuple[Any, Any]:
    return dict(zip(value._fields, value, strict=False)), None


def _split_object(value: Any) -> tuple[Any, Any]:
    return _attributes(value), None


def _split_items(value: Iterable[Any]) -> tuple[Any, Any]:
    return list(value), None


def _split_deque(value: deque[Any]) -> tuple[Any, Any]:
    return list(value), value.maxlen


def _split_mapping(value: Mapping[Any, Any]) -> tuple[Any, Any]:
    return dict(value), None


def _split_pairs(value: Mapping[Any, Any]) -> tuple[Any, Any]:
    return [[key, item] for key, item in value.items()], None


def kind_of(cls: type[Any]) -> str | None:
    """Return the kind under which instances of a user's class are written, None for all other classes."""
    return _USER_KINDS.get(encoder_for(cls))


def _is_numpy(cls: type[Any], name: str) -> bool:
    bases: tuple[type[Any], ...] = cls.__mro__
    return any(base.__module__.partition(".")[0] == "numpy" and base.__name__ == name for base in bases)


def _is_namedtuple(cls: type[Any]) -> bool:
    fields: Any = getattr(cls, "_fields", None)
    return issubclass(cls, tuple) and isinstance(fields, tuple)


def _is_pydantic(cls: type[Any]) -> bool:
    return any(base.__module__ == "pydantic.main" and base.__name__ == "BaseModel" for base in cls.__mro__)


def _is_value_object(cls: type[Any]) -> bool:
    untyped: Any = cls
    compares = untyped.__eq__ is not object.__eq__
    return compares and untyped.__reduce__ is object.__reduce__ and not built_on(cls)


def built_on(cls: type[Any]) -> list[type[Any]]:
    """Return the classes that a class is, or stands on, whose instances hold what no attribute shows."""
    return [base for base in cls.__mro__[:-1] if base.__flags__ & _IMMUTABLE_CLASS]


def _is_filled_dataclass(cls: type[Any]) -> bool:
    """Tell whether instances of a dataclass are dicts, lists or sets too."""
    return dataclasses.is_dataclass(cls) and any(map(_FILLED.__contains__, built_on(cls)))


_IMMUTABLE_CLASS = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: of a class that is written in C
_FILLED = frozenset({dict, list, set})

BaseExceptionGroupType: Any = getattr(__import__("builtins"), "BaseExceptionGroup", ())

_EXACT: dict[type, Encode] = {
    tuple: _encode_tuple,
    deque: _encode_deque,
    set: _encode_set("set"),
    frozenset: _encode_set("frozenset"),
    bytes: _encode_bytes("bytes"),
    bytearray: _encode_bytes("bytearray"),
    memoryview: _encode_bytes("bytes"),
    decimal.Decimal: _encode_by(decimal.Decimal.__str__, "decimal"),
    uuid.UUID: _encode_by(uuid.UUID.__str__, "uuid"),
    datetime.datetime: _encode_datetime,
    datetime.date: _encode_by(datetime.date.isoformat, "date"),
    datetime.time: _encode_time,
    datetime.timedelta: _encode_timedelta,
    complex: _encode_complex,
    range: _encode_bounds("range"),
    slice: _encode_bounds("slice"),
    Stream: _encode_stream,
    types.MappingProxyType: _as_dict,
}

_FAMILIES: tuple[tuple[Callable[[type], bool], Encode], ...] = (
    (lambda cls: issubclass(cls, enum.Enum), _encode_enum),
    (lambda cls: issubclass(cls, BaseException), _encode_exception),
    (lambda cls: issubclass(cls, pathlib.PurePath), _encode_path),
    (_is_filled_dataclass, _encode_filled_dataclass),
    (lambda cls: dataclasses.is_dataclass(cls) and bool(built_on(cls)), lambda _walk, value: opaque(value)),
    (dataclasses.is_dataclass, _encode_dataclass),
    (_is_pydantic, _encode_pydantic),
    (lambda cls: issubclass(cls, msgspec.Struct), _encode_struct),
    (_is_namedtuple, _encode_namedtuple),
    (lambda cls: _is_numpy(cls, "ndarray"), _encode_ndarray),
    (lambda cls: _is_numpy(cls, "generic"), _encode_npscalar),
    (lambda cls: issubclass(cls, type), _encode_type),
    (lambda cls: issubclass(cls, (types.FunctionType, types.MethodType, types.BuiltinFunctionType)), _encode_function),
    (lambda cls: issubclass(cls, dict), _as_dict),
    (lambda cls: issubclass(cls, list), _as_list),
    (lambda cls: issubclass(cls, tuple), _encode_tuple),
    (lambda cls: issubclass(cls, deque), _encode_deque),
    (lambda cls: issubclass(cls, (set, frozenset)), _encode_set("set")),
    (lambda cls: issubclass(cls, str), lambda walk, value: walk.encode(str.__str__(value))),
    (lambda cls: issubclass(cls, (bool, int)), lambda walk, value: walk.encode(int.__int__(value))),
    (lambda cls: issubclass(cls, float), lambda walk, value: walk.encode(float.__float__(value))),
    (lambda cls: issubclass(cls, complex), _encode_complex),
    (lambda cls: issubclass(cls, bytes), _encode_raw("bytes")),
    (lambda cls: issubclass(cls, bytearray), _encode_raw("bytearray")),
    (lambda cls: issubclass(cls, decimal.Decimal), _encode_by(decimal.Decimal.__str__, "decimal")),
    (lambda cls: issubclass(cls, uuid.UUID), _encode_by(uuid.UUID.__str__, "uuid")),
    (lambda cls: issubclass(cls, datetime.datetime), _encode_datetime),
    (lambda cls: issubclass(cls, datetime.date), _encode_by(datetime.date.isoformat, "date")),
    (lambda cls: issubclass(cls, datetime.time), _encode_time),
    (lambda cls: issubclass(cls, datetime.timedelta), _encode_timedelta),
    (_is_value_object, _encode_object),
)

_USER_KINDS: dict[Encode | None, str] = {
    _encode_enum: "enum",
    _encode_exception: "exception",
    _encode_dataclass: "dataclass",
    _encode_filled_dataclass: "dataclass",
    _encode_pydantic: "pydantic",
    _encode_struct: "struct",
    _encode_namedtuple: "namedtuple",
    _encode_object: "object",
}

_TAGGED_DICT = Split("/v", _split_pairs)
_SPLITS: dict[Encode | None, Split] = {
    _encode_dataclass: Split("/v", _split_dataclass),
    _encode_pydantic: Split("/v", _split_pydantic),
    _encode_struct: Split("/v", _split_struct),
    _encode_namedtuple: Split("/v", _split_namedtuple),
    _encode_object: Split("/v", _split_object),
    _encode_tuple: Split("/v", _split_items),
    _encode_deque: Split("/v", _split_deque),
    _as_dict: Split("", _split_mapping),
    _as_list: Split("", _split_items),
}
