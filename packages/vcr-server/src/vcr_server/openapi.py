"""The OpenAPI 3.1 document of the API."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from vcr_core import __version__
from vcr_server.routes import ENDPOINTS, Endpoint

_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "session": {"type": "string", "minLength": 1, "maxLength": 120},
    "index": {"type": "integer", "minimum": 0},
    "job": {"type": "integer", "minimum": 1},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}
_FAILURES = {
    "400": "The request is not understood",
    "401": "No token",
    "403": "From another site",
    "404": "There is no such thing",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "421": "The Host header is not this server",
    "422": "The recording cannot be read, or the change does not fit",
    "429": "Too many jobs are running",
    "503": "The recordings cannot be reached",
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the document."""
    bodies = [endpoint.body for endpoint in ENDPOINTS if endpoint.body is not None]
    _, components = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Agent VCR", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": _PROBLEM},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    summary = (endpoint.handler.__doc__ or "").strip().splitlines()[0]
    content: dict[str, Any] = {"content": {endpoint.media_type: {"schema": {}}}}
    responses: dict[str, Any] = {str(endpoint.status): {"description": "Done", **content}}
    if endpoint.method == "get":
        responses["304"] = {"description": "The client holds it already"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    responses |= {status: {"description": text, "content": problem} for status, text in _FAILURES.items()}
    operation: dict[str, Any] = {
        "operationId": endpoint.handler.__name__,
        "summary": summary,
        "parameters": _parameters(endpoint),
        "responses": responses,
    }
    if endpoint.body is not None:
        schema = {"$ref": f"#/components/schemas/{endpoint.body.__name__}"}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name, schema in _PATH_SCHEMAS.items()
        if f"{{{name}}}" in endpoint.path
    ]
    in_query = [
        {"name": name, "in": "query", "required": name in endpoint.required, "schema": schema}
        for name, schema in endpoint.query.items()
    ]
    return in_path + in_query
