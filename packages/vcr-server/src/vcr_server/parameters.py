"""Reads path, query and body of a request strictly: what is not understood is a 400, never a guess."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from vcr_core.session_ids import split_take
from vcr_server.errors import Problem

T = TypeVar("T")
MAX_INDEX = (1 << 53) - 1  # what every JSON reader holds exactly


def session_name(request: Request) -> str:
    """Return the session that the path names.

    Raises:
        SessionIdError: If it is no name.
    """
    name: str = request.path_params["session"]
    split_take(name)
    return name


def frame_index(request: Request) -> int:
    """Return the frame that the path names."""
    return whole_number("index", request.path_params["index"])


def whole_number(name: str, text: str, *, low: int = 0, high: int = MAX_INDEX) -> int:
    """Return a decimal number without sign, space or underscore.

    Raises:
        Problem: 400 if it is not one, or out of range.
    """
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else -1
    if not low <= number <= high:
        raise Problem(400, "number", f"{name} is {text[:40]!r}; expected a whole number from {low} to {high}")
    return number


def query_number(request: Request, name: str, default: int, *, low: int = 0, high: int = MAX_INDEX) -> int:
    """Return a number of the query, or the default if it is not there."""
    text = request.query_params.get(name)
    return default if text is None else whole_number(name, text, low=low, high=high)


def query_flag(request: Request, name: str) -> bool:
    """Return a flag of the query: absent, ``false`` or ``0`` is False, ``true`` or ``1`` is True."""
    return query_choice(request, name, ("false", "true", "0", "1")) in ("true", "1")


def query_choice(request: Request, name: str, choices: tuple[str, ...]) -> str:
    """Return a word of the query; the first choice is the default."""
    word = request.query_params.get(name, choices[0])
    if word not in choices:
        raise Problem(400, "choice", f"{name} is {word[:40]!r}; expected one of: {', '.join(choices)}")
    return word


def query_text(request: Request, name: str, *, longest: int = 400) -> str:
    """Return a text of the query, "" if it is not there."""
    text = request.query_params.get(name, "")
    if len(text) > longest:
        raise Problem(400, "text", f"{name} is longer than {longest} characters")
    return text


async def body_as(request: Request, kind: type[T]) -> T:
    """Return the JSON body as a struct.

    Raises:
        Problem: 415 if it is not JSON, 400 if it is not what is expected.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "media-type", "the body must be sent as application/json")
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "body", f"the body is not what was expected: {error}") from error
