"""Hands a recording out: the file itself, or one HTML page that opens without a server."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from vcr_server.parameters import query_choice, session_name
from vcr_server.service import service_of
from vcr_server.single_page import build_page


async def get_export(request: Request) -> Response:
    """Return a session as one HTML page, or as the recording itself."""
    service = service_of(request)
    name = session_name(request)
    if query_choice(request, "format", ("html", "vcr")) == "vcr":
        content = await service.with_player(name, lambda player: player.path.read_bytes())
        return _download(content, f"{name}.vcr", "application/x-ndjson")
    digest = service.catalog.get(name)
    shown = service.catalog.public(digest) if digest else {"id": name}
    page = await service.with_player(name, lambda player: build_page(player, shown, service.notes.read(name)))
    return _download(page, f"{name}.html", "text/html")


def _download(content: bytes, name: str, media_type: str) -> Response:
    ascii_name = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    headers = {"content-disposition": f'attachment; filename="{ascii_name}"', "cache-control": "no-store"}
    return Response(content, headers=headers, media_type=media_type)
