"""`aiohttp`: as the innermost middleware of every request, so that what is recorded is what would be sent.

Needs aiohttp 3.12, the first with middlewares for clients.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from vcr_llm.captured_call import CapturedCall, begin_call, captures
from vcr_llm.content_coding import offer
from vcr_llm.exchange import Failure, Reply, Request, ResponseHead
from vcr_llm.tee import Tee
from vcr_llm.transports import Undo

# What the libraries' classes are mixed with is written against them, but they are not imported here.
_Mixed: Any = object
Handler = Callable[[Any], Awaitable[Any]]


def patch(library: ModuleType) -> Undo:
    """Patch the sessions of `aiohttp`; return what undoes it.

    Raises:
        AttributeError: If this version has no middlewares.
    """
    session_class = library.ClientSession
    plain = session_class._request  # the one way in of all verbs
    if "middlewares" not in inspect.signature(plain).parameters:
        raise AttributeError("ClientSession._request(middlewares=…)")
    adapter = _Adapter(library)

    @functools.wraps(plain)
    async def request(self: Any, *args: Any, **options: Any) -> Any:
        given = options.pop("middlewares", None)
        chosen = (self._middlewares if given is None else given) or ()
        return await plain(self, *args, middlewares=(*chosen, adapter.middleware), **options)

    session_class._request = request

    def undo() -> None:
        session_class._request = plain

    return undo


class _Adapter:
    """Turns the library's objects into ours and back."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library
        self._tee_reader: Any = type("TeeReader", (_TeeReader, library.StreamReader), {})
        self._served_reader: Any = type("ServedReader", (_ServedReader, library.StreamReader), {})

    async def middleware(self, request: Any, handler: Handler) -> Any:
        """Record or serve one request; redirects come as requests of their own."""
        run = captures(request.url.host or "")
        if run is None:
            return await handler(request)
        body = await request.body.as_bytes() if request.body else b""
        headers = list(request.headers.items())
        call = begin_call(run, Request(request.method, str(request.url), headers, body))
        await call.wait_async()
        if not call.live:
            return self._serve(call, request)
        await self._prepare(call, request)
        try:
            with call.sending():
                response = await handler(request)
        except BaseException as error:
            call.failed(error)
            raise
        return self._teed(call, request, response)

    async def _prepare(self, call: CapturedCall, request: Any) -> None:
        accepted = request.headers.get("Accept-Encoding")
        if accepted is not None:
            request.headers["Accept-Encoding"] = offer(accepted)
        if call.edited:
            edited = call.request
            request.headers.pop("Content-Length", None)
            await request.update_body(edited.body)
            for name, value in edited.headers:
                request.headers[name] = value

    def _teed(self, call: CapturedCall, request: Any, response: Any) -> Any:
        head = ResponseHead(response.status, list(response.headers.items()), response.reason or "")
        tee = call.answered(head)
        tee.comes_decoded()
        if response.content.at_eof():  # no body; the one reader that all of these share never says so chunk by chunk
            tee.complete()
            return response
        response.content = self._tee_reader(response.content, tee, request.loop)
        for name in ("close", "release"):
            setattr(response, name, _then(getattr(response, name), tee.close))
        return response

    def _serve(self, call: CapturedCall, request: Any) -> Any:
        reply = call.reply()
        raise_again = functools.partial(self.error, request=request)
        if reply.head is None:
            assert reply.failure is not None
            raise raise_again(reply.failure)
        response = self._response(request, reply.head)
        response.content = self._served_reader(call, reply, raise_again, request.loop)
        return response

    def _response(self, request: Any, head: ResponseHead) -> Any:
        known: dict[str, Any] = {
            "writer": None,
            "continue100": None,
            "timer": None,
            "request_info": request.request_info,
            "traces": [],
            "loop": request.loop,
            "session": request.session,
            "stream_writer": SimpleNamespace(output_size=0),
        }
        parameters = inspect.signature(request.response_class.__init__).parameters
        chosen = {name: value for name, value in known.items() if name in parameters}
        response = request.response_class(request.method, request.url, **chosen)
        headers = type(request.headers)(head.headers)
        response.version = self._library.HttpVersion11
        response.status, response.reason = head.status, head.reason
        response._headers = self._library.client_reqrep.CIMultiDictProxy(headers)
        response._raw_headers = tuple((name.encode(), value.encode()) for name, value in head.headers)
        return response

    def error(self, failure: Failure, request: Any) -> BaseException:
        """Return the library's own error of that name; of another library's, the nearest one."""
        library = self._library
        if failure.name == asyncio.TimeoutError.__name__:  # of a total timeout; it has no class of its own
            return asyncio.TimeoutError(failure.message)
        found = getattr(library, failure.name, None)
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            found = library.ServerTimeoutError if "Timeout" in failure.name else library.ClientPayloadError
        if issubclass(found, library.ClientConnectorError):
            return found(request.connection_key, OSError(0, failure.message))
        try:
            return found(failure.message)
        except TypeError:
            return library.ClientConnectionError(failure.message)  # type: ignore[no-any-return]  # a class of aiohttp


