"""The errors of the server.

::

    VcrError (vcr_core)
    └── ServerError
        ├── Problem         an answer to one request: status, title and detail (RFC 9457)
        └── ServerSetupError  the server cannot start as it was asked to
"""

from __future__ import annotations

from vcr_core.errors import VcrError


class ServerError(VcrError):
    """Base of all errors of the server."""


class ServerSetupError(ServerError):
    """The server cannot start as it was asked to; the message says what to change."""


class Problem(ServerError):
    """A request that is answered with a problem document.

    Attributes:
        status: HTTP status.
        kind: Short name of the problem, stable for programs.
        detail: What happened, what was expected and what to do.
    """

    def __init__(self, status: int, kind: str, detail: str) -> None:
        self.status = status
        self.kind = kind
        self.detail = detail
        super().__init__(detail)
