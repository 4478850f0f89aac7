"""Where the body of a captured `urllib3` response comes from: the network, teed, or a recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from vcr_llm.captured_call import CapturedCall
from vcr_llm.exchange import Failure, Reply
from vcr_llm.tee import Tee


class BodySource(Protocol):
    """Gives the pieces of a body.

    Attributes:
        ended: True once there is nothing more.
    """

    ended: bool

    def next(self, amount: int | None) -> bytes | None:
        """Return the next piece, None behind the last; `amount` bounds it where the body has no pieces of its own."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...

    def release(self) -> None:
        """Give the connection back."""
        ...


class LiveSource:
    """The body of a live response; each piece is noted on its way."""

    def __init__(self, response: Any, tee: Tee) -> None:
        self.ended = False
        self._response = response
        self._tee = tee
        self._chunked = bool(response.chunked and response.supports_chunked_reads())
        self._chunks: Iterator[bytes] | None = None

    def next(self, amount: int | None) -> bytes | None:
        """Return the next chunk as it comes, or up to `amount` bytes of a body that has no chunks."""
        if self.ended:
            return None
        try:
            with self._tee.pulling():
                piece = self._pull(amount)
        except BaseException as error:
            self.ended = True
            self._tee.fail(error)
            raise
        if not piece:
            self.ended = True
            self._tee.complete()
            return None
        return self._tee.add(piece)

    def _pull(self, amount: int | None) -> bytes:
        if not self._chunked:
            read: bytes = self._response.read(amount, decode_content=True)
            return read
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = iter(self._response.read_chunked(None, decode_content=True))
        return next((piece for piece in chunks if piece), b"")

    def close(self) -> None:
        """Stop reading and close the connection."""
        self.ended = True
        self._response.close()
        self._tee.close()

    def release(self) -> None:
        """Give the connection back; what was not read is not recorded."""
        self._response.release_conn()
        if not self.ended:
            self._tee.close()


class ServedSource:
    """The recorded body."""

    def __init__(self, call: CapturedCall, reply: Reply, make_error: Callable[[Failure], BaseException]) -> None:
        self.ended = False
        self._call = call
        self._reply = reply
        self._make_error = make_error
        self._chunks = iter(reply.chunks)

    def next(self, amount: int | None) -> bytes | None:
        """Return the next recorded chunk; behind the last, end as the recorded body did."""
        if self.ended:
            return None
        piece = next(self._chunks, None)
        if piece is None:
            self.ended = True
            if self._reply.failure is not None:
                raise self._make_error(self._reply.failure)
            self._call.check_end(self._reply)
        return piece

    def close(self) -> None:
        """Stop reading."""
        self.ended = True

    def release(self) -> None:
        """There is no connection."""
