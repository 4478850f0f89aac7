"""Messages of the providers in the form of the OpenTelemetry conventions for generative AI: a role, and parts."""

from __future__ import annotations

from typing import Any

from vcr_llm.json_values import Json, as_dict, as_list, parse_arguments
from vcr_llm.providers import Answer


def input_message(message: Any) -> Json:
    """Return one message of a conversation, of any provider."""
    fields = as_dict(message)
    if not fields:
        return {"role": "user", "parts": [_text(message)]}
    role = str(fields.get("role") or fields.get("type") or "user")
    if role == "tool":
        response = {"type": "tool_call_response", "id": fields.get("tool_call_id"), "response": fields.get("content")}
        return {"role": role, "parts": [response]}
    content = fields.get("content", fields.get("parts"))
    if content is None and "type" in fields:
        return {"role": role, "parts": [_part(fields)]}
    blocks = as_list(content) or ([content] if content else [])
    parts = [_part(block) for block in blocks]
    parts += [_part(call) for call in as_list(fields.get("tool_calls"))]
    return {"role": role, "parts": parts}


def output_message(answer: Answer) -> Json:
    """Return the message that an answer is."""
    parts = [_text(answer.text)] if answer.text else []
    parts += [_call(call.id, call.name, call.arguments) for call in answer.tool_calls]
    return {"role": "assistant", "parts": parts, "finish_reason": answer.finish_reason or ""}


def _text(content: Any) -> Json:
    return {"type": "text", "content": content}


def _part(block: Any) -> Json:
    fields = as_dict(block)
    if not fields:
        return _text(block)
    function = as_dict(fields.get("function"))
    asked = as_dict(fields.get("toolUse") or fields.get("functionCall"))
    answered = as_dict(fields.get("toolResult") or fields.get("functionResponse"))
    kind = fields.get("type")
    if function:
        return _call(fields.get("id"), function.get("name"), parse_arguments(function.get("arguments")))
    if kind in ("tool_use", "function_call"):
        given = fields.get("input", parse_arguments(fields.get("arguments")))
        return _call(fields.get("call_id") or fields.get("id"), fields.get("name"), given)
    if asked:
        given = asked.get("input", asked.get("args"))
        return _call(asked.get("toolUseId") or asked.get("id"), asked.get("name"), given)
    if kind in ("tool_result", "function_call_output"):
        given = fields.get("content", fields.get("output"))
        return _response(fields.get("tool_use_id") or fields.get("call_id"), given)
    if answered:
        given = answered.get("content", answered.get("response"))
        return _response(answered.get("toolUseId") or answered.get("id"), given)
    return _text(fields["text"]) if isinstance(fields.get("text"), str) else {"type": str(kind or "data"), **fields}


def _call(identity: Any, name: Any, arguments: Any) -> Json:
    return {"type": "tool_call", "id": identity, "name": name, "arguments": arguments}


def _response(identity: Any, response: Any) -> Json:
    return {"type": "tool_call_response", "id": identity, "response": response}
