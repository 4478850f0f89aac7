"""Anthropic messages."""

from __future__ import annotations

import re
from typing import Any

from vcr_llm.json_values import Json, add_counts, as_count, as_dict, as_list, as_text, parse_arguments, without
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage


def _ask(body: Json, url: str) -> Asked:
    messages = as_list(body.get("messages"))
    if body.get("system") is not None:
        messages = [{"role": "system", "content": body["system"]}, *messages]
    parameters = without(body, "model", "messages", "system", "tools")
    return Asked(as_text(body.get("model")), messages, as_list(body.get("tools")), parameters)


def _answer(body: Json) -> Answer:
    blocks = [as_dict(block) for block in as_list(body.get("content"))]
    calls = [block for block in blocks if block.get("type") == "tool_use"]
    return Answer(
        model=as_text(body.get("model")),
        response_id=as_text(body.get("id")),
        finish_reason=as_text(body.get("stop_reason")),
        text="".join(as_text(block.get("text")) or "" for block in blocks if block.get("type") == "text"),
        tool_calls=tuple(ToolCall(str(call.get("id")), str(call.get("name")), call.get("input")) for call in calls),
        usage=_read_usage(as_dict(body.get("usage"))),
    )


def _read_usage(usage: Json) -> Usage:
    """``input_tokens`` counts only what no cache had part in; here the input is all of it."""
    fresh = as_count(usage.get("input_tokens"))
    read, written = as_count(usage.get("cache_read_input_tokens")), as_count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input=None if fresh is None else add_counts(fresh, read, written),
        output=as_count(usage.get("output_tokens")),
        cache_read=read,
        cache_write=written,
    )


def _assemble(events: list[Json]) -> Json:
    whole: Json = {}
    blocks: dict[int, Json] = {}
    for event in events:
        kind, index = event.get("type"), event.get("index", 0)
        if kind == "message_start":
            whole = dict(as_dict(event.get("message")))
        elif kind == "content_block_start":
            blocks[index] = dict(as_dict(event.get("content_block")))
        elif kind == "content_block_delta":
            _add_delta(blocks.setdefault(index, {}), as_dict(event.get("delta")))
        elif kind == "message_delta":
            whole.update(as_dict(event.get("delta")))
            whole["usage"] = {**as_dict(whole.get("usage")), **as_dict(event.get("usage"))}
    if blocks:
        whole["content"] = [_finished(blocks[index]) for index in sorted(blocks)]
    return whole


_TEXTS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


def _add_delta(block: Json, delta: Json) -> None:
    kind = str(delta.get("type"))
    if kind in _TEXTS:
        name = _TEXTS[kind]
        block[name] = (block.get(name) or "") + str(delta.get(name) or "")
    elif kind == "input_json_delta":
        block["partial_json"] = block.get("partial_json", "") + str(delta.get("partial_json") or "")
    elif kind == "citations_delta":
        citations: list[Any] = block.get("citations") or []
        block["citations"] = [*citations, delta.get("citation")]


def _finished(block: Json) -> Json:
    if "partial_json" not in block:
        return block
    text = block["partial_json"]
    return {**without(block, "partial_json"), "input": parse_arguments(text) if text else block.get("input", {})}


ANTHROPIC_MESSAGES = Provider(
    "anthropic.messages", "anthropic", "chat", "anthropic", re.compile(r"/v1/messages/?$"), _ask, _answer, _assemble
)
