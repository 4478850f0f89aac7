"""Wire values to Python values, restoring the types that the reader allows."""

from __future__ import annotations

import base64
import builtins
import datetime
import decimal
import pathlib
import sys
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

from vcr_core.runtime_types import type_of
from vcr_core.values.allowed import Allowed
from vcr_core.values.encode import TAG
from vcr_core.values.kinds import built_on, kind_of
from vcr_core.values.tagged import Stream, Tagged


class Decoder:
    """Restores wire values.

    Args:
        allowed: The classes that may be restored; by default the registered ones only.
        read_blob: Returns the content of a blob by its hash, or None if it is missing.
    """

    def __init__(
        self, allowed: Allowed | None = None, *, read_blob: Callable[[str], bytes | None] | None = None
    ) -> None:
        self.allowed = allowed if allowed is not None else Allowed()
        self._read_blob = read_blob

    def decode(self, wire: Any) -> Any:
        """Return a copy of `wire` with its tagged values restored; those that cannot be become `Tagged`."""
        cls = type_of(wire)
        if cls is dict:
            if TAG in wire:
                return self._restore(wire)
            return {key: item if type_of(item) is str else self.decode(item) for key, item in wire.items()}
        if cls is list:
            return [item if type_of(item) is str else self.decode(item) for item in wire]
        return wire

    def _restore(self, wire: dict[str, Any]) -> Any:
        kind = wire[TAG]
        restore = _KINDS.get(kind) if isinstance(kind, str) else None
        if restore is None:
            return Tagged(wire)
        try:
            return restore(self, wire)
        except Exception:  # noqa: BLE001  # foreign or damaged content: kept as it is, never guessed
            return Tagged(wire)

    def content(self, wire: Any) -> bytes:
        """Return the bytes of a ``v`` that is base64 or a blob."""
        if type_of(wire) is dict:
            return self.blob(wire)
        return base64.b64decode(wire, validate=True)

    def blob(self, wire: dict[str, Any]) -> bytes:
        """Return the content of a blob; raises KeyError if it is missing or damaged."""
        content = self._read_blob(wire["hash"]) if self._read_blob else None
        if content is None:
            raise KeyError(wire["hash"])
        return content

    def named(self, wire: dict[str, Any]) -> type:
        """Return the allowed class that `wire` names.

        Raises:
            KeyError: If it is not allowed, or is no class of the kind that the file says: a file must not choose what
                is called with what.
        """
        cls = self.allowed.find(wire["type"])
        if cls is None or kind_of(cls) != wire[TAG]:
            raise KeyError(wire["type"])
        return cls


def _blob(decoder: Decoder, wire: dict[str, Any]) -> Any:
    content = decoder.blob(wire)
    return content.decode() if wire["kind"] == "str" else content


def _items(make: Callable[[Any], Any]) -> Callable[[Decoder, dict[str, Any]], Any]:
    return lambda decoder, wire: make(decoder.decode(item) for item in wire["v"])


def _dict(decoder: Decoder, wire: dict[str, Any]) -> Any:
    return {decoder.decode(key): decoder.decode(item) for key, item in wire["v"]}


def _int(_decoder: Decoder, wire: dict[str, Any]) -> int:
    return int(wire["v"], 16 if "0x" in wire["v"] else 10)


def _path(decoder: Decoder, wire: dict[str, Any]) -> Any:
    windows = wire["flavour"] == "windows"
    pure: type[pathlib.PurePath] = pathlib.PureWindowsPath if windows else pathlib.PurePosixPath
    foreign = windows != (sys.platform == "win32")
    text = decoder.decode(wire["v"])
    return pure(text) if foreign or wire.get("pure") else pathlib.Path(text)


def _datetime(_decoder: Decoder, wire: dict[str, Any]) -> datetime.datetime:
    value = datetime.datetime.fromisoformat(wire["v"])
    zone = wire.get("zone")
    if zone:
        import zoneinfo  # noqa: PLC0415  # only recordings with named zones need it

        value = value.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return value.replace(fold=1) if wire.get("fold") else value


def _time(_decoder: Decoder, wire: dict[str, Any]) -> datetime.time:
    value = datetime.time.fromisoformat(wire["v"])
    return value.replace(fold=1) if wire.get("fold") else value


def _bounds(make: Callable[..., Any]) -> Callable[[Decoder, dict[str, Any]], Any]:
    return lambda decoder, wire: make(*(decoder.decode(item) for item in wire["v"]))


def _enum(decoder: Decoder, wire: dict[str, Any]) -> Any:
    cls: Any = decoder.named(wire)
    name = wire["name"]
    return cls[name] if name in cls.__members__ else cls(decoder.decode(wire["v"]))


def _decode_fields(decoder: Decoder, wire: dict[str, Any]) -> dict[str, Any]:
    return {name: decoder.decode(item) for name, item in wire["v"].items()}


def _fill(instance: Any, base: Any, items: Any) -> None:
    """Put items into a container of a class that stands on `base`, by nothing of its own."""
    cls: type = base
    if issubclass(cls, dict):
        for key, item in items.items():
            base.__setitem__(instance, key, item)
    elif issubclass(cls, list):
        base.extend(instance, items)
    else:
        base.update(instance, items)


