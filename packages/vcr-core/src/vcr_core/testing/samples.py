"""Classes of the kinds a user's states are made of, for tests of what survives a recording."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any, NamedTuple

import msgspec


class Color(enum.Enum):
    """An enum."""

    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    """An enum whose members are ints."""

    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    """Flags, which combine."""

    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Plan:
    """A dataclass."""

    goal: Any
    steps: list[Any] = dataclasses.field(default_factory=list[Any])


@dataclasses.dataclass(frozen=True)
class Place:
    """A frozen dataclass, hashable."""

    row: int
    name: str


class Message(msgspec.Struct):
    """A msgspec struct."""

    role: str
    content: Any


class Pair(NamedTuple):
    """A named tuple."""

    left: Any
    right: Any


class AgentError(Exception):
    """An exception with a field of its own."""

    def __init__(self, reason: str, code: int = 0) -> None:
        super().__init__(reason)
        self.code = code


class Note:
    """A plain object that compares by its attributes."""

    def __init__(self, text: Any) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is Note and other.text == self.text

    __hash__ = None  # type: ignore[assignment]  # mutable


ALL: tuple[type, ...] = (Color, Level, Access, Plan, Place, Message, Pair, AgentError, Note)
