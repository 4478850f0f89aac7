"""The events in a streamed body: server-sent events, JSON lines, a JSON array, Amazon's binary event stream.

Reading only; what an event means is the provider's.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

from vcr_llm.json_values import as_list

_STRING_HEADER = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of the values of headers of fixed size, by their type."""


def read_events(content: bytes, content_type: str) -> list[dict[str, Any]]:
    """Return the JSON objects that a streamed body carries; what is cut off or no JSON is left out."""
    kind = content_type.lower()
    if kind.startswith("application/vnd.amazon.eventstream"):
        return list(_binary_events(content))
    text = content.decode("utf-8", "replace")
    if kind.startswith("text/event-stream"):
        texts = list(sse_data(text))
    elif text.lstrip()[:1] == "[":
        return [item for item in as_list(_parse(text)) if isinstance(item, dict)]
    else:
        texts = text.splitlines()
    found = [_parse(item) for item in texts]
    return [item for item in found if isinstance(item, dict)]


def sse_data(text: str) -> Iterator[str]:
    """Yield the data of each event of a text of server-sent events that is complete."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            yield "\n".join(lines)
            lines = []


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # "[DONE]", a comment, a line that was cut off


def _binary_events(content: bytes) -> Iterator[dict[str, Any]]:
    """Each message: total and header length, checksum, headers, payload, checksum."""
    at = 0
    while at + 16 <= len(content):
        total, headers_length = struct.unpack_from(">II", content, at)
        if total < 16 or at + total > len(content):
            return
        headers = _headers(content[at + 12 : at + 12 + headers_length])
        payload = _parse(content[at + 12 + headers_length : at + total - 4].decode("utf-8", "replace"))
        if isinstance(payload, dict):
            yield {**payload, **headers}
        at += total


def _headers(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(block):
        name_length = block[at]
        name = block[at + 1 : at + 1 + name_length].decode("utf-8", "replace")
        kind = block[at + 1 + name_length]
        at += 2 + name_length
        size = _SIZES.get(kind)
        if size is None:
            (size,) = struct.unpack_from(">H", block, at)
            at += 2
        if kind == _STRING_HEADER and name in (":event-type", ":exception-type"):
            found[name] = block[at : at + size].decode("utf-8", "replace")
        at += size
    return found
