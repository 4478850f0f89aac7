"""What a frame holds of a request, which is also what a replay compares: the request in canonical form.

Left out is what changes from run to run without meaning anything (tracing headers, dates, signatures, versions of SDKs)
and what authenticates the caller.  Everything else is compared, so a changed prompt, model or parameter is seen.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlunsplit

from vcr_llm.content_coding import decode_whole
from vcr_llm.errors import LlmError
from vcr_llm.exchange import Request
from vcr_llm.header_names import CREDENTIALS, CREDENTIALS_IN_QUERY, MEANT, VOLATILE, VOLATILE_STARTS
from vcr_llm.tool_call_ids import rename_ids, restore_ids

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)


class UnreadableBodyError(LlmError):
    """A request that says it is JSON and is not: it cannot be compared with what was recorded.

    Attributes:
        call: Method and URL.
        reason: Where it stops being JSON.
    """

    def __init__(self, call: str, reason: str) -> None:
        self.call = call
        self.reason = reason
        super().__init__(
            f"the body of {call} is declared as JSON but cannot be parsed ({reason}), so it cannot be matched with the "
            "recording. Nothing was sent. Send valid JSON, or declare another content type."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.call, self.reason)


def canonical_input(request: Request) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the input of the step that a request is, and the tool-call ids that were renamed in it.

    The input has ``method``, ``url``, ``headers`` and, unless it is empty, ``body``: parsed JSON, text or bytes.

    Raises:
        UnreadableBodyError: If the body is declared as JSON and is none.
    """
    ids: dict[str, str] = {}
    result: dict[str, Any] = {"method": request.method.upper(), "url": clean_url(request)}
    result["headers"] = _compared_headers(request)
    if request.body:
        body = _read_body(request, result["headers"])
        result["body"], ids = rename_ids(body)
    return result, ids


def raw_input(request: Request) -> dict[str, Any]:
    """Return the input of a request whose body cannot be parsed: the bytes as they are."""
    return {
        "method": request.method.upper(),
        "url": clean_url(request),
        "headers": _compared_headers(request),
        "body": request.body,
    }


def edited_request(request: Request, edited: dict[str, Any], ids: dict[str, str]) -> Request:
    """Return the request that an edited input asks for; what was left out of the input is as it was."""
    body = edited.get("body", b"")
    if isinstance(body, str):
        content = body.encode()
    elif isinstance(body, (bytes, bytearray)):
        content = bytes(body)
    else:
        content = json.dumps(restore_ids(body, ids), ensure_ascii=False, separators=(",", ":")).encode()
    changed: dict[str, Any] = edited.get("headers", {})
    names = {"content-length", "content-encoding", *changed}
    headers = [(name, value) for name, value in request.headers if name.lower() not in names]
    headers += [(name, str(value)) for name, value in changed.items()]
    url = request.url if edited.get("url") == clean_url(request) else str(edited.get("url"))
    return Request(str(edited.get("method", request.method)), url, headers, content)


def clean_url(request: Request) -> str:
    """Return the URL without user, password, fragment and credentials in the query."""
    return without_credentials(request.parts._replace(fragment=""))


def without_credentials(parts: SplitResult) -> str:
    """Return a URL without user, password and credentials in the query."""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name.lower() not in CREDENTIALS_IN_QUERY and not _signs(name)]
    query = parts.query if len(kept) == len(pairs) else urlencode(kept)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, parts.fragment))


def _signs(name: str) -> bool:
    return name.lower().startswith(("x-amz-", "x-goog-"))


def _compared_headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in sorted((name.lower(), value) for name, value in request.headers):
        if name in MEANT or not (
            name in VOLATILE or name in CREDENTIALS or name.startswith(VOLATILE_STARTS) or (name, value) in _DEFAULTS
        ):
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


_DEFAULTS = frozenset({("accept", "*/*")})


def _read_body(request: Request, headers: dict[str, str]) -> Any:
    content = decode_whole(request.body, request.header("content-encoding"))
    if content is None:
        return request.body
    kind = request.header("content-type").lower()
    if "json" in kind:
        return _parse(content, request)
    boundary = _BOUNDARY.search(request.header("content-type")) if kind.startswith("multipart/") else None
    if boundary:
        content = content.replace(boundary[1].encode(), b"boundary")
        headers["content-type"] = headers["content-type"].replace(boundary[1], "boundary")
    if not kind and content[:1] in (b"{", b"["):
        try:
            return json.loads(content)
        except ValueError:
            pass  # it did not claim to be JSON: text, as below
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def _parse(content: bytes, request: Request) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise UnreadableBodyError(str(request), str(error)) from error