def _instance(decoder: Decoder, wire: dict[str, Any]) -> Any:
    cls = decoder.named(wire)
    base: Any = next(iter(built_on(cls)), object)
    instance = base.__new__(cls)
    if "items" in wire:
        _fill(instance, base, decoder.decode(wire["items"]))
    for name, item in _decode_fields(decoder, wire).items():
        object.__setattr__(instance, name, item)
    return instance


def _constructed(decoder: Decoder, wire: dict[str, Any]) -> Any:
    return decoder.named(wire)(**_decode_fields(decoder, wire))


def _pydantic(decoder: Decoder, wire: dict[str, Any]) -> Any:
    cls: Any = decoder.named(wire)
    fields = _decode_fields(decoder, wire)
    instance = cls.model_construct(_fields_set=set(wire.get("set", fields)))
    declared = cls.model_fields
    instance.__dict__.update((name, item) for name, item in fields.items() if name in declared)
    extra = {name: item for name, item in fields.items() if name not in declared}
    if extra:
        object.__setattr__(instance, "__pydantic_extra__", extra)
    if "private" in wire:
        object.__setattr__(instance, "__pydantic_private__", decoder.decode(wire["private"]))
    return instance


def _exception(decoder: Decoder, wire: dict[str, Any]) -> BaseException:
    module, _, name = wire["type"].partition(":")
    cls: Any = getattr(builtins, name, None) if module == "builtins" else decoder.named(wire)
    if not (isinstance(cls, type) and issubclass(cls, BaseException)):
        raise TypeError(wire["type"])
    args = [decoder.decode(item) for item in wire["args"]]
    if "errors" in wire:
        error: BaseException = cls(args[0], [decoder.decode(item) for item in wire["errors"]])
    else:
        error = cls.__new__(cls, *args)
        error.args = tuple(args)
        if module == "builtins" and not wire.get("v"):
            error = _with_slots(cls, args, error)
    error.__dict__.update(decoder.decode(wire.get("v", {})))
    if "notes" in wire:
        error.__dict__["__notes__"] = list(wire["notes"])
    if "cause" in wire:
        cause = decoder.decode(wire["cause"])
        error.__cause__ = cause if isinstance(cause, BaseException) else None
    return error


def _with_slots(cls: type[BaseException], args: list[Any], fallback: BaseException) -> BaseException:
    """Built-in exceptions keep facts in slots (``OSError.errno``) that only their constructor fills."""
    try:
        return cls(*args)
    except TypeError:
        return fallback


def _numpy(decoder: Decoder) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None and decoder.allowed.find("numpy:ndarray"):  # which imports it, where it is allowed
        numpy = sys.modules.get("numpy")
    if numpy is None:
        raise KeyError("numpy")
    return numpy


def _ndarray(decoder: Decoder, wire: dict[str, Any]) -> Any:
    numpy = _numpy(decoder)
    if wire["dtype"] == "object":
        flat = numpy.empty(len(wire["v"]), dtype=object)
        flat[:] = [decoder.decode(item) for item in wire["v"]]
        return flat.reshape(wire["shape"])
    fields: list[list[Any]] = wire.get("fields", [])
    spec = [tuple(tuple(x) if type_of(x) is list else x for x in entry) for entry in fields]
    dtype = numpy.dtype(spec or wire["dtype"])
    return numpy.frombuffer(decoder.content(wire["v"]), dtype=dtype).reshape(wire["shape"]).copy()


def _npscalar(decoder: Decoder, wire: dict[str, Any]) -> Any:
    numpy = _numpy(decoder)
    return numpy.frombuffer(base64.b64decode(wire["v"]), dtype=numpy.dtype(wire["dtype"]))[0]


def _stream(decoder: Decoder, wire: dict[str, Any]) -> Stream:
    chunks = [decoder.decode(item) for item in wire["v"]]
    return Stream(chunks, list(wire.get("offsets", ())), wire["end"], decoder.decode(wire.get("value")))


_KINDS: dict[str, Callable[[Decoder, dict[str, Any]], Any]] = {
    "tuple": _items(tuple),
    "set": _items(set),
    "frozenset": _items(frozenset),
    "deque": lambda decoder, wire: deque(map(decoder.decode, wire["v"]), wire.get("maxlen")),
    "dict": _dict,
    "bytes": lambda decoder, wire: decoder.content(wire["v"]),
    "bytearray": lambda decoder, wire: bytearray(decoder.content(wire["v"])),
    "str": lambda _decoder, wire: base64.b64decode(wire["v"]).decode("utf-8", "surrogatepass"),
    "int": _int,
    "float": lambda _decoder, wire: float(wire["v"]),
    "complex": _bounds(complex),
    "decimal": lambda _decoder, wire: decimal.Decimal(wire["v"]),
    "uuid": lambda _decoder, wire: uuid.UUID(wire["v"]),
    "path": _path,
    "datetime": _datetime,
    "date": lambda _decoder, wire: datetime.date.fromisoformat(wire["v"]),
    "time": _time,
    "timedelta": _bounds(datetime.timedelta),
    "range": _bounds(range),
    "slice": _bounds(slice),
    "enum": _enum,
    "dataclass": _instance,
    "object": _instance,
    "struct": _constructed,
    "namedtuple": _constructed,
    "pydantic": _pydantic,
    "exception": _exception,
    "ndarray": _ndarray,
    "npscalar": _npscalar,
    "stream": _stream,
    "blob": _blob,
}
