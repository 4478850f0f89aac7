"""Takes the chunks of a response as the caller reads them, and records the call when the last one was read.

Nothing is read ahead and nothing is held back: a chunk is noted on its way through.
"""

from __future__ import annotations

import asyncio
import threading
import zlib
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from vcr_llm import settings
from vcr_llm.content_coding import ChunkDecoder
from vcr_llm.exchange import Failure, Reply, ResponseHead
from vcr_llm.llm_metadata import metadata_of
from vcr_llm.response_record import STILL_CODED, record_reply

if TYPE_CHECKING:
    from vcr_core.engine import RunningStep
    from vcr_llm.providers import Provider


class Tee:
    """What one response gave so far.

    Args:
        step: The step that is recorded at the end.
        provider: Whose response it is; None for plain HTTP.
        head: Status and headers; None if the request failed before.
        stream: Keep the chunks apart.
    """

    def __init__(
        self,
        step: RunningStep,
        provider: Provider | None,
        head: ResponseHead | None,
        *,
        stream: bool,
    ) -> None:
        self.step = step
        self._provider = provider
        self._head = head
        self._stream = stream
        self._settings = settings.current_settings()
        self._chunks: list[bytes] = []
        self._offsets: list[float] = []
        self._decoder = ChunkDecoder("" if head is None else head.header("content-encoding"))
        self._started = step.run.clock.ticks_ms()
        self._lock = threading.Lock()
        self._over = False
        step.on_abandon = self.close

    def comes_decoded(self) -> None:
        """Note that the transport decodes the body itself."""
        self._decoder = ChunkDecoder("")

    def pulling(self) -> AbstractContextManager[None]:
        """Be the body of the step while the next chunk is fetched, so that its time is the step's."""
        return self.step.entered()

    @contextmanager
    def reading(self) -> Generator[None]:
        """Read the body to its end in here, or to what breaks it off."""
        try:
            yield
        except BaseException as error:
            self.fail(error)
            raise
        self.complete()

    def add(self, chunk: bytes) -> bytes:
        """Note a chunk and return it."""
        try:
            decoded = self._decoder.decode(chunk)
        except zlib.error:  # it is not coded as its head says; a recording must not be what stops the caller
            self._decoder = ChunkDecoder("")
            decoded = chunk
        if decoded:
            self._chunks.append(decoded)
            self._offsets.append(self.step.run.clock.ticks_ms() - self._started)
        return chunk

    def complete(self) -> None:
        """Record a response that was read to its end."""
        self._end("complete")

    def close(self) -> None:
        """Record a response that the caller stopped reading; does nothing for one that has ended."""
        self._end("closed")

    def fail(self, error: BaseException) -> None:
        """Record a response that broke off, or never came."""
        if isinstance(error, (GeneratorExit, asyncio.CancelledError, KeyboardInterrupt)) and self._head is not None:
            self._end("closed")
        else:
            self._end("error", error)

    def _end(self, end: str, error: BaseException | None = None) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
        failure = None if error is None else Failure.of(error)
        reply = Reply(self._head_as_recorded(), self._chunks, end, failure)
        output = record_reply(reply, stream=self._stream, offsets=self._offsets)
        known = metadata_of(self._provider, self.step.call.input, output, prices=self._settings.prices)
        metadata: dict[str, Any] = known.fields
        if known.message is not None:
            output["message"] = known.message
        if error is not None:
            self.step.call.metadata = {**(self.step.call.metadata or {}), **metadata}
            self.step.fail(error, output=output)
            return
        status = "ok"
        if self._head is not None and self._head.status >= 400:
            status = "error"
            metadata = {"error_type": f"HTTP {self._head.status}", "error_message": known.error or "", **metadata}
        self.step.succeed(output, metadata=metadata, status=status)

    def _head_as_recorded(self) -> ResponseHead | None:
        """Keep the name of a coding that could not be decoded, since the body is recorded in it."""
        head = self._head
        if head is None or self._decoder.decodes:
            return head
        return ResponseHead(head.status, [*head.headers, (STILL_CODED, head.header("content-encoding"))], head.reason)
