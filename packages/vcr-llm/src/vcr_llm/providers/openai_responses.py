"""OpenAI responses."""

from __future__ import annotations

import re
from typing import Any

from vcr_llm.json_values import Json, as_count, as_dict, as_list, as_text, parse_arguments, without
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage

_CALLS = ("function_call", "custom_tool_call")


def _ask(body: Json, url: str) -> Asked:
    given = body.get("input")
    messages: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else as_list(given)
    if body.get("instructions") is not None:
        messages = [{"role": "system", "content": body["instructions"]}, *messages]
    parameters = without(body, "model", "input", "instructions", "tools")
    return Asked(as_text(body.get("model")), messages, as_list(body.get("tools")), parameters)


def _answer(body: Json) -> Answer:
    items = [as_dict(item) for item in as_list(body.get("output"))]
    parts = [as_dict(part) for item in items for part in as_list(item.get("content"))]
    usage = as_dict(body.get("usage"))
    cut = as_dict(body.get("incomplete_details")).get("reason")
    return Answer(
        model=as_text(body.get("model")),
        response_id=as_text(body.get("id")),
        finish_reason=as_text(cut) or as_text(body.get("status")),
        text="".join(as_text(part.get("text")) or "" for part in parts if part.get("type") == "output_text"),
        tool_calls=tuple(_tool_call(item) for item in items if item.get("type") in _CALLS),
        usage=Usage(
            input=as_count(usage.get("input_tokens")),
            output=as_count(usage.get("output_tokens")),
            cache_read=as_count(as_dict(usage.get("input_tokens_details")).get("cached_tokens")),
            reasoning=as_count(as_dict(usage.get("output_tokens_details")).get("reasoning_tokens")),
        ),
    )


def _tool_call(item: Json) -> ToolCall:
    given = item.get("arguments", item.get("input"))
    return ToolCall(str(item.get("call_id") or ""), str(item.get("name") or ""), parse_arguments(given))


def _assemble(events: list[Json]) -> Json:
    """The last event that carries the response carries all of it; a cut stream has the items that were done."""
    whole: Json = {}
    done: dict[int, Any] = {}
    for event in events:
        if isinstance(event.get("response"), dict):
            whole = dict(event["response"])
        if event.get("type") == "response.output_item.done":
            done[event.get("output_index", len(done))] = event.get("item")
    if not whole.get("output") and done:
        whole["output"] = [done[index] for index in sorted(done)]
    return whole


OPENAI_RESPONSES = Provider(
    "openai.responses", "openai", "chat", "openai", re.compile(r"/responses/?$"), _ask, _answer, _assemble
)
