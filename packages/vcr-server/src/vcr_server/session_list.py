"""Searches, filters and sorts the list of sessions."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request

from vcr_server.catalog import Catalog
from vcr_server.digest import SessionDigest
from vcr_server.parameters import query_choice, query_flag, query_number, query_text

SORTS = ("created", "name", "frames", "errors", "latency", "tokens", "cost")
MAX_PAGE = 500


class SessionFilter(msgspec.Struct):
    """Which sessions are wanted, and in which order."""

    words: list[str]
    tag: str
    errors_only: bool
    sort: str
    descending: bool
    offset: int
    limit: int


def read_filter(request: Request) -> SessionFilter:
    """Return what a request asks for."""
    sort = query_choice(request, "sort", SORTS)
    order = query_choice(request, "order", ("desc" if sort != "name" else "asc", "desc", "asc"))
    return SessionFilter(
        query_text(request, "q").lower().split(),
        query_text(request, "tag"),
        query_flag(request, "errors"),
        sort,
        order == "desc",
        query_number(request, "offset", 0),
        query_number(request, "limit", 50, low=1, high=MAX_PAGE),
    )


def list_sessions(catalog: Catalog, wanted: SessionFilter) -> dict[str, Any]:
    """Return one page of the sessions that are wanted, and how many there are."""
    found = [digest for digest in catalog.digests() if _matches(digest, wanted)]
    found.sort(key=lambda digest: _sort_key(digest, wanted.sort), reverse=wanted.descending)
    page = found[wanted.offset : wanted.offset + wanted.limit]
    return {"total": len(found), "offset": wanted.offset, "items": [catalog.public(digest) for digest in page]}


def _matches(digest: SessionDigest, wanted: SessionFilter) -> bool:
    if wanted.errors_only and not digest.errors:
        return False
    if wanted.tag and wanted.tag not in digest.tags:
        return False
    text = " ".join([digest.name, digest.agent or "", *digest.tags, *digest.nodes]).lower()
    return all(word in text for word in wanted.words)


def _sort_key(digest: SessionDigest, sort: str) -> tuple[Any, str]:
    keys: dict[str, Any] = {
        "created": digest.created,
        "name": digest.name,
        "frames": digest.frames,
        "errors": len(digest.errors),
        "latency": digest.latency_ms,
        "tokens": digest.tokens,
        "cost": -1.0 if digest.cost_usd is None else digest.cost_usd,
    }
    return keys[sort], digest.name
