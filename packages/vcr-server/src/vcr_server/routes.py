"""The endpoints of the API, once for the router and once for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from vcr_server import exporting, reading, writing
from vcr_server.session_list import MAX_PAGE, SORTS

Handler = Callable[[Request], Awaitable[Response]]
Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
INDEX: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "string", "enum": ["true", "false", "1", "0"]}
PART: Schema = {"type": "string", "enum": ["output", "input"]}
REFERENCE: Schema = {"type": "string", "pattern": "^.+/[0-9]+$", "description": "session/index"}


class Endpoint(NamedTuple):
    """One operation.

    Attributes:
        method: get, post or delete.
        path: With ``{session}``, ``{index}`` and ``{job}``.
        handler: Answers it; its docstring is the summary.
        query: Schemas of the query's parameters.
        required: Names of those that must be given.
        body: What the body is read as.
        status: Status of success.
        media_type: What success gives.
    """

    method: str
    path: str
    handler: Handler
    query: Mapping[str, Schema] = MappingProxyType({})
    required: tuple[str, ...] = ()
    body: type | None = None
    status: int = 200
    media_type: str = "application/json"


_SESSION = "/api/sessions/{session}"
_FRAME = _SESSION + "/frames/{index}"
_LIST = {
    "q": TEXT,
    "tag": TEXT,
    "errors": FLAG,
    "sort": {"type": "string", "enum": list(SORTS)},
    "order": {"type": "string", "enum": ["desc", "asc"]},
    "offset": INDEX,
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE},
}
_ROWS = {"from": INDEX, "limit": {"type": "integer", "minimum": 1, "maximum": reading.MAX_ROWS}}
_DIFF = {"a": REFERENCE, "b": REFERENCE, "a_part": PART, "b_part": PART}

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("get", "/api/health", reading.get_health),
    Endpoint("get", "/api/stats", reading.get_stats),
    Endpoint("get", "/api/map", reading.get_map),
    Endpoint("get", "/api/sessions", reading.get_sessions, _LIST),
    Endpoint("get", _SESSION, reading.get_session),
    Endpoint("get", _SESSION + "/columns", reading.get_columns),
    Endpoint("get", _SESSION + "/stats", reading.get_session_stats),
    Endpoint("get", _SESSION + "/blame", reading.get_blame, {"pointer": TEXT, "before": INDEX}),
    Endpoint("get", _SESSION + "/frames", reading.get_rows, _ROWS),
    Endpoint("get", _FRAME, reading.get_frame),
    Endpoint("get", _FRAME + "/state", reading.get_output),
    Endpoint("get", _FRAME + "/input", reading.get_input),
    Endpoint("get", "/api/diff", reading.get_diff, _DIFF, required=("a", "b")),
    Endpoint(
        "get",
        _SESSION + "/export",
        exporting.get_export,
        {"format": {"type": "string", "enum": ["html", "vcr"]}},
        media_type="text/html",
    ),
    Endpoint("post", _SESSION + "/fork", writing.post_fork, body=writing.ForkOrder, status=201),
    Endpoint("post", _SESSION + "/resume", writing.post_resume, body=writing.ResumeOrder, status=202),
    Endpoint("get", _SESSION + "/notes", writing.get_notes),
    Endpoint("post", _SESSION + "/notes", writing.post_note, body=writing.NoteOrder, status=201),
    Endpoint("get", "/api/agents", writing.get_agents),
    Endpoint("get", "/api/jobs", writing.get_jobs),
    Endpoint("get", "/api/jobs/{job}", writing.get_job),
    Endpoint("delete", "/api/jobs/{job}", writing.delete_job),
    Endpoint("post", "/api/login-codes", writing.post_code, status=201),
)
