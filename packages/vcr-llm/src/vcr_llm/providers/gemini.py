"""Gemini: ``generateContent`` and ``streamGenerateContent``, of Google AI and Vertex AI."""

from __future__ import annotations

import re
from typing import Any

from vcr_llm.json_values import Json, add_counts, as_count, as_dict, as_list, as_text, without
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage

_PATH = re.compile(r"/models/([^/:]+):(?:streamG|g)enerateContent$")


def _ask(body: Json, url: str) -> Asked:
    found = _PATH.search(url.partition("?")[0])
    messages = as_list(body.get("contents"))
    system = body.get("systemInstruction", body.get("system_instruction"))
    if system is not None:
        messages = [{"role": "system", **(as_dict(system) or {"parts": system})}, *messages]
    parameters = without(body, "contents", "systemInstruction", "system_instruction", "tools")
    return Asked(found[1] if found else None, messages, as_list(body.get("tools")), parameters)


def _answer(body: Json) -> Answer:
    candidates = as_list(body.get("candidates"))
    candidate = as_dict(candidates[0]) if candidates else {}
    parts = [as_dict(part) for part in as_list(as_dict(candidate.get("content")).get("parts"))]
    calls = [as_dict(part["functionCall"]) for part in parts if "functionCall" in part]
    usage = as_dict(body.get("usageMetadata"))
    thoughts = as_count(usage.get("thoughtsTokenCount"))
    return Answer(
        model=as_text(body.get("modelVersion")),
        response_id=as_text(body.get("responseId")),
        finish_reason=as_text(candidate.get("finishReason")),
        text="".join(as_text(part.get("text")) or "" for part in parts if not part.get("thought")),
        tool_calls=tuple(
            ToolCall(str(call.get("id") or ""), str(call.get("name") or ""), call.get("args")) for call in calls
        ),
        usage=Usage(
            input=add_counts(as_count(usage.get("promptTokenCount")), as_count(usage.get("toolUsePromptTokenCount"))),
            output=add_counts(as_count(usage.get("candidatesTokenCount")), thoughts),
            cache_read=as_count(usage.get("cachedContentTokenCount")),
            reasoning=thoughts,
        ),
    )


def _assemble(events: list[Json]) -> Json:
    whole: Json = {}
    parts: list[Any] = []
    candidate: Json = {}
    for event in events:
        whole.update(without(event, "candidates"))
        found = as_list(event.get("candidates"))
        piece = as_dict(found[0]) if found else {}
        candidate.update(without(piece, "content"))
        content = as_dict(piece.get("content"))
        candidate["content"] = {**as_dict(candidate.get("content")), **without(content, "parts"), "parts": parts}
        for part in map(as_dict, as_list(content.get("parts"))):
            _add_part(parts, part)
    if whole or parts:
        whole["candidates"] = [candidate]
    return whole


def _add_part(parts: list[Any], part: Json) -> None:
    last = as_dict(parts[-1]) if parts else {}
    joins = set(part) == {"text"} == set(last)
    if joins:
        parts[-1] = {"text": str(last["text"]) + str(part["text"])}
    else:
        parts.append(part)


GEMINI_GENERATE = Provider("gemini.generate", "gcp.gemini", "chat", "google", _PATH, _ask, _answer, _assemble)
