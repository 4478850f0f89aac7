"""The bodies that the fake provider gives, whole and as events, in each provider's own form."""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any

from vcr_llm.json_values import as_dict, as_list

_Body = dict[str, Any]
MODEL_TEXT = "You said: "


def _sse(data: Any, event: str | None = None) -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def last_text(value: Any) -> str:
    """Return the last text in a conversation, whatever its form."""
    if isinstance(value, str):
        return value
    fields, items = as_dict(value), as_list(value)
    if fields:
        return last_text(fields.get("content", fields.get("text", fields.get("parts", fields.get("output", "")))))
    return last_text(items[-1]) if items else ""


def _pieces(text: str) -> list[str]:
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def _count(text: str) -> int:
    return max(1, len(text) // 4)


def _wants_tool(asked: _Body) -> bool:
    return bool(asked.get("tools")) and "tool" in last_text(asked.get("messages") or asked.get("input"))


# OpenAI chat completions


def _chat_usage(asked: _Body, text: str) -> _Body:
    sent, received = _count(json.dumps(asked.get("messages"))), _count(text)
    details = {"cached_tokens": 2}
    return {
        "prompt_tokens": sent,
        "completion_tokens": received,
        "total_tokens": sent + received,
        "prompt_tokens_details": details,
    }


def chat_body(asked: _Body) -> _Body:
    """Return a chat completion."""
    text = MODEL_TEXT + last_text(asked.get("messages"))
    message: _Body = {"role": "assistant", "content": text}
    if _wants_tool(asked):
        function = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"city": "Paris"}'}
        message = {"role": "assistant", "content": None, "tool_calls": [{"id": "call_a1", "type": "function"}]}
        message["tool_calls"][0]["function"] = function
    reason = "tool_calls" if "tool_calls" in message else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": asked.get("model")}
    return {**head, "choices": [choice], "usage": _chat_usage(asked, text)}


