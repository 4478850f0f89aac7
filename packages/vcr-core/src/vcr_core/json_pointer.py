"""JSON Pointer (RFC 6901): parse, build and resolve.

A pointer is ``""`` (the whole document) or ``/``-separated tokens in which ``~1`` stands for ``/`` and ``~0`` for
``~``. Array indices are decimal digits without leading zeros; ``-`` (one past the end) belongs to patches and never
resolves. Only plain ``dict`` and ``list`` are entered: every other value is a leaf.

Changing documents does not belong here; see :mod:`vcr_core.json_patch`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

from vcr_core.errors import VcrError

__all__ = ["JsonPointerError", "PointerLookupError", "PointerSyntaxError"]
__all__ += ["array_index", "build", "escape_token", "kind_of", "parse", "resolve", "unescape_token", "value_at"]

kind_of: Final = cast("Callable[[Any], type[Any]]", type)
"""The exact type of a value; unlike ``type`` itself it leaves ``Any`` to type checkers, with no call in between."""

_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,17})\Z", re.ASCII)
_BAD_ESCAPE = re.compile(r"~(?![01])")


class JsonPointerError(VcrError):
    """A pointer that cannot be used.

    Attributes:
        pointer: The pointer as given.
        reason: What is wrong with it.
    """

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(pointer, reason)
        self.pointer = pointer
        self.reason = reason

    def __str__(self) -> str:
        return f"JSON pointer {self.pointer!r}: {self.reason}"


class PointerSyntaxError(JsonPointerError):
    """The text is not a JSON pointer."""


class PointerLookupError(JsonPointerError):
    """The pointer is well formed, but the document holds nothing there."""


def escape_token(token: str) -> str:
    """Return one reference token as it stands in a pointer."""
    return token if token.isalnum() else token.replace("~", "~0").replace("/", "~1")


def unescape_token(token: str) -> str:
    """Return the key or index that an escaped token names."""
    return token.replace("~1", "/").replace("~0", "~")


def build(tokens: Iterable[str | int]) -> str:
    """Return the pointer made of unescaped tokens; no tokens give ``""``."""
    return "".join(["/" + escape_token(str(token)) for token in tokens])


def parse(pointer: str) -> tuple[str, ...]:
    """Return the unescaped tokens of a pointer; ``""`` has none.

    Raises:
        PointerSyntaxError: It neither is empty nor starts with ``/``, or has a ``~`` not followed by 0 or 1.
    """
    if not pointer:
        return ()
    if pointer[0] != "/":
        raise PointerSyntaxError(pointer, 'it must be "" or start with "/"')
    if "~" not in pointer:
        return tuple(pointer[1:].split("/"))
    if _BAD_ESCAPE.search(pointer):
        raise PointerSyntaxError(pointer, 'a "~" must be followed by "0" (for "~") or "1" (for "/")')
    return tuple([unescape_token(token) for token in pointer[1:].split("/")])


def array_index(token: str) -> int | None:
    """Return the array index a token spells, or None when it is no index (sign, leading zero, ``-``, text)."""
    return int(token) if _INDEX.match(token) else None


def resolve(document: Any, pointer: str) -> Any:
    """Return the value at ``pointer`` (the object itself, not a copy).

    Raises:
        PointerSyntaxError: The text is not a pointer.
        PointerLookupError: The document holds nothing there; the reason names the step that failed.
    """
    value = document
    for depth, token in enumerate(parse(pointer)):
        kind = kind_of(value)
        if kind is dict:
            if token not in value:
                raise PointerLookupError(pointer, f"there is no member {token!r} at depth {depth}")
            value = value[token]
        elif kind is list:
            index = array_index(token)
            if index is None or index >= len(value):
                reason = f"{token!r} at depth {depth} is no index of a list of {len(value)}"
                raise PointerLookupError(pointer, reason)
            value = value[index]
        else:
            raise PointerLookupError(pointer, f"a {kind.__name__} at depth {depth} has no member {token!r}")
    return value


def value_at(document: Any, pointer: str, default: Any = None) -> Any:
    """Return the value at ``pointer``, or ``default`` where the document holds nothing there.

    Raises:
        PointerSyntaxError: The text is not a pointer.
    """
    try:
        return resolve(document, pointer)
    except PointerLookupError:
        return default
