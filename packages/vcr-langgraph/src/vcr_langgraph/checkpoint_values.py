"""How a checkpoint saver writes values: readable where that is exact, else as LangGraph's own serializer does."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import base64
from typing import Any

import msgspec
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from vcr_core.values import Allowed, Decoder, to_wire
from vcr_langgraph.node_update import describe_goto, restore_goto

_KIND = "vcr"
_SENDS = "vcr-send"
_READABLE = (_KIND, _SENDS)
_LOSSY = (b'"$vcr":"opaque"', b'"$vcr":"deep"', b'"$vcr":"cycle"')

encode = msgspec.json.encode
decode = msgspec.json.decode


class VCRSerializer(JsonPlusSerializer):
    """Writes values as a recording holds them: JSON, with tags for all that is not.

    Classes are restored if their module is loaded, as it is where the graph is.  What a recording could only describe
    (an object of a class of its own kind) is left to LangGraph's serializer.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._decoder = Decoder(Allowed(loaded=True))

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return kind and encoding of a value."""
        if obj is None or isinstance(obj, (bytes, bytearray)):
            return super().dumps_typed(obj)
        sends = isinstance(obj, Send) or (isinstance(obj, list) and obj and all(isinstance(o, Send) for o in obj))
        encoded = encode(to_wire(describe_goto(obj) if sends else obj))
        if any(mark in encoded for mark in _LOSSY):
            return super().dumps_typed(obj)
        return _SENDS if sends else _KIND, encoded

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value of a kind and an encoding."""
        if data[0] not in _READABLE:
            return super().loads_typed(data)
        wire = decode(data[1])
        value = self._decoder.decode(wire) if b'"$vcr"' in data[1] else wire
        return restore_goto(value) if data[0] == _SENDS else value


def to_line(typed: tuple[str, bytes]) -> list[Any]:
    """Return a serialized value as a line holds it: JSON as it is, other bytes in base64."""
    kind, content = typed
    return [kind, msgspec.Raw(content) if kind in _READABLE else base64.b64encode(content).decode()]


def from_line(kind: str, content: msgspec.Raw) -> tuple[str, bytes]:
    """Return a serialized value from a line."""
    return (kind, bytes(content)) if kind in _READABLE else (kind, base64.b64decode(decode(content, type=str)))