def _then(first: Callable[[], Any], second: Callable[[], None]) -> Callable[[], Any]:
    def both() -> Any:
        try:
            return first()
        finally:
            second()

    return both


def _protocol() -> Any:
    """Return what a reader wants of the connection that feeds it."""
    return SimpleNamespace(
        connected=True,
        _reading_paused=False,
        pause_reading=lambda: None,
        resume_reading=lambda resume_parser=True: None,
    )


class _PulledReader(_Mixed):  # type: ignore[misc]  # see `_Mixed`
    """A reader that fetches a chunk when, and only when, one is waited for; mixed into the library's own class."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        reader: Any = super()
        reader.__init__(_protocol(), 2**16, loop=loop)

    async def _wait(self, func_name: str) -> None:
        try:
            found = await self.pull()
        except BaseException as error:
            if isinstance(error, Exception):
                self.set_exception(error)
            raise
        if found is None:
            self.feed_eof()
            return
        chunk, ends = found
        if ends:
            self.begin_http_chunk_receiving()
        self.feed_data(chunk)
        if ends:
            self.end_http_chunk_receiving()

    async def wait_eof(self) -> None:
        while not self.is_eof():
            await self._wait("wait_eof")

    async def pull(self) -> tuple[bytes, bool] | None:
        raise NotImplementedError


class _TeeReader(_PulledReader):
    """The body of a live response."""

    def __init__(self, reader: Any, tee: Tee, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._reader = reader
        self._tee = tee

    async def pull(self) -> tuple[bytes, bool] | None:
        try:
            with self._tee.pulling():
                chunk, ends = await self._reader.readchunk()
                while not chunk and ends:
                    chunk, ends = await self._reader.readchunk()
        except BaseException as error:
            self._tee.fail(error)
            raise
        if not chunk:
            self._tee.complete()
            return None
        return self._tee.add(chunk), self._reader._http_chunk_splits is not None

    def on_eof(self, callback: Callable[[], None]) -> None:
        self._reader.on_eof(callback)


class _ServedReader(_PulledReader):
    """The body of a recorded one."""

    def __init__(
        self,
        call: CapturedCall,
        reply: Reply,
        make_error: Callable[[Failure], BaseException],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(loop)
        self._call = call
        self._reply = reply
        self._make_error = make_error
        self._left = list(reversed(reply.chunks))
        if not self._left and reply.failure is None and reply.end == "complete":
            self.feed_eof()

    async def pull(self) -> tuple[bytes, bool] | None:
        if self._left:
            return self._left.pop(), True
        if self._reply.failure is not None:
            raise self._make_error(self._reply.failure)
        self._call.check_end(self._reply)
        return None
