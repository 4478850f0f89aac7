"""Who may ask: a bearer token for programs, a cookie for browsers, and login codes that work once.

The token never appears in a URL. A login code does, and is worthless after its first use.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable

CODE_SECONDS = 24 * 3600.0
MAX_CODES = 32


class Access:
    """The secrets of one running server.

    Args:
        port: The port it listens on; cookies are shared between the ports of a host, so theirs is in the name.
        token: The bearer token; made up if empty.
        clock: Seconds that only grow.
    """

    def __init__(self, port: int, token: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self.cookie = f"vcr_{port}"
        self._session = secrets.token_urlsafe(32)
        self._codes: dict[str, float] = {}
        self._clock = clock

    def new_code(self) -> str:
        """Return a login code; the oldest gives way when there are too many."""
        while len(self._codes) >= MAX_CODES:
            self._codes.pop(next(iter(self._codes)))
        code = secrets.token_urlsafe(24)
        self._codes[code] = self._clock() + CODE_SECONDS
        return code

    def use_code(self, code: str) -> bool:
        """Tell whether a login code is good, and make it worthless."""
        found = ""
        for known in self._codes:  # all of them, so that the time tells nothing
            if hmac.compare_digest(known.encode(), code.encode("utf-8", "replace")):
                found = known
        return bool(found) and self._codes.pop(found) > self._clock()

    def cookie_header(self) -> str:
        """Return the value of ``Set-Cookie`` that lets a browser in until the server ends."""
        return f"{self.cookie}={self._session}; HttpOnly; SameSite=Strict; Path=/"

    def admits(self, authorization: bytes | None, cookies: bytes) -> bool:
        """Tell whether the headers of a request carry the token or the cookie."""
        if authorization is not None:
            scheme, _, given = authorization.partition(b" ")
            return scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), self.token.encode())
        admitted = False
        for item in cookies.split(b";"):
            name, _, given = item.strip().partition(b"=")
            if name == self.cookie.encode():
                admitted |= hmac.compare_digest(given, self._session.encode())
        return admitted
