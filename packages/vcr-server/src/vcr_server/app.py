"""Puts the server together: guard, routes, static files and what runs beside the requests."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from vcr_core.errors import VcrError
from vcr_server.answers import answer_error, json_answer, problem_answer
from vcr_server.errors import Problem
from vcr_server.guard import Guard
from vcr_server.live import serve_live
from vcr_server.openapi import document
from vcr_server.routes import ENDPOINTS
from vcr_server.service import Service, service_of
from vcr_server.watch import Watch

STATIC = Path(__file__).parent / "static"
SOURCES = Path(__file__).parent / "dashboard"
SOURCES_VARIABLE = "VCR_DASHBOARD_SOURCES"


class DashboardFiles(StaticFiles):
    """The files of the dashboard, always asked for again by their validator."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or what went wrong, under the same cache rule."""
        answer = await super().get_response(path, scope)
        answer.headers["cache-control"] = "no-cache"
        return answer


async def log_in(request: Request) -> Response:
    """Turn a login code, which works once, into a cookie."""
    access = service_of(request).access
    if not access.use_code(request.query_params.get("code", "")):
        return RedirectResponse("/signed-out?used", 303)
    answer = RedirectResponse("/", 303)
    answer.headers["set-cookie"] = access.cookie_header()
    return answer


async def show_signed_out(request: Request) -> Response:
    """Show how to get in."""
    return Response((STATIC / "signed-out.html").read_bytes(), 401, media_type="text/html")


async def show_sources_page(request: Request) -> Response:
    """Show the dashboard from its modules, for those who work on them."""
    page = (STATIC / "index.html").read_text("utf-8")
    page = page.replace("/dashboard.js", "/sources/main.js").replace("/style.css", "/sources/style.css")
    return Response(page, media_type="text/html")


async def get_document(request: Request) -> Response:
    """Return the OpenAPI document of this server."""
    return json_answer(document())


async def refuse_unknown(request: Request) -> Response:
    """Answer for a path of the API that does not exist."""
    return problem_answer(Problem(404, "path", "there is nothing here; /api/openapi.json lists what there is"))


def build_routes() -> list[BaseRoute]:
    """Return the routes in the order in which they are tried."""
    from_sources = bool(os.environ.get(SOURCES_VARIABLE)) and SOURCES.is_dir()
    modules: list[BaseRoute] = [Mount("/sources", DashboardFiles(directory=SOURCES))] if from_sources else []
    api: list[BaseRoute] = [Route(each.path, each.handler, methods=[each.method.upper()]) for each in ENDPOINTS]
    return [
        Route("/login", log_in),
        Route("/signed-out", show_signed_out),
        Route("/api/openapi.json", get_document),
        *api,
        WebSocketRoute("/api/live", serve_live),
        Route("/api/{rest:path}", refuse_unknown, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        *([Route("/", show_sources_page)] if from_sources else []),
        *modules,
        Mount("/", DashboardFiles(directory=STATIC, html=True)),
    ]


def build_app(service: Service, hosts: Iterable[str], *, proxies: Iterable[str] = ()) -> ASGIApp:
    """Return the whole server as an ASGI application.

    Args:
        service: What is served.
        hosts: Values of the Host header that are this server.
        proxies: Values of the Host header that proxies of this server answer for.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
        watch = Watch(service)
        task = asyncio.create_task(watch.run())
        try:
            yield
        finally:
            watch.stop()
            await asyncio.wait({task}, timeout=1)
            task.cancel()
            await service.close()

    app = Starlette(
        routes=build_routes(),
        lifespan=lifespan,
        middleware=[Middleware(GZipMiddleware, minimum_size=2_000, compresslevel=4)],
        exception_handlers=dict.fromkeys((Exception, VcrError, OSError, HTTPException), answer_error),
    )
    app.state.service = service
    return Guard(app, service.access, hosts, proxies=proxies)
