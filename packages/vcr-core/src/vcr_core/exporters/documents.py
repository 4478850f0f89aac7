"""Recordings as JSON, JSON Lines and Markdown, piece by piece: only one frame is in memory at a time.

States are written whole, large texts in their place, typed values as tagged objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.exporters.inlining import inline_blobs
from vcr_core.frames import CALLS
from vcr_core.player import VCRPlayer
from vcr_core.values import to_wire

_FENCE = re.compile(r"`{3,}")
_LONG_TEXT = 4000


def session_document(player: VCRPlayer) -> dict[str, Any]:
    """Return the first line of a recording and its totals as JSON-able data."""
    session: dict[str, Any] = to_wire(msgspec.to_builtins(player.session))
    return {**session, "totals": msgspec.to_builtins(player.totals())}


def frame_document(player: VCRPlayer, index: int) -> dict[str, Any]:
    """Return a frame as JSON-able data: its row, ``metadata``, ``error``, ``input_state`` and ``output_state``.

    Raises:
        MissingBlobError: If a large value is not there any more.
    """
    read_blob = BlobStore(player.path.parent).get
    body = player.body(index)
    row: dict[str, Any] = msgspec.to_builtins(player.source.row(index))
    return {
        **row,
        "metadata": inline_blobs(body.metadata, read_blob),
        "error": inline_blobs(msgspec.to_builtins(body.error), read_blob),
        "input_state": inline_blobs(player.wire_state(index, "input"), read_blob),
        "output_state": inline_blobs(player.wire_state(index), read_blob),
    }


def write_json_document(player: VCRPlayer) -> Iterator[str]:
    """Yield one JSON object, ``{"session": {…}, "frames": […]}``, in pieces."""
    yield '{"session": ' + _json(session_document(player)) + ', "frames": ['
    for index in range(len(player)):
        yield (",\n" if index else "\n") + _json(frame_document(player, index))
    yield "\n]}\n"


def write_json_lines(player: VCRPlayer) -> Iterator[str]:
    """Yield a line ``{"session": {…}}``, then a line ``{"frame": {…}}`` for each frame."""
    yield _json({"session": session_document(player)}) + "\n"
    for index in range(len(player)):
        yield _json({"frame": frame_document(player, index)}) + "\n"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def write_markdown(player: VCRPlayer) -> Iterator[str]:
    """Yield a document for people: what the run adds up to, then a section for each frame.

    The state after a step is shown as what the step changed; the first frame's is shown whole.
    """
    info, totals = player.session, player.totals()
    yield f"# {_inline(player.path.stem)}\n\n"
    yield f"- recorded {info.created_at}, {'ended ' + totals.status if player.end else 'without an end'}\n"
    yield f"- {totals.frames:,} frames, {totals.errors:,} errors, {totals.latency_ms / 1000:.2f} s\n"
    if totals.tokens or totals.cost_usd is not None:
        cost = "unknown cost" if totals.cost_usd is None else f"${totals.cost_usd:.4f}"
        yield f"- {totals.tokens:,} tokens, {cost}\n"
    if info.parent_session_id:
        yield f"- fork of {_inline(info.parent_session_id)} at frame {info.forked_from_frame}\n"
    if info.tags:
        yield f"- tags: {', '.join(map(_inline, info.tags))}\n"
    for index in range(len(player)):
        yield "".join(_section(player, index))


def _section(player: VCRPlayer, index: int) -> Iterator[str]:
    document = frame_document(player, index)
    label = f" {_inline(document['label'])}" if document.get("label") else ""
    kind, status = document.get("kind", "node"), document.get("status", "ok")
    yield f"\n## {index}. {_inline(document['node_name'])}\n\n{kind}{label}, {status}"
    yield f", {document['latency_ms']:.1f} ms\n" if document.get("latency_ms") else "\n"
    if document["error"]:
        yield "\n**" + _inline(f"{document['error']['type']}: {document['error']['message']}") + "**\n"
        yield _fenced(document["error"].get("traceback", ""), "text")
    before, after = document["input_state"], document["output_state"]
    if kind in CALLS or index == 0:
        yield "\nInput:\n" + _value(before) + "\nOutput:\n" + _value(after)
    elif before == after:
        yield "\nThe state stayed as it was.\n"
    else:
        yield "\nChanged:\n" + _difference(before, after)


def _difference(before: Any, after: Any) -> str:
    from vcr_core.diff import diff  # noqa: PLC0415  # only this form needs it
    from vcr_core.diff_render import render  # noqa: PLC0415

    return _fenced(render(diff(before, after), width=120), "diff")


def _value(value: Any) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    if len(text) > _LONG_TEXT:
        text = f"{text[:_LONG_TEXT]}\n… {len(text) - _LONG_TEXT:,} more characters"
    return _fenced(text, "json")


def _fenced(text: str, language: str) -> str:
    if not text:
        return ""
    longest = max((len(found) for found in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _inline(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", " ".join(str(text).split()))
