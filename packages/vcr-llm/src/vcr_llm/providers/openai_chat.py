"""OpenAI chat completions, and the many servers that speak it."""

from __future__ import annotations

import re
from typing import Any

from vcr_llm.json_values import Json, as_count, as_dict, as_list, as_text, parse_arguments, without
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage


def _ask(body: Json, url: str) -> Asked:
    deployment = re.search(r"/deployments/([^/]+)/", url)
    model = as_text(body.get("model")) or (deployment[1] if deployment else None)
    parameters = without(body, "model", "messages", "tools")
    return Asked(model, as_list(body.get("messages")), as_list(body.get("tools")), parameters)


def _answer(body: Json) -> Answer:
    choices = as_list(body.get("choices"))
    choice = as_dict(choices[0]) if choices else {}
    message = as_dict(choice.get("message"))
    calls = [as_dict(call) for call in as_list(message.get("tool_calls"))]
    return Answer(
        model=as_text(body.get("model")),
        response_id=as_text(body.get("id")),
        finish_reason=as_text(choice.get("finish_reason")),
        text=as_text(message.get("content")) or "",
        tool_calls=tuple(_tool_call(call) for call in calls),
        usage=read_usage(as_dict(body.get("usage"))),
    )


def _tool_call(call: Json) -> ToolCall:
    function = as_dict(call.get("function") or call.get("custom"))
    given = function.get("arguments", function.get("input"))
    return ToolCall(str(call.get("id") or ""), str(function.get("name") or ""), parse_arguments(given))


def read_usage(usage: Json) -> Usage:
    """Return the tokens of a ``usage`` object of chat completions or embeddings."""
    prompt = as_dict(usage.get("prompt_tokens_details"))
    completion = as_dict(usage.get("completion_tokens_details"))
    return Usage(
        input=as_count(usage.get("prompt_tokens")),
        output=as_count(usage.get("completion_tokens")),
        cache_read=as_count(prompt.get("cached_tokens")),
        cache_write=as_count(prompt.get("cache_write_tokens")),
        reasoning=as_count(completion.get("reasoning_tokens")),
    )


def _assemble(events: list[Json]) -> Json:
    whole: Json = {}
    choices: dict[int, Json] = {}
    for event in events:
        for name, value in event.items():
            if name != "choices" and (value is not None or name not in whole):
                whole[name] = value
        for piece in map(as_dict, as_list(event.get("choices"))):
            index = piece.get("index") or 0
            choice = choices.setdefault(index, {"index": index, "message": {}, "finish_reason": None})
            _add_delta(choice["message"], as_dict(piece.get("delta")))
            if piece.get("finish_reason") is not None:
                choice["finish_reason"] = piece["finish_reason"]
    if whole:
        whole["object"] = "chat.completion"
        whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole


def _add_delta(message: Json, delta: Json) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            calls = message.setdefault("tool_calls", [])
            for number, piece in enumerate(map(as_dict, as_list(value))):
                _add_call(calls, piece, piece.get("index", number))
        elif isinstance(value, str) and name != "role":
            message[name] = (message.get(name) or "") + value
        elif value is not None or name not in message:
            message[name] = value


def _add_call(calls: list[Any], piece: Json, index: int) -> None:
    while len(calls) <= index:
        calls.append({})
    call = calls[index]
    for name, value in without(piece, "index", "function").items():
        if value is not None:
            call[name] = value
    function = call.setdefault("function", {"name": "", "arguments": ""})
    for name, value in as_dict(piece.get("function")).items():
        if isinstance(value, str):
            function[name] = function.get(name, "") + value


OPENAI_CHAT = Provider(
    "openai.chat", "openai", "chat", "openai", re.compile(r"/chat/completions/?$"), _ask, _answer, _assemble
)
