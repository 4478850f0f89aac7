"""One HTTP exchange in neutral terms: what every transport's request and response is turned into.

Plain data.  How it is recorded is `request_record` and `response_record`; how it is sent is `transports`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

Headers = list[tuple[str, str]]


@dataclass
class Request:
    """A request as it is about to be sent.

    Attributes:
        method: GET, POST, …
        url: The whole URL.
        headers: Names and values, in order.
        body: The content; empty for none.
    """

    method: str
    url: str
    headers: Headers
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return the first value of a header, "" if it is not there."""
        return first_header(self.headers, name)

    @property
    def parts(self) -> SplitResult:
        """The URL in its parts."""
        return urlsplit(self.url)

    def __str__(self) -> str:
        parts = self.parts
        return f"{self.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass
class ResponseHead:
    """What of a response comes before its body.

    Attributes:
        status: The status code.
        headers: Names and values, in order.
        reason: The reason phrase, "" where the protocol has none.
    """

    status: int
    headers: Headers
    reason: str = ""

    def header(self, name: str) -> str:
        """Return the first value of a header, "" if it is not there."""
        return first_header(self.headers, name)


@dataclass
class Failure:
    """An error of a transport, by name, so that another version of the library can raise its own again.

    Attributes:
        name: Name of the exception's class, without its module.
        message: Its text.
        reason: Name of the class of what it carries as its ``reason``, "" if there is none.
    """

    name: str
    message: str
    reason: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what a recording keeps of a transport's error."""
        reason = getattr(error, "reason", None)
        return cls(type(error).__name__, str(error), type(reason).__name__ if isinstance(reason, Exception) else "")


@dataclass
class Reply:
    """A recorded response, to be served.

    Attributes:
        head: Status and headers; None where the request failed before there was any.
        chunks: The body as it came, decoded.
        end: ``complete``, ``closed`` if the caller stopped reading, ``error``.
        failure: What was raised, behind the last chunk or instead of a response.
    """

    head: ResponseHead | None
    chunks: list[bytes] = field(default_factory=list[bytes])
    end: str = "complete"
    failure: Failure | None = None


def first_header(headers: Headers, name: str) -> str:
    """Return the first value of a header, "" if it is not there; names are compared without case."""
    wanted = name.lower()
    return next((value for key, value in headers if key.lower() == wanted), "")
