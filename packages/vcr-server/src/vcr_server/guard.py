"""Stands before everything, for HTTP and WebSocket alike: refuses what does not come from the person's own browser.

In order: the Host header (421, against DNS rebinding), Origin and ``Sec-Fetch-Site`` (403, against other sites), the
token or cookie (401), the size of the body (413). It also adds the security headers to every answer. Routing and what
the answers say do not belong here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vcr_server.access import Access
from vcr_server.answers import problem_answer
from vcr_server.errors import Problem

MAX_BODY = 64 << 10
PUBLIC = frozenset({"/login", "/signed-out", "/style.css", "/icon.svg"})
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = (
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """The outermost ASGI application.

    Args:
        app: What it protects.
        access: The secrets.
        hosts: Values of the Host header that are this server, such as ``127.0.0.1:8765``.
        proxies: Values of the Host header that proxies of this server answer for; they may speak HTTPS to the browser.
        max_body: Largest body in bytes.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        hosts: Iterable[str],
        *,
        proxies: Iterable[str] = (),
        max_body: int = MAX_BODY,
    ) -> None:
        self._app = app
        self._access = access
        proxied = frozenset(host.lower().encode() for host in proxies)
        self._hosts = proxied.union(host.lower().encode() for host in hosts)
        self._origins = frozenset(b"http://" + host for host in self._hosts).union(
            b"https://" + host for host in proxied
        )
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._refuse(scope)
        if problem is not None:
            await self._deny(problem, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._pass_http(scope, receive, send)

    def _refuse(self, scope: Scope) -> Problem | None:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        given: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in given and name in (b"host", b"origin", b"authorization", b"content-length"):
                return Problem(400, "header", f"the header {name.decode()} is given twice")
            given[name] = given[name] + b"; " + value if name == b"cookie" and name in given else value
        return (
            self._refuse_source(scope, given)
            or self._refuse_stranger(scope, given)
            or self._refuse_size(given.get(b"content-length"))
        )

    def _refuse_source(self, scope: Scope, given: dict[bytes, bytes]) -> Problem | None:
        if given.get(b"host", b"").lower() not in self._hosts:
            known = ", ".join(sorted(host.decode() for host in self._hosts))
            return Problem(421, "host", f"this server answers for {known} only")
        origin = given.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            return Problem(403, "origin", "requests from other sites are refused")
        if given.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
            # A link on another page may lead here, but only to the start page, and the cookie does not come along.
            navigates = given.get(b"sec-fetch-mode") == b"navigate" and given.get(b"sec-fetch-dest") == b"document"
            if not navigates or scope.get("method") != "GET" or scope["path"] not in ("/", "/login", "/signed-out"):
                return Problem(403, "cross-site", "requests from other sites are refused")
        return None

    def _refuse_stranger(self, scope: Scope, given: dict[bytes, bytes]) -> Problem | None:
        if scope["path"] in PUBLIC and scope["type"] == "http":
            return None
        if self._access.admits(given.get(b"authorization"), given.get(b"cookie", b"")):
            return None
        return Problem(401, "token", "open the login URL that the server printed, or send its token as a bearer token")

    def _refuse_size(self, declared: bytes | None) -> Problem | None:
        if declared is None:
            return None
        if not declared.isdigit() or len(declared) > 18:
            return Problem(400, "header", "content-length is not a number")
        return self._too_large() if int(declared) > self._max_body else None

    def _too_large(self) -> Problem:
        return Problem(413, "body-size", f"the body is larger than {self._max_body} bytes")

    async def _deny(self, problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()  # the handshake
            await _deny_websocket(problem, scope, receive, send)
            return
        answer = problem_answer(problem)
        if problem.status == 401:
            answer.headers["www-authenticate"] = "Bearer"
            if scope.get("method") == "GET" and scope["path"] == "/":
                answer.status_code = 303
                answer.headers["location"] = "/signed-out"
        await answer(scope, receive, _with_headers(send))

    async def _pass_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0

        async def bounded_receive() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._max_body:
                    raise self._too_large()  # the application answers it as any other problem
            return message

        await self._app(scope, bounded_receive, _with_headers(send))


async def _deny_websocket(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": problem.kind})
        return
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(problem_answer(problem)({**scope, "type": "websocket"}, receive, _with_headers(send)), 5)


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers: list[tuple[bytes, bytes]] = list(message.get("headers", []))
            names = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in _HEADERS if name not in names]
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"no-store"))
            message = {**message, "headers": headers}
        await send(message)

    return send_with_headers
