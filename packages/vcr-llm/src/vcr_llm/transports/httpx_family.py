"""`httpx` and `httpx2`: the transports, below clients, so that clients made before are captured too.

Both libraries have the same classes; the module that is patched is given.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

from vcr_llm.captured_call import CapturedCall, begin_call, captures
from vcr_llm.content_coding import offer
from vcr_llm.exchange import Failure, Reply, Request, ResponseHead
from vcr_llm.tee import Tee
from vcr_llm.transports import Undo


def patch(library: ModuleType) -> Undo:
    """Patch the transports of `httpx` or `httpx2`; return what undoes it."""
    adapter = _Adapter(library)
    sync_class, async_class = library.HTTPTransport, library.AsyncHTTPTransport
    plain, plain_async = sync_class.handle_request, async_class.handle_async_request

    @functools.wraps(plain)
    def handle_request(self: Any, request: Any) -> Any:
        run = captures(request.url.host)
        if run is None:
            return plain(self, request)
        request.read()
        call = begin_call(run, adapter.request(request))
        call.wait()
        if not call.live:
            return adapter.response(call, request)
        sent = adapter.to_send(call, request)
        try:
            with call.sending():
                response = plain(self, sent)
        except BaseException as error:
            call.failed(error)
            raise
        response.stream = adapter.sync_tee(response.stream, call.answered(_head(response)))
        return response

    @functools.wraps(plain_async)
    async def handle_async_request(self: Any, request: Any) -> Any:
        run = captures(request.url.host)
        if run is None:
            return await plain_async(self, request)
        await request.aread()
        call = begin_call(run, adapter.request(request))
        await call.wait_async()
        if not call.live:
            return adapter.response(call, request)
        sent = adapter.to_send(call, request)
        try:
            with call.sending():
                response = await plain_async(self, sent)
        except BaseException as error:
            call.failed(error)
            raise
        response.stream = adapter.async_tee(response.stream, call.answered(_head(response)))
        return response

    sync_class.handle_request = handle_request
    async_class.handle_async_request = handle_async_request

    def undo() -> None:
        sync_class.handle_request = plain
        async_class.handle_async_request = plain_async

    return undo


def _head(response: Any) -> ResponseHead:
    return ResponseHead(response.status_code, list(response.headers.multi_items()))


class _Adapter:
    """Turns one library's objects into ours and back."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library
        sync_base, async_base = library.SyncByteStream, library.AsyncByteStream
        self.sync_tee: Any = type("TeeStream", (_TeeStream, sync_base), {})
        self.async_tee: Any = type("AsyncTeeStream", (_AsyncTeeStream, async_base), {})
        self._served: Any = type("ServedStream", (_ServedStream, sync_base, async_base), {})

    def request(self, request: Any) -> Request:
        return Request(request.method, str(request.url), list(request.headers.multi_items()), request.content)

    def to_send(self, call: CapturedCall, request: Any) -> Any:
        """Return the request to send: as given, but for codings that could not be recorded, or as edited."""
        accepted = request.headers.get("accept-encoding")
        if accepted is not None:
            request.headers["accept-encoding"] = offer(accepted)
        if not call.edited:
            return request
        edited = call.request
        headers = [(name, value) for name, value in edited.headers if name.lower() != "accept-encoding"]
        return self._library.Request(
            edited.method, edited.url, headers=headers, content=edited.body, extensions=request.extensions
        )

    def response(self, call: CapturedCall, request: Any) -> Any:
        """Return the served response, or raise the served error."""
        reply = call.reply()
        if reply.head is None:
            assert reply.failure is not None
            raise self.error(reply.failure, request)
        return self._library.Response(
            reply.head.status,
            headers=reply.head.headers,
            stream=self._served(call, reply, functools.partial(self.error, request=request)),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reply.head.reason.encode()}
            if reply.head.reason
            else {"http_version": b"HTTP/1.1"},
        )

    def error(self, failure: Failure, request: Any) -> BaseException:
        """Return the library's own error of that name; of another library's, the nearest one."""
        found: Any = getattr(self._library, failure.name, None)
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            found = self._library.ConnectTimeout if "Timeout" in failure.name else self._library.ReadError
        options = {"request": request} if issubclass(found, self._library.RequestError) else {}
        error: BaseException = found(failure.message, **options)
        return error


class _LiveBody:
    """The body of a live response, and what records it on its way."""

    def __init__(self, stream: Any, tee: Tee) -> None:
        self._stream = stream
        self._tee = tee


class _TeeStream(_LiveBody):
    """For a client that does not wait in an event loop."""

    def __iter__(self) -> Iterator[bytes]:
        tee = self._tee
        chunks = iter(self._stream)
        with tee.reading():
            while True:
                with tee.pulling():
                    chunk = next(chunks, None)
                if chunk is None:
                    break
                yield tee.add(chunk)

    def close(self) -> None:
        """Close the live stream, and record what was read of it."""
        try:
            self._stream.close()
        finally:
            self._tee.close()


class _AsyncTeeStream(_LiveBody):
    """For one that does."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        tee = self._tee
        chunks: AsyncIterator[bytes] = self._stream.__aiter__()
        with tee.reading():
            while True:
                with tee.pulling():
                    chunk = await _next_of(chunks)
                if chunk is None:
                    break
                yield tee.add(chunk)

    async def aclose(self) -> None:
        """Close the live stream, and record what was read of it."""
        try:
            await self._stream.aclose()
        finally:
            self._tee.close()


async def _next_of(chunks: AsyncIterator[bytes]) -> bytes | None:
    """Return the next chunk, None behind the last."""
    try:
        return await chunks.__anext__()
    except StopAsyncIteration:
        return None


class _ServedStream:
    """The body of a recorded response, for both kinds of client."""

    def __init__(self, call: CapturedCall, reply: Reply, make_error: Callable[[Failure], BaseException]) -> None:
        self._call = call
        self._reply = reply
        self._make_error = make_error

    def __iter__(self) -> Iterator[bytes]:
        yield from self._reply.chunks
        self._end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._reply.chunks:
            yield chunk
        self._end()

    def _end(self) -> None:
        if self._reply.failure is not None:
            raise self._make_error(self._reply.failure)
        self._call.check_end(self._reply)

    def close(self) -> None:
        """There is nothing to close."""

    async def aclose(self) -> None:
        """There is nothing to close."""
