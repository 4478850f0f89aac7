"""Cassettes of vcrpy, made into recordings: each interaction becomes the frame that capturing it would have written.

So `vcr_llm.replay` serves them to the code that made them.  Streams come event by event: a cassette does not know how
they were cut when they came.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.engine import run_of
from vcr_core.importers import ImportFileError
from vcr_llm.captured_call import begin_call
from vcr_llm.exchange import Headers, Request, ResponseHead
from vcr_llm.json_values import Json, as_dict, as_list
from vcr_llm.settings import local_settings, make_settings

if TYPE_CHECKING:
    from vcr_core import VCRRecorder

SOURCE = "vcrpy"
_EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)


def read_cassette(path: Path) -> list[tuple[Request, ResponseHead, bytes]]:
    """Return the interactions of a cassette, YAML or JSON.

    Raises:
        ImportFileError: If it is none, or is YAML and PyYAML is not installed; the message says where and why.
        OSError: If it cannot be read.
    """
    text = path.read_text(encoding="utf-8")
    whole = _parse_json(path, text) if text.lstrip()[:1] == "{" else _parse_yaml(path, text)
    interactions = as_dict(whole).get("interactions")
    if not isinstance(interactions, list):
        raise ImportFileError(path, "", 'a cassette of vcrpy, with a list of "interactions", is expected')
    return [_interaction(path, number, item) for number, item in enumerate(as_list(interactions))]


def record_cassette(recorder: VCRRecorder, path: Path, *, session_id: str | None = None) -> Path:
    """Record a cassette as a session and return its file.

    Args:
        recorder: Its settings say where, and whether secrets are replaced.
        path: The cassette.
        session_id: Name of the session; that of the file if None.

    Raises:
        ImportFileError: As `read_cassette`; nothing is recorded then.
        RecordingError: If not everything could be written.
    """
    interactions = read_cassette(path)
    name = session_id or re.sub(r"[^A-Za-z0-9_.-]", "_", path.stem)[:100].strip("._-") or "cassette"
    recorder.start_session(name, metadata={"imported_from": SOURCE, "file": path.name})
    with local_settings(make_settings()):
        run = run_of(recorder)
        for request, head, content in interactions:
            call = begin_call(run, request)
            call.wait()
            with call.sending():
                tee = call.answered(head)
            for chunk in split_events(content) if "event-stream" in head.header("content-type") else [content]:
                tee.add(chunk)
            tee.complete()
    return recorder.save()


def split_events(content: bytes) -> list[bytes]:
    """Return a body of server-sent events cut behind each event."""
    return [event for event in _EVENT.findall(content) if event]


def _parse_json(path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ImportFileError(path, "", f"it is not JSON: {error}") from error


def _parse_yaml(path: Path, text: str) -> Any:
    try:
        yaml: Any = importlib.import_module("yaml")  # an extra, whose types are another one
    except ImportError as error:
        reason = "it is YAML, and PyYAML is not installed: `pip install vcr-llm[cassettes]`"
        raise ImportFileError(path, "", reason) from error
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, loader)  # both are safe loaders
    except yaml.YAMLError as error:
        raise ImportFileError(path, "", f"it is not YAML: {error}") from error


def _interaction(path: Path, number: int, item: Any) -> tuple[Request, ResponseHead, bytes]:
    asked, got = as_dict(as_dict(item).get("request")), as_dict(as_dict(item).get("response"))
    if not isinstance(asked.get("uri"), str) or not got:
        raise ImportFileError(path, f"interaction {number}", 'a "request" with a "uri" and a "response" are expected')
    request = Request(str(asked.get("method") or "GET"), asked["uri"], _headers(asked), _content(asked.get("body")))
    status = as_dict(got.get("status"))
    code = status.get("code", got.get("status_code"))
    if not isinstance(code, int):
        raise ImportFileError(path, f"interaction {number}", "the response has no status code")
    head = ResponseHead(code, _headers(got), str(status.get("message") or ""))
    body = as_dict(got.get("body"))
    return request, head, _content(body.get("string") if body else got.get("content", got.get("body")))


def _headers(part: Json) -> Headers:
    return [pair for name, value in as_dict(part.get("headers")).items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    for item in as_list(value) or [value]:
        yield name, item.decode("latin-1") if isinstance(item, bytes) else str(item)


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
