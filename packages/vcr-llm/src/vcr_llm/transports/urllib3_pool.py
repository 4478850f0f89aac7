"""`urllib3`, and with it `requests` and `botocore`: the connection pool, which all three send requests through."""

from __future__ import annotations

import functools
import io
from collections.abc import Generator, Iterable
from contextlib import suppress
from types import ModuleType
from typing import Any

from vcr_llm.captured_call import CapturedCall, begin_call, captures
from vcr_llm.content_coding import ChunkDecoder, offer
from vcr_llm.exchange import Failure, Headers, Request, ResponseHead
from vcr_llm.transports import Undo
from vcr_llm.transports.body_source import BodySource, LiveSource, ServedSource

# What the libraries' classes are mixed with is written against them, but they are not imported here.
_Mixed: Any = object


def patch(library: ModuleType) -> Undo:
    """Patch the pools of `urllib3`; return what undoes it."""
    pool_class = library.connectionpool.HTTPConnectionPool
    response_class: Any = type("CapturedResponse", (_CapturedResponse, library.HTTPResponse), {})
    plain = pool_class.urlopen

    @functools.wraps(plain)
    def urlopen(
        self: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any
    ) -> Any:
        run = captures(self.host)
        if run is None:
            return plain(self, method, url, body, headers, *args, **options)
        content = _read(body)
        given = headers if headers is not None else self.headers
        call = begin_call(run, Request(method, _whole_url(self, url), _pairs(given), content or b""))
        call.wait()
        preload = options.pop("preload_content", True)
        if not call.live:
            return _serve(library, response_class, self, call, preload=preload)
        if call.edited:
            method, url, content = call.request.method, _target(call.request), call.request.body
        sent = dict(call.request.headers) if call.edited else _offering(given)
        try:
            with call.sending():
                response = plain(self, method, url, content, sent, *args, preload_content=False, **options)
        except BaseException as error:
            call.failed(error)
            raise
        head = ResponseHead(response.status, _pairs(response.headers), response.reason or "")
        tee = call.answered(head)
        if options.get("decode_content", True) or _known_coding(head):
            tee.comes_decoded()
        return response_class(LiveSource(response, tee), head, preload=preload, original=response)

    pool_class.urlopen = urlopen

    def undo() -> None:
        pool_class.urlopen = plain

    return undo


def _known_coding(head: ResponseHead) -> bool:
    return ChunkDecoder(head.header("content-encoding")).decodes


def _serve(library: ModuleType, response_class: Any, pool: Any, call: CapturedCall, *, preload: bool) -> Any:
    reply = call.reply()
    raise_again = functools.partial(make_error, library, pool)
    if reply.head is None:
        assert reply.failure is not None
        raise raise_again(reply.failure)
    return response_class(ServedSource(call, reply, raise_again), reply.head, preload=preload, original=None)


def make_error(library: ModuleType, pool: Any, failure: Failure) -> BaseException:
    """Return an error of `urllib3` by name; of another library's, the nearest one."""
    errors = library.exceptions
    found = getattr(errors, failure.name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        found = errors.ReadTimeoutError if "Timeout" in failure.name else errors.ProtocolError
    error: Any = found.__new__(found)
    Exception.__init__(error, failure.message)
    for name, value in (("pool", pool), ("url", None), ("conn", None), ("_pool", pool)):
        with suppress(AttributeError):  # a property of some versions
            setattr(error, name, value)
    if failure.reason:
        error.reason = make_error(library, pool, Failure(failure.reason, failure.message))
    elif found is errors.MaxRetryError:
        error.reason = None
    raised: BaseException = error
    return raised


def _read(body: Any) -> Any:
    """Return a body as bytes, so that it can be recorded and sent; None stays None."""
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        read = body.read()
        return read.encode() if isinstance(read, str) else read
    with suppress(TypeError):  # as urllib3 tells a buffer of bytes from pieces
        return bytes(memoryview(body))
    pieces: Iterable[Any] = body
    return b"".join(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def _whole_url(pool: Any, url: str) -> str:
    if "://" in url:
        return url
    usual = {"http": 80, "https": 443}.get(pool.scheme)
    port = f":{pool.port}" if pool.port and pool.port != usual else ""
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    return f"{pool.scheme}://{host}{port}{url}"


def _target(request: Request) -> str:
    parts = request.parts
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _pairs(headers: Any) -> Headers:
    items: Iterable[tuple[Any, Any]] = headers.items() if headers is not None else ()
    return [(_text(name), _text(value)) for name, value in items]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _offering(headers: Any) -> Any:
    """Return headers that ask only for codings that can be recorded decoded."""
    if headers is None:
        return None
    for name in list(headers):
        if _text(name).lower() == "accept-encoding":
            headers = headers.copy()
            headers[name] = offer(_text(headers[name]))
    return headers


class _CapturedResponse(_Mixed):  # type: ignore[misc]  # see `_Mixed`
    """A response of `urllib3` that reads from a `BodySource`; mixed into the library's own class."""

    def __init__(self, source: BodySource, head: ResponseHead, *, preload: bool, original: Any) -> None:
        self._source = source
        self._rest = b""
        hidden = {"content-encoding", "transfer-encoding"}
        headers = [pair for pair in head.headers if pair[0].lower() not in hidden]
        response: Any = super()
        response.__init__(
            body=io.BytesIO(),
            headers=headers,
            status=head.status,
            reason=head.reason or None,
            preload_content=False,
            original_response=getattr(original, "_original_response", None),
            retries=getattr(original, "retries", None),
        )
        self.version = getattr(original, "version", 11)
        if preload:
            self._body = self.read()

    def read(self, amt: int | None = None, decode_content: Any = None, cache_content: bool = False) -> bytes:
        pieces = [self._rest]
        size = len(self._rest)
        while amt is None or amt < 0 or size < amt:
            piece = self._source.next(None if amt is None or amt < 0 else amt - size)
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece)
        whole = b"".join(pieces)
        end = len(whole) if amt is None or amt < 0 else amt
        self._rest = whole[end:]
        if cache_content:
            self._body = whole[:end]
        return whole[:end]

    def read1(self, amt: int | None = None, decode_content: Any = None) -> bytes:
        if not self._rest:
            self._rest = self._source.next(amt) or b""
        return self.read(min(len(self._rest), amt) if amt is not None and amt >= 0 else len(self._rest))

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def stream(self, amt: int | None = 65536, decode_content: Any = None) -> Generator[bytes]:
        if self._rest:
            yield self.read(len(self._rest))
        while (piece := self._source.next(amt)) is not None:
            if piece:
                yield piece

    def read_chunked(self, amt: int | None = None, decode_content: Any = None) -> Generator[bytes]:
        yield from self.stream(amt)

    def supports_chunked_reads(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        return self._source.ended and not self._rest

    def isclosed(self) -> bool:
        return self.closed

    def close(self) -> None:
        self._source.close()
        response: Any = super()
        response.close()

    def release_conn(self) -> None:
        self._source.release()

    def drain_conn(self) -> None:
        with suppress(Exception):  # as in urllib3: whoever drains wants the connection back, not the content
            self.read()
        self._source.release()
