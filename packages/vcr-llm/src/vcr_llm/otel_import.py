"""OpenTelemetry spans of generative AI (OTLP JSON), made into recordings: one session for each trace.

What is read: ``gen_ai.*`` attributes of the present conventions, ``gen_ai.system`` and token names of the earlier ones.
Spans without any of them become plain steps.  A recording made so can be looked at and compared, not replayed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr_core.importers import ImportFileError
from vcr_llm.json_values import Json, as_dict, as_list, parse_arguments

if TYPE_CHECKING:
    from vcr_core import VCRRecorder

SOURCE = "otlp"


def read_traces(path: Path) -> dict[str, list[Json]]:
    """Return the spans of a file by trace, each with its attributes as a plain dict, in order of their ends.

    A file holds one OTLP JSON object, or one a line.

    Raises:
        ImportFileError: If it holds something else.
        OSError: If it cannot be read.
    """
    traces: dict[str, list[Json]] = {}
    for place, whole in _objects(path):
        resources = whole.get("resourceSpans")
        if not isinstance(resources, list):
            raise ImportFileError(path, place, 'OTLP JSON, an object with "resourceSpans", is expected')
        for span in _spans(as_list(resources)):
            traces.setdefault(str(span.get("traceId")), []).append(span)
    for spans in traces.values():
        spans.sort(key=lambda span: int(span.get("endTimeUnixNano") or 0))
    return traces


def record_trace(recorder: VCRRecorder, trace: str, spans: list[Json], *, source: str) -> Path:
    """Record the spans of one trace as a session and return its file.

    Args:
        recorder: Its settings say where, and whether secrets are replaced.
        trace: The trace's id.
        spans: As `read_traces` gives them.
        source: Name of the file they come from.

    Raises:
        RecordingError: If not everything could be written.
    """
    named = next((span["read"]["vcr.session.id"] for span in spans if "vcr.session.id" in span["read"]), trace)
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", str(named))[:100].strip("._-") or "trace"
    recorder.start_session(name, metadata={"imported_from": SOURCE, "file": source, "trace_id": trace})
    for span in spans:
        if span["read"].get("gen_ai.operation.name") not in ("invoke_agent", "create_agent"):
            _record_span(recorder, span)
    return recorder.save()


def _record_span(recorder: VCRRecorder, span: Json) -> None:
    read: Json = span["read"]
    latency = (int(span.get("endTimeUnixNano") or 0) - int(span.get("startTimeUnixNano") or 0)) / 1e6
    metadata: Json = {"span_id": span.get("spanId"), "parent_span_id": span.get("parentSpanId"), "otel": read}
    operation = read.get("gen_ai.operation.name")
    title = str(read.get("vcr.node_name") or span.get("name"))
    if as_dict(span.get("status")).get("code") in (2, "STATUS_CODE_ERROR"):
        metadata["error_type"] = str(read.get("error.type") or "error")
        metadata["error_message"] = str(as_dict(span.get("status")).get("message") or "")
    if operation == "execute_tool":
        tool = str(read.get("gen_ai.tool.name") or title)
        arguments = parse_arguments(read.get("gen_ai.tool.call.arguments"))
        result = parse_arguments(read.get("gen_ai.tool.call.result"))
        recorder.record_tool_call(title, tool, arguments, result, latency_ms=latency, metadata=metadata)
    elif operation is not None or "gen_ai.request.model" in read:
        _record_llm(recorder, title, read, latency, metadata)
    else:
        recorder.record_step(title, {}, {}, metadata, latency_ms=latency)


def _record_llm(recorder: VCRRecorder, title: str, read: Json, latency: float, metadata: Json) -> None:
    cost = read.get("vcr.cost_usd")
    recorder.record_llm_call(
        title,
        parse_arguments(read.get("gen_ai.input.messages")),
        parse_arguments(read.get("gen_ai.output.messages")),
        model=read.get("gen_ai.response.model") or read.get("gen_ai.request.model"),
        tokens_input=read.get("gen_ai.usage.input_tokens", read.get("gen_ai.usage.prompt_tokens")),
        tokens_output=read.get("gen_ai.usage.output_tokens", read.get("gen_ai.usage.completion_tokens")),
        cost_usd=cost if isinstance(cost, float) else None,
        latency_ms=latency,
        metadata=metadata,
    )


def _objects(path: Path) -> list[tuple[str, Json]]:
    text = path.read_text(encoding="utf-8")
    try:
        return [("", as_dict(json.loads(text)))]
    except ValueError:
        pass  # one object a line, then
    found: list[tuple[str, Json]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append((f"line {number}", as_dict(json.loads(line))))
            except ValueError as error:
                raise ImportFileError(path, f"line {number}", f"it is not JSON: {error}") from error
    return found


def _spans(resources: list[Any]) -> list[Json]:
    found: list[Json] = []
    for resource in map(as_dict, resources):
        for scope in map(as_dict, as_list(resource.get("scopeSpans"))):
            for span in map(as_dict, as_list(scope.get("spans"))):
                items = map(as_dict, as_list(span.get("attributes")))
                found.append({**span, "read": {str(item.get("key")): _value(item.get("value")) for item in items}})
    return found


def _value(value: Any) -> Any:
    fields = as_dict(value)
    if "intValue" in fields:
        return int(fields["intValue"])
    if "arrayValue" in fields:
        return [_value(item) for item in as_list(as_dict(fields["arrayValue"]).get("values"))]
    return next(iter(fields.values()), None)
