"""Hostile requests against the running server, as bytes: refused with the right status, never a 500."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from vcr_server.testing import TOKEN, RunningServer

BEARER = f"Authorization: Bearer {TOKEN}\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
SITE = "Sec-Fetch-Site: cross-site\r\n"


def ask(server: RunningServer, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n" not in answer and (chunk := connection.recv(4096)):
                answer += chunk
    return int(answer.split()[1])


def get(path: str, headers: str = BEARER, *, host: str = "127.0.0.1:{port}", method: str = "GET") -> str:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n"


def socket_with(headers: str, *, host: str = "127.0.0.1:{port}") -> str:
    return f"GET /api/live HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}{headers}\r\n"


def post(headers: str, body: str = "") -> str:
    kind = "Content-Type: application/json\r\n"
    return f"POST /api/sessions/first/notes HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\n{BEARER}{kind}{headers}\r\n{body}"


CHUNKED = "Transfer-Encoding: chunked\r\n"
PROBES = {
    "with the token": (get("/api/health"), 200),
    "socket with the token": (socket_with(BEARER), 101),
    "no token": (get("/api/health", ""), 401),
    "wrong token": (get("/api/health", "Authorization: Bearer wrong\r\n"), 401),
    "basic instead of bearer": (get("/api/health", f"Authorization: Basic {TOKEN}\r\n"), 401),
    "cookie of the wrong name": (get("/api/health", f"Cookie: vcr_1={TOKEN}\r\n"), 401),
    "token as cookie": (get("/api/health", f"Cookie: vcr_{{port}}={TOKEN}\r\n"), 401),
    "token in the URL": (get(f"/api/health?token={TOKEN}", ""), 401),
    "rebinding Host": (get("/api/health", host="evil.example:{port}"), 421),
    "Host without port": (get("/api/health", host="127.0.0.1"), 421),
    "Host of another port": (get("/api/health", host="127.0.0.1:1"), 421),
    "Host with a suffix": (get("/api/health", host="127.0.0.1:{port}.evil.example"), 421),
    "Host with user info": (get("/api/health", host="127.0.0.1:{port}@evil.example"), 421),
    "no Host": ("GET /api/health HTTP/1.0\r\n" + BEARER + "\r\n", 421),
    "two Hosts": (get("/api/health", BEARER + "Host: evil.example\r\n"), 400),
    "rebinding Host at the login": (get("/login?code=x", "", host="evil.example:{port}"), 421),
    "foreign Origin": (get("/api/health", BEARER + "Origin: http://evil.example\r\n"), 403),
    "Origin null": (get("/api/health", BEARER + "Origin: null\r\n"), 403),
    "Origin of another port": (get("/api/health", BEARER + "Origin: http://127.0.0.1:1\r\n"), 403),
    "Origin with https": (get("/api/health", BEARER + "Origin: https://127.0.0.1:{port}\r\n"), 403),
    "two Origins": (get("/api/health", BEARER + "Origin: null\r\nOrigin: http://127.0.0.1:{port}\r\n"), 400),
    "cross-site fetch": (get("/api/health", BEARER + SITE), 403),
    "same-site fetch": (get("/api/health", BEARER + "Sec-Fetch-Site: same-site\r\n"), 403),
    "socket without token": (socket_with(""), 401),
    "socket with the token and an evil Origin": (socket_with(BEARER + "Origin: http://evil.example\r\n"), 403),
    "socket with Origin null": (socket_with(BEARER + "Origin: null\r\n"), 403),
    "socket with a rebinding Host": (socket_with(BEARER, host="evil.example:{port}"), 421),
    "socket from another site": (socket_with(BEARER + SITE), 403),
    "socket on a path that is none": (socket_with(BEARER).replace("/api/live", "/api/health"), 403),
    "traversal, escaped": (get("/api/sessions/..%2f..%2fetc%2fpasswd/columns"), 404),
    "traversal, plain": (get("/api/sessions/../../etc/passwd"), 404),
    "traversal among the files": (get("/..%2f..%2f..%2fetc/passwd"), 404),
    "backslashes": (get("/..%5c..%5capp.py"), 404),
    "NUL in a file's name": (get("/style.css%00"), 404),
    "NUL in an id": (get("/api/sessions/a%00b"), 400),
    "newline in an id": (get("/api/sessions/first%0a"), 400),
    "broken UTF-8 in an id": (get("/api/sessions/%ff%fe"), 400),
    "id of 5,000 characters": (get("/api/sessions/" + "a" * 5000), 400),
    "body of 2 MiB, declared": (post("Content-Length: 2097152\r\n"), 413),
    "body of 2 MiB, in chunks": (post(CHUNKED, "20000\r\n" + "x" * 0x20000 + "\r\n0\r\n\r\n"), 413),
    "length that is none": (post("Content-Length: -5\r\n"), 400),
    "two lengths": (post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400),
    "JSON nested 30,000 deep": (post("Content-Length: 30000\r\n", "[" * 30000), 400),
    "headers of 100 KiB": (get("/api/health", BEARER + "X: " + "y" * 100_000 + "\r\n"), 431),
    "number with letters": (get("/api/sessions/first/frames?from=zz"), 400),
    "number beyond all": (get("/api/sessions/first/frames/" + "9" * 400), 400),
    "negative number": (get("/api/sessions/first/frames?from=-1"), 400),
    "infinite number": (get("/api/sessions?limit=inf"), 400),
    "method that is none": (get("/api/sessions", method="BREW"), 405),
    "a code that is none": (get("/login?code=%00%ff", ""), 303),
    "a code asked for by a cookie holder": (get("/api/login-codes", "", method="POST"), 401),
}


@pytest.mark.parametrize("name", PROBES)
def test_a_probe_gets_the_right_status(server: RunningServer, name: str) -> None:
    request, status = PROBES[name]
    assert ask(server, request.replace("{port}", str(server.port)).encode()) == status


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    server = RunningServer(tmp_path_factory.mktemp("proxied") / "vcr", "--allow-host", "vcr.example.com")
    yield server
    server.close()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://vcr.example.com", 200),
        ("http://vcr.example.com", 200),
        ("https://vcr.example.com:444", 403),
        ("https://evil.example", 403),
        ("https://127.0.0.1:{port}", 403),
    ],
)
def test_a_page_behind_a_proxy_may_come_by_https(proxied: RunningServer, origin: str, status: int) -> None:
    request = get("/api/health", f"{BEARER}Origin: {origin}\r\n", host="vcr.example.com")
    assert ask(proxied, request.replace("{port}", str(proxied.port)).encode()) == status


@pytest.fixture
def browser(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url) as client:
        yield client


def test_a_login_url_works_once_and_its_cookie_opens_both_ways_in(server: RunningServer, browser: httpx.Client) -> None:
    code = httpx.post(f"{server.url}/api/login-codes", headers={"authorization": f"Bearer {TOKEN}"}).json()["code"]
    first = browser.get(f"/login?code={code}")
    assert first.status_code == 303
    assert first.headers["location"] == "/"
    cookie = first.headers["set-cookie"]
    assert f"vcr_{server.port}=" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert browser.get("/api/health").status_code == 200
    assert "set-cookie" not in httpx.get(f"{server.url}/login?code={code}").headers
    value = cookie.partition(";")[0]
    with_cookie = socket_with(f"Cookie: {value}\r\n").replace("{port}", str(server.port))
    assert ask(server, with_cookie.encode()) == 101
    evil = socket_with(f"Cookie: {value}\r\nOrigin: http://evil.example\r\n").replace("{port}", str(server.port))
    assert ask(server, evil.encode()) == 403


def test_every_answer_carries_the_security_headers(server: RunningServer, browser: httpx.Client) -> None:
    for path in ("/api/health", "/signed-out", "/style.css", "/nothing"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert "token" not in server.read_errors()


def test_the_start_page_leads_a_stranger_to_an_explanation(browser: httpx.Client) -> None:
    answer = browser.get("/", follow_redirects=True)
    assert answer.status_code == 401
    assert "login URL" in answer.text
