"""How the server answers: JSON bytes, validators (ETags) and problem documents (RFC 9457)."""

from __future__ import annotations

import hashlib
import logging
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vcr_core.errors import UsageError, VcrError
from vcr_core.lazy_sequence import FrameIndexError
from vcr_core.player import CheckpointNotFoundError
from vcr_core.session_ids import SessionIdError
from vcr_core.store import SessionNotFoundError
from vcr_server.errors import Problem

JSON = "application/json"
PROBLEM = "application/problem+json"
_LOG = logging.getLogger("vcr_server")
_STATUS_OF: tuple[tuple[type[VcrError], int, str], ...] = (
    (SessionIdError, 400, "session-id"),
    (SessionNotFoundError, 404, "session-not-found"),
    (FrameIndexError, 404, "frame-not-found"),
    (CheckpointNotFoundError, 404, "checkpoint-not-found"),
    (UsageError, 400, "usage"),
)


def json_answer(content: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> Response:
    """Return JSON-able content, or JSON that is encoded already (bytes)."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Response(body, status, headers, JSON)


def tag_of(content: bytes) -> str:
    """Return a validator for some bytes."""
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def validated(request: Request, content: bytes, tag: str, *, media_type: str = JSON) -> Response:
    """Return content under a validator, or 304 if the client holds it already."""
    headers = {"etag": f'"{tag}"', "cache-control": "private, no-cache", "vary": "cookie, authorization"}
    known = [item.strip().removeprefix("W/") for item in request.headers.get("if-none-match", "").split(",")]
    if headers["etag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def problem_answer(problem: Problem) -> Response:
    """Return a problem document."""
    try:
        title = HTTPStatus(problem.status).phrase
    except ValueError:
        title = "Error"
    document = {"type": f"urn:vcr:{problem.kind}", "title": title, "status": problem.status, "detail": problem.detail}
    return Response(msgspec.json.encode(document), problem.status, media_type=PROBLEM)


def problem_of(error: Exception) -> Problem:
    """Return what an error means to the one who asked."""
    if isinstance(error, Problem):
        return error
    for kind, status, name in _STATUS_OF:
        if isinstance(error, kind):
            return Problem(status, name, str(error))
    if isinstance(error, VcrError):
        return Problem(422, "unreadable", str(error))
    if isinstance(error, HTTPException):
        return Problem(error.status_code, "http", str(error.detail))
    if isinstance(error, OSError):
        return Problem(503, "storage", f"the recordings cannot be read: {error.strerror or type(error).__name__}")
    return Problem(500, "internal", "the server failed on this request; its log tells more")


async def answer_error(request: Request, error: Exception) -> Response:
    """Answer a request that raised; what nobody expected is logged."""
    problem = problem_of(error)
    if problem.status == 500:
        _LOG.error("%s %s", request.method, request.url.path, exc_info=error)
    answer = problem_answer(problem)
    if isinstance(error, HTTPException) and error.headers:
        answer.headers.update(error.headers)
    return answer