def chat_events(asked: _Body) -> list[bytes]:
    """Return the same as events; usage comes last if it is asked for."""
    whole = chat_body(asked)
    head = {**{name: whole[name] for name in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    message = whole["choices"][0]["message"]
    deltas: list[_Body] = [{"role": "assistant", "content": ""}]
    if "tool_calls" in message:
        call = message["tool_calls"][0]
        deltas.append(
            {"tool_calls": [{"index": 0, **call, "function": {"name": call["function"]["name"], "arguments": ""}}]}
        )
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": t}}]} for t in _pieces('{"city": "Paris"}')]
    else:
        deltas += [{"content": piece} for piece in _pieces(message["content"])]
    events = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    reason = whole["choices"][0]["finish_reason"]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    if as_dict(asked.get("stream_options")).get("include_usage"):
        events.append({**head, "choices": [], "usage": whole["usage"]})
    return [*map(_sse, events), _sse("[DONE]")]


# OpenAI responses


def responses_body(asked: _Body) -> _Body:
    """Return a response."""
    text = MODEL_TEXT + last_text(asked.get("input"))
    part: _Body = {"type": "output_text", "text": text, "annotations": []}
    item: _Body = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    sent, received = _count(json.dumps(asked.get("input"))), _count(text)
    usage = {
        "input_tokens": sent,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": received,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sent + received,
    }
    head = {"id": "resp_1", "object": "response", "created_at": 1700000000, "status": "completed"}
    more: _Body = {"error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "tools": []}
    choice = {"parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "top_p": 1.0}
    return {**head, "model": asked.get("model"), "output": [item], "usage": usage, **more, **choice}


def responses_events(asked: _Body) -> list[bytes]:
    """Return the same as events."""
    whole = responses_body(asked)
    item = whole["output"][0]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    events: list[_Body] = [{"type": "response.created", "response": {**whole, "output": [], "status": "in_progress"}}]
    events.append({"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}})
    part = item["content"][0]
    events.append({"type": "response.content_part.added", **place, "part": {**part, "text": ""}})
    pieces = _pieces(part["text"])
    events += [{"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []} for piece in pieces]
    events.append({"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []})
    events.append({"type": "response.output_item.done", "output_index": 0, "item": item})
    events.append({"type": "response.completed", "response": whole})
    return [_sse({**event, "sequence_number": number}, event["type"]) for number, event in enumerate(events)]


# Anthropic messages


def messages_body(asked: _Body) -> _Body:
    """Return a message."""
    text = MODEL_TEXT + last_text(asked.get("messages"))
    usage = {
        "input_tokens": _count(json.dumps(asked.get("messages"))),
        "output_tokens": _count(text),
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 5,
    }
    content: list[_Body] = [{"type": "text", "text": text}]
    if _wants_tool(asked):
        tool = asked["tools"][0]["name"]
        content = [{"type": "tool_use", "id": "toolu_a1", "name": tool, "input": {"city": "Paris"}}]
    reason = "tool_use" if content[0]["type"] == "tool_use" else "end_turn"
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.get("model")}
    return {**head, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def messages_events(asked: _Body) -> list[bytes]:
    """Return the same as events."""
    whole = messages_body(asked)
    block = whole["content"][0]
    started: _Body = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    events: list[_Body] = [{"type": "message_start", "message": started}]
    if block["type"] == "tool_use":
        events.append({"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}})
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces('{"city": "Paris"}')]
    else:
        events.append({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
    events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    events.append({"type": "content_block_stop", "index": 0})
    ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append(
        {"type": "message_delta", "delta": ended, "usage": {"output_tokens": whole["usage"]["output_tokens"]}}
    )
    events.append({"type": "message_stop"})
    return [_sse(event, event["type"]) for event in events]


# Gemini


def gemini_body(asked: _Body) -> _Body:
    """Return a generated content."""
    text = MODEL_TEXT + last_text(asked.get("contents"))
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
    sent, received = _count(json.dumps(asked.get("contents"))), _count(text)
    usage = {"promptTokenCount": sent, "candidatesTokenCount": received, "totalTokenCount": sent + received}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}


def gemini_events(asked: _Body) -> list[bytes]:
    """Return the same as events."""
    whole = gemini_body(asked)
    candidate = whole["candidates"][0]
    pieces = _pieces(candidate["content"]["parts"][0]["text"])
    found: list[bytes] = []
    for number, piece in enumerate(pieces):
        part = {"content": {"role": "model", "parts": [{"text": piece}]}, "index": 0}
        last = number == len(pieces) - 1
        more = {"finishReason": "STOP"} if last else {}
        found.append(_sse({**whole, "candidates": [{**part, **more}]}))
    return found


# Bedrock


def converse_body(asked: _Body) -> _Body:
    """Return what ``converse`` returns."""
    text = MODEL_TEXT + last_text(asked.get("messages"))
    sent, received = _count(json.dumps(asked.get("messages"))), _count(text)
    usage = {"inputTokens": sent, "outputTokens": received, "totalTokens": sent + received}
    message = {"role": "assistant", "content": [{"text": text}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 7}}


def converse_events(asked: _Body) -> list[bytes]:
    """Return the same as messages of Amazon's event stream."""
    whole = converse_body(asked)
    text = whole["output"]["message"]["content"][0]["text"]
    found = [_binary("messageStart", {"role": "assistant"})]
    found += [
        _binary("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in _pieces(text)
    ]
    found += [_binary("contentBlockStop", {"contentBlockIndex": 0}), _binary("messageStop", {"stopReason": "end_turn"})]
    return [*found, _binary("metadata", {"usage": whole["usage"], "metrics": whole["metrics"]})]


def _binary(event: str, payload: _Body) -> bytes:
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in ((":event-type", event), (":content-type", "application/json"), (":message-type", "event"))
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack(">I", binascii.crc32(message))
