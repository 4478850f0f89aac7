"""A local server that speaks the APIs of the providers, and says how often it was asked.

Nothing in it is a model: the answer repeats the question.  Whole responses can be scripted too.
"""

from __future__ import annotations

import http.server
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from vcr_llm.json_values import as_dict
from vcr_llm.testing import provider_bodies as bodies

_Body = dict[str, Any]


@dataclass
class Answer:
    """A response to give.

    Attributes:
        chunks: The body; more than one are sent apart, chunked.
        content_type: Its content type.
        status: Status code.
        headers: More headers.
        breaks: Cut the connection behind the last chunk, in the middle of the response.
        delay: Seconds before each chunk.
    """

    chunks: list[bytes]
    content_type: str = "application/json"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    breaks: bool = False
    delay: float = 0.0


class FakeProvider:
    """The server; a context manager.

    Attributes:
        hits: Requests so far.
        requests: Path, headers and body of each.
        scripted: Answers by path, used before anything else.
    """

    def __init__(self, *, delay: float = 0.0) -> None:
        self.hits = 0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.scripted: dict[str, Answer] = {}
        self._delay = delay
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="fake-provider", daemon=True
        )

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FakeProvider:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, path: str, headers: dict[str, str], content: bytes) -> Answer:
        """Count a request and return what it gets."""
        with self._lock:
            self.hits += 1
            self.requests.append((path, headers, content))
        scripted = self.scripted.get(path)
        if scripted is not None:
            return scripted
        try:
            asked = json.loads(content or b"{}")
        except ValueError:
            return _json({"error": {"message": "the body is no JSON", "type": "invalid_request_error"}}, status=400)
        return self._speak(urlsplit(path).path, as_dict(asked) or {"input": asked})

    def _speak(self, path: str, asked: _Body) -> Answer:
        streams = asked.get("stream") is True
        if path.endswith("/chat/completions"):
            return self._sse(bodies.chat_events(asked)) if streams else _json(bodies.chat_body(asked), indent=2)
        if path.endswith("/responses"):
            return self._sse(bodies.responses_events(asked)) if streams else _json(bodies.responses_body(asked))
        if path.endswith("/messages"):
            return self._sse(bodies.messages_events(asked)) if streams else _json(bodies.messages_body(asked))
        if path.endswith(":streamGenerateContent"):
            return self._sse(bodies.gemini_events(asked))
        if path.endswith(":generateContent"):
            return _json(bodies.gemini_body(asked))
        if path.endswith("/converse-stream"):
            chunks = bodies.converse_events(asked)
            return Answer(chunks, "application/vnd.amazon.eventstream", delay=self._delay)
        if path.endswith("/converse"):
            return _json(bodies.converse_body(asked))
        return _json({"path": path, "echo": asked})

    def _sse(self, chunks: list[bytes]) -> Answer:
        return Answer(chunks, "text/event-stream; charset=utf-8", delay=self._delay)


def _json(body: _Body, *, status: int = 200, indent: int | None = None) -> Answer:
    return Answer([json.dumps(body, indent=indent).encode()], status=status, headers={"x-request-id": "req_1"})


class _Handler(http.server.BaseHTTPRequestHandler):
    """Hands requests to the provider of its server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    provider: FakeProvider

    def log_message(self, format: str, *args: Any) -> None:  # the name is the library's
        """Say nothing."""

    def _respond(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            self._send(self.provider.answer(self.path, headers, content))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = _respond  # noqa: N815  # the names are the library's

    def _send(self, answer: Answer) -> None:
        apart = len(answer.chunks) != 1 or answer.breaks
        self.send_response(answer.status)
        self.send_header("content-type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if apart:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(answer.chunks[0])))
        self.end_headers()
        if self.command == "HEAD":
            return
        for chunk in answer.chunks:
            if answer.delay:
                time.sleep(answer.delay)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if apart else chunk)
            self.wfile.flush()
        if answer.breaks:
            self.close_connection = True
        elif apart:
            self.wfile.write(b"0\r\n\r\n")
