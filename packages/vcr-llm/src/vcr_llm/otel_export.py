"""A recording as OpenTelemetry spans (OTLP JSON), by the semantic conventions for generative AI.

A span for the session, one for each frame below it; ids follow from the session's name, so exporting twice gives the
same spans.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from typing import TYPE_CHECKING, Any

from vcr_llm.json_values import Json, as_list
from vcr_llm.llm_call import LlmCall, call_of
from vcr_llm.otel_messages import input_message, output_message

if TYPE_CHECKING:
    from vcr_core import FrameRow, VCRPlayer

_INTERNAL, _CLIENT = 1, 3
_OK, _ERROR = 1, 2
SESSION_ID, FRAME, KIND, COST = "vcr.session.id", "vcr.frame.index", "vcr.frame.kind", "vcr.cost_usd"


def export_spans(player: VCRPlayer) -> Json:
    """Return the OTLP JSON of a recording: what an exporter would post to ``/v1/traces``."""
    name = player.name
    trace = _digest(name, 16)
    root = _digest(f"{name}/session", 8)
    ids = {row.key: _span_id(name, row) for row in player.rows if row.key is not None}
    spans = [_frame_span(player, row, trace, ids.get(row.parent or "", root)) for row in player.rows]
    begins = [int(span["startTimeUnixNano"]) for span in spans] or [_nanoseconds(player.session.created_at)]
    ends = [int(span["endTimeUnixNano"]) for span in spans] or begins
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": name, SESSION_ID: name}
    session = _span(trace, root, f"invoke_agent {name}", _INTERNAL, min(begins), max(ends), attributes)
    resource = {"attributes": _attributes({"service.name": "agent-vcr"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [_scope([session, *spans])]}]}


def _scope(spans: list[Json]) -> Json:
    return {"scope": {"name": "vcr_llm", "version": "1.0.0"}, "spans": spans}


def _span_id(name: str, row: FrameRow) -> str:
    return _digest(f"{name}/{row.index}", 8)


def _frame_span(player: VCRPlayer, row: FrameRow, trace: str, parent: str) -> Json:
    attributes: Json = {FRAME: row.index, KIND: row.kind, "vcr.node_name": row.node_name, COST: row.cost_usd}
    title, kind = row.node_name, _INTERNAL
    if row.kind == "llm":
        call = call_of(player.get_frame(row.index))
        attributes.update(_llm_attributes(row, call))
        title, kind = f"{attributes['gen_ai.operation.name']} {row.model or ''}".strip(), _CLIENT
    elif row.kind == "tool":
        tool = row.label if row.label and row.label != "http" else row.node_name
        attributes.update({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool})
        title = f"execute_tool {tool}"
    end = _nanoseconds(row.timestamp)
    begin = end - int(row.latency_ms * 1e6)
    span = _span(trace, _span_id(player.name, row), title, kind, begin, end, attributes)
    span["parentSpanId"] = parent
    if row.status in ("error", "cancelled"):
        span["status"] = {"code": _ERROR, "message": row.error_message or ""}
        span["attributes"] += _attributes({"error.type": row.error_type or row.status})
    return span


def _llm_attributes(row: FrameRow, call: LlmCall | None) -> Json:
    found: Json = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": row.model,
        "gen_ai.usage.input_tokens": row.tokens_input,
        "gen_ai.usage.output_tokens": row.tokens_output,
    }
    if call is None:
        return found
    found["gen_ai.operation.name"] = call.operation
    found["gen_ai.provider.name"] = call.provider
    found["gen_ai.request.model"] = call.asked.model
    found["gen_ai.usage.cache_read.input_tokens"] = call.usage.cache_read
    found["gen_ai.usage.cache_creation.input_tokens"] = call.usage.cache_write
    for name in ("temperature", "top_p", "max_tokens", "seed"):
        found[f"gen_ai.request.{name}"] = call.asked.parameters.get(name)
    found["gen_ai.input.messages"] = json.dumps([input_message(message) for message in call.asked.messages])
    if call.asked.tools:
        found["gen_ai.tool.definitions"] = json.dumps(call.asked.tools)
    answer = call.answer
    if answer is not None:
        found["gen_ai.response.id"] = answer.response_id
        found["gen_ai.response.finish_reasons"] = [answer.finish_reason] if answer.finish_reason else None
        found["gen_ai.output.messages"] = json.dumps([output_message(answer)])
    return found


def _span(
    trace: str, identity: str, name: str, kind: int, begin: int, end: int, attributes: Json
) -> Json:  # the fields of a span
    return {
        "traceId": trace,
        "spanId": identity,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(attributes),
        "status": {"code": _OK},
    }


def _attributes(values: Json) -> list[Json]:
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    items = as_list(value)
    if items:
        return {"arrayValue": {"values": [_value(item) for item in items]}}
    return {"stringValue": str(value)}


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def _nanoseconds(timestamp: str) -> int:
    moment = datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since // datetime.timedelta(microseconds=1)) * 1000
