"""What a frame holds of a response, and back: bodies that can be read and yet are served byte for byte.

A JSON body is kept parsed where one of a few ways to write JSON gives exactly its bytes again (`_STYLES`); else as
text, else as bytes.  A stream is kept chunk by chunk, with the time of each and how it ended.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vcr_core import Stream
from vcr_llm.exchange import Failure, Headers, Reply, ResponseHead
from vcr_llm.header_names import NOT_SERVED
from vcr_llm.json_values import as_dict, as_list
from vcr_llm.request_record import without_credentials

STILL_CODED = "x-vcr-coding"
"""Header of a recorded response whose body is kept in a coding that could not be decoded: its name."""

_REDIRECTS = ("location", "content-location")
_STREAM_TYPES = (
    "text/event-stream",
    "application/x-ndjson",
    "application/stream+json",
    "application/jsonl",
    "application/vnd.amazon.eventstream",
)
_STYLES: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "compact-ascii": {"separators": (",", ":")},
    "spaced": {"ensure_ascii": False},
    "spaced-ascii": {},
    "indent-2": {"indent": 2, "ensure_ascii": False},
    "indent-2-ascii": {"indent": 2},
}


def is_stream(head: ResponseHead, request_input: dict[str, Any]) -> bool:
    """True if the chunks of the body mean something: by content type, or because a stream was asked for."""
    kind = head.header("content-type").lower()
    return kind.startswith(_STREAM_TYPES) or (head.status < 400 and asks_stream(request_input))


def asks_stream(request_input: dict[str, Any]) -> bool:
    """True if a request asks for a stream."""
    asked = as_dict(request_input.get("body")).get("stream") is True
    return asked or "stream" in str(request_input.get("url", "")).rpartition("/")[2].lower()


def record_reply(reply: Reply, *, stream: bool, offsets: list[float]) -> dict[str, Any]:
    """Return the output of the step that a request is.

    It has ``status`` and ``headers``, and then ``body`` with its ``format``, or ``stream``; where something was raised,
    ``error`` with class name and message.

    Args:
        reply: What came back.
        stream: Keep the chunks apart.
        offsets: Milliseconds from the request to each chunk.
    """
    output: dict[str, Any] = {}
    head = reply.head
    if head is not None:
        output["status"] = head.status
        if head.reason:
            output["reason"] = head.reason
        output["headers"] = _plain_headers(head, empty=not any(reply.chunks))
        if stream:
            chunks = [_text_or_bytes(chunk) for chunk in reply.chunks]
            output["stream"] = Stream(chunks, [round(offset, 3) for offset in offsets], reply.end)
        else:
            output.update(_record_body(b"".join(reply.chunks)))
            if reply.end != "complete":
                output["end"] = reply.end
    if reply.failure is not None:
        failed = {"type": reply.failure.name, "message": reply.failure.message, "reason": reply.failure.reason}
        output["error"] = {name: text for name, text in failed.items() if text}
    return output


def reply_of(output: dict[str, Any]) -> Reply:
    """Return the response that a recorded output stands for.

    Raises:
        ValueError: If it is no output of `record_reply`.
    """
    failure = _failure(output.get("error"))
    status = output.get("status")
    if not isinstance(status, int):
        if failure is None:
            raise ValueError("there is neither a status nor an error")
        return Reply(None, failure=failure)
    head = ResponseHead(status, _header_list(output.get("headers") or {}), str(output.get("reason") or ""))
    stream = output.get("stream")
    if isinstance(stream, Stream):
        return Reply(head, [_as_bytes(chunk) for chunk in stream.chunks], stream.end, failure)
    body, end = body_bytes(output), str(output.get("end") or "complete")
    if body and end == "complete":  # which may be edited, and then has a length of its own
        head.headers = [(name, str(len(body)) if name == "content-length" else value) for name, value in head.headers]
    return Reply(head, [body] if body else [], end, failure)


def _failure(recorded: Any) -> Failure | None:
    texts = as_dict(recorded)
    return Failure(*(str(texts.get(name, "")) for name in ("type", "message", "reason"))) if texts else None


def body_bytes(output: dict[str, Any]) -> bytes:
    """Return the whole body of a recorded output; of a stream, its chunks joined."""
    stream = output.get("stream")
    if isinstance(stream, Stream):
        return b"".join(_as_bytes(chunk) for chunk in stream.chunks)
    body: Any = output.get("body")
    style = str(output.get("format") or "")
    if body is None and not style:
        return b""
    options = _STYLES.get(style.removesuffix("+newline"))
    if options is None and isinstance(body, (str, bytes)):
        return _as_bytes(body)
    text = json.dumps(body, **(_STYLES["compact"] if options is None else options))
    return f"{text}\n".encode() if style.endswith("+newline") else text.encode()


def _record_body(content: bytes) -> dict[str, Any]:
    if not content:
        return {}
    text = _text_or_bytes(content)
    if isinstance(text, bytes):
        return {"body": text}
    if content[:1] in b'{["' or content[:1].isdigit():
        parsed, style = _parse(text)
        if style:
            return {"body": parsed, "format": style}
    return {"body": text}


def _parse(text: str) -> tuple[Any, str]:
    """Return a JSON text parsed, with the style that writes it again; "" if there is none."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None, ""
    newline = "+newline" if text.endswith("\n") else ""
    bare = text[:-1] if newline else text
    for name, options in _STYLES.items():
        if json.dumps(parsed, **options) == bare:
            return parsed, f"{name}{newline}"
    return None, ""


def _plain_headers(head: ResponseHead, *, empty: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    coded = head.header("content-encoding").lower() not in ("", "identity")
    for key, value in head.headers:
        name = key.lower()
        # A length is that of the coded body, which is not what is served; without a body (HEAD) it is told as it was.
        if name in NOT_SERVED and not (name == "content-length" and (empty or not coded)):
            continue
        text = _cleaned(value) if name in _REDIRECTS else value
        if name in found:
            before = found[name]
            found[name] = [*before, text] if isinstance(before, list) else [before, text]
        else:
            found[name] = text
    return found


def _cleaned(url: str) -> str:
    """Return the target of a redirect without credentials; one that has none as it is written."""
    try:
        parts = urlsplit(url)
    except ValueError:  # no URL; the client will say so
        return url
    cleaned = without_credentials(parts)
    return url if cleaned == urlunsplit(parts) else cleaned


def _header_list(headers: dict[str, Any]) -> Headers:
    pairs: Headers = []
    for name, value in headers.items():
        values = as_list(value) or [value]
        pairs += [("content-encoding" if name == STILL_CODED else name, str(item)) for item in values]
    return pairs


def _text_or_bytes(chunk: bytes) -> str | bytes:
    try:
        return chunk.decode()
    except UnicodeDecodeError:
        return chunk


def _as_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
