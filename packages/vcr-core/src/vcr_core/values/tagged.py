"""The values that stand for what could not be restored, and for streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class Tagged(msgspec.Struct, frozen=True):
    """A recorded value whose type this reader may not or cannot restore; nothing of it is lost.

    Attributes:
        wire: The tagged dict as it stands in the file.
    """

    wire: dict[str, Any]

    @property
    def kind(self) -> str:
        """The kind of value, such as ``dataclass`` or ``object``."""
        return str(self.wire.get("$vcr"))

    @property
    def type_name(self) -> str | None:
        """``module:Class`` of the recorded object, where one was recorded."""
        name = self.wire.get("type")
        return name if isinstance(name, str) else None

    @property
    def value(self) -> Any:
        """The content in wire form: fields, arguments or a repr."""
        return self.wire.get("v", self.wire.get("repr"))

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self.wire))


class Stream(msgspec.Struct):
    """What a generator gave, chunk by chunk, and how it ended.

    Attributes:
        chunks: The values in order.
        offsets_ms: Milliseconds from the call to each chunk; may be empty.
        end: ``complete``; ``closed`` if the consumer stopped early; ``error`` if it raised, or ``cancelled`` if it was
            cancelled, after the last chunk.
        value: What a generator returned.
    """

    chunks: list[Any]
    offsets_ms: list[float] = []
    end: str = "complete"
    value: Any = None

    def __iter__(self) -> Iterator[Any]:
        return iter(self.chunks)
