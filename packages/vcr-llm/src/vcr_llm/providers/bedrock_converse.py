"""Amazon Bedrock ``converse`` and ``converse-stream``."""

from __future__ import annotations

import re
from urllib.parse import unquote

from vcr_llm.json_values import Json, add_counts, as_count, as_dict, as_list, as_text, parse_arguments, without
from vcr_llm.providers.meaning import Answer, Asked, Provider, ToolCall, Usage

_PATH = re.compile(r"/model/([^/]+)/converse(?:-stream)?$")


def _ask(body: Json, url: str) -> Asked:
    found = _PATH.search(url.partition("?")[0])
    messages = as_list(body.get("messages"))
    if body.get("system"):
        messages = [{"role": "system", "content": body["system"]}, *messages]
    tools = as_list(as_dict(body.get("toolConfig")).get("tools"))
    return Asked(unquote(found[1]) if found else None, messages, tools, without(body, "messages", "system"))


def _answer(body: Json) -> Answer:
    message = as_dict(as_dict(body.get("output")).get("message"))
    blocks = [as_dict(block) for block in as_list(message.get("content"))]
    calls = [as_dict(block["toolUse"]) for block in blocks if "toolUse" in block]
    usage = as_dict(body.get("usage"))
    read, written = as_count(usage.get("cacheReadInputTokens")), as_count(usage.get("cacheWriteInputTokens"))
    fresh = as_count(usage.get("inputTokens"))
    return Answer(
        finish_reason=as_text(body.get("stopReason")),
        text="".join(as_text(block.get("text")) or "" for block in blocks),
        tool_calls=tuple(
            ToolCall(str(call.get("toolUseId")), str(call.get("name")), call.get("input")) for call in calls
        ),
        usage=Usage(
            input=None if fresh is None else add_counts(fresh, read, written),
            output=as_count(usage.get("outputTokens")),
            cache_read=read,
            cache_write=written,
        ),
    )


def _assemble(events: list[Json]) -> Json:
    """Events are ``{":event-type": …, …}``: the name from the headers of the message, then its payload."""
    whole: Json = {}
    message: Json = {}
    blocks: dict[int, Json] = {}
    for event in events:
        kind = event.get(":event-type")
        index = event.get("contentBlockIndex", 0)
        if kind == "messageStart":
            message["role"] = event.get("role")
        elif kind == "contentBlockStart":
            blocks[index] = {name: dict(as_dict(value)) for name, value in as_dict(event.get("start")).items()}
        elif kind == "contentBlockDelta":
            _add_delta(blocks.setdefault(index, {}), as_dict(event.get("delta")))
        elif kind == "messageStop":
            whole["stopReason"] = event.get("stopReason")
        elif kind == "metadata":
            whole.update(without(event, ":event-type"))
    if blocks or message:
        message["content"] = [_finished(blocks[index]) for index in sorted(blocks)]
        whole["output"] = {"message": message}
    return whole


def _add_delta(block: Json, delta: Json) -> None:
    for name, value in delta.items():
        if isinstance(value, str):
            block[name] = str(block.get(name) or "") + value
        else:
            inner = block.setdefault(name, {})
            for key, piece in as_dict(value).items():
                inner[key] = str(inner.get(key) or "") + piece if isinstance(piece, str) else piece


def _finished(block: Json) -> Json:
    tool = as_dict(block.get("toolUse"))
    if not tool:
        return block
    return {**block, "toolUse": {**tool, "input": parse_arguments(tool.get("input"))}}


BEDROCK_CONVERSE = Provider("bedrock.converse", "aws.bedrock", "chat", "aws", _PATH, _ask, _answer, _assemble)
