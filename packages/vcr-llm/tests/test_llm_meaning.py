"""Model, messages, tools, usage, finish reason and cost, in one form for every provider; and as OpenTelemetry spans."""

from __future__ import annotations

import contextlib
import json
import sys
from decimal import Decimal

import httpx
import pytest

import vcr_llm
from vcr_core import VCRPlayer, VCRRecorder, tool
from vcr_core.cli import main
from vcr_llm import ModelPrice, OwnPrices, Usage, calls_of
from vcr_llm.exchange import Reply, ResponseHead
from vcr_llm.otel_export import export_spans
from vcr_llm.otel_import import read_traces, record_trace
from vcr_llm.prices import _installed, installed_prices
from vcr_llm.response_record import record_reply, reply_of
from vcr_llm.testing import Answer

ASKED = {
    "/v1/chat/completions": {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"model": "gpt-4o", "input": "hi", "instructions": "be brief"},
    "/v1/messages": {"model": "claude-sonnet-4-5", "system": "s", "messages": [{"role": "user", "content": "hi"}]},
    "/v1beta/models/gemini-2.5-flash:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
    "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse": {"contents": [{"parts": [{"text": "hi"}]}]},
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse": {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}]
    },
    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream": {
        "messages": [{"role": "user", "content": [{"text": "hi"}]}]
    },
}
STREAMED = ("/v1/chat/completions", "/v1/responses", "/v1/messages")


def record_one(tape, path, body):
    tape.record(lambda: httpx.post(f"{tape.provider.url}{path}", json=body).content)
    (call,) = calls_of(tape.player())
    return call, tape.player().rows[0]


@pytest.mark.parametrize("path", ASKED)
def test_every_provider_is_understood(path, tape):
    call, row = record_one(tape, path, ASKED[path])
    assert call.answer.text == "You said: hi"
    assert call.answer.finish_reason in {"stop", "completed", "end_turn", "STOP"}
    assert call.asked.messages
    assert call.asked.model
    assert row.model
    assert row.tokens_input == call.usage.input > 0
    assert row.tokens_output == call.usage.output > 0
    assert call.error is None


@pytest.mark.parametrize("path", STREAMED)
def test_a_stream_says_the_same_as_the_whole_answer(path, tape):
    options = {"stream_options": {"include_usage": True}} if "chat" in path else {}
    whole = httpx.post(f"{tape.provider.url}{path}", json=ASKED[path]).json()
    record_one(tape, path, {**ASKED[path], "stream": True, **options})
    message = tape.player().get_frame(0).output_state["message"]
    ignored = {"logprobs"} if "chat" in path else set()
    for choice in whole.get("choices", []):
        for name in ignored:
            choice.pop(name)
    assert message == whole


def test_tool_calls_are_found(tape):
    tools = [{"type": "function", "function": {"name": "weather"}}]
    body = {**ASKED["/v1/chat/completions"], "messages": [{"role": "user", "content": "use a tool"}], "tools": tools}
    call, _ = record_one(tape, "/v1/chat/completions", body)
    (wanted,) = call.answer.tool_calls
    assert (wanted.name, wanted.arguments) == ("weather", {"city": "Paris"})
    assert call.asked.tools == tools


def test_costs_are_exact_and_name_their_table(tape):
    call, row = record_one(tape, "/v1/chat/completions", ASKED["/v1/chat/completions"])
    usage = call.usage
    assert usage.cache_read == 2
    expected = (usage.input - 2) * Decimal("2.5") + 2 * Decimal("1.25") + usage.output * Decimal(10)
    assert call.cost_usd == expected / 1_000_000
    assert row.cost_usd == float(call.cost_usd)
    assert call.price_table.startswith("genai-prices ")


def test_an_unknown_price_stays_unknown(tape):
    body = {**ASKED["/v1/chat/completions"], "model": "a-model-of-my-own"}
    call, row = record_one(tape, "/v1/chat/completions", body)
    assert call.cost_usd is None
    assert row.cost_usd is None
    assert tape.player().get_total_cost() is None
    assert row.tokens_input


def test_a_stream_without_usage_has_no_cost(tape):
    call, row = record_one(tape, "/v1/chat/completions", {**ASKED["/v1/chat/completions"], "stream": True})
    assert (row.tokens_input, row.tokens_output, row.cost_usd, call.cost_usd) == (None, None, None, None)


def test_an_own_table_counts_cache_tokens_apart(provider, recorder):
    million = {"input": Decimal(4), "output": Decimal(8), "cache_read": Decimal(1), "cache_write": Decimal(5)}
    prices = OwnPrices({"claude-sonnet-4-5": ModelPrice(**million)}, version="2026-01")
    with vcr_llm.capture(recorder, prices=prices):
        httpx.post(f"{provider.url}/v1/messages", json=ASKED["/v1/messages"])
    recorder.save()
    (call,) = calls_of(VCRPlayer.load(recorder.path))
    fresh = call.usage.input - 3 - 5
    assert (call.usage.cache_read, call.usage.cache_write) == (3, 5)
    assert call.cost_usd == (fresh * 4 + 3 * 1 + 5 * 5 + call.usage.output * 8) / Decimal(1_000_000)
    assert call.price_table == "own 2026-01"


def test_without_the_extra_prices_are_unknown(tape, monkeypatch):
    monkeypatch.setattr("vcr_llm.prices._installed", type(_installed)())
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert installed_prices() is None
    _, row = record_one(tape, "/v1/chat/completions", ASKED["/v1/chat/completions"])
    assert row.cost_usd is None


def test_an_embedding_costs_what_its_input_does(tape):
    usage = {"prompt_tokens": 1000, "total_tokens": 1000}
    body = {"object": "list", "model": "text-embedding-3-small", "data": [{"embedding": [0.1]}], "usage": usage}
    tape.provider.scripted["/v1/embeddings"] = Answer([json.dumps(body).encode()])
    call, row = record_one(tape, "/v1/embeddings", {"model": "text-embedding-3-small", "input": "a"})
    assert (row.tokens_input, row.tokens_output) == (1000, 0)
    assert call.cost_usd == Decimal("0.02") / 1000


def test_a_call_that_is_refused_costs_nothing(tape):
    tape.provider.scripted["/v1/refused/chat/completions"] = Answer([b'{"error": {"message": "slow"}}'], status=429)

    def agent():
        for path in ("/v1/refused/chat/completions", "/v1/chat/completions"):
            httpx.post(f"{tape.provider.url}{path}", json=ASKED["/v1/chat/completions"])

    tape.record(agent)
    refused, answered = calls_of(tape.player())
    assert (refused.cost_usd, refused.usage) == (0, Usage(input=0, output=0))
    assert [row.cost_usd for row in tape.player().rows] == [0, float(answered.cost_usd)]


@pytest.mark.parametrize(
    "answer", [Answer([b"{}"], status=400), Answer([b"{}"], status=500), Answer([b"{"], breaks=True)]
)
def test_a_call_that_failed_on_the_way_has_an_unknown_cost(tape, answer):
    tape.provider.scripted["/v1/chat/completions"] = answer

    def agent():
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(f"{tape.provider.url}/v1/chat/completions", json=ASKED["/v1/chat/completions"])

    tape.record(agent)
    row = tape.player().rows[0]
    assert (row.tokens_input, row.tokens_output, row.cost_usd) == (None, None, None)


def test_missing_counts_have_no_price():
    assert OwnPrices({"m": ModelPrice(Decimal(1), Decimal(1))}, version="1").price("x", "m", Usage(input=1)) is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"b":[1.5,"\xc3\xa9"]}',
        b'{"a": 1, "b": "\\u00e9"}',
        b'{\n  "a": 1\n}\n',
        b'{"a":1.0e5,"a":2}',
        b"[]",
        b"plain",
        b"\xff\xfe",
        b"123456789012345678901234567890",
        b'"text"',
        b"{",
        b"",
    ],
)
def test_bodies_are_served_byte_for_byte(body):
    head = ResponseHead(200, [("content-type", "application/json"), ("a", "1"), ("a", "2")])
    recorded = record_reply(Reply(head, [body]), stream=False, offsets=[])
    served = reply_of(recorded)
    assert b"".join(served.chunks) == body
    assert served.head.headers == [("content-type", "application/json"), ("a", "1"), ("a", "2")]


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/next?", "/next?"),
        ("http://[", "http://["),
        ("https://a.test/x?q=a+b&c=%20#part", "https://a.test/x?q=a+b&c=%20#part"),
        ("https://me:secret@a.test/x?sig=1&q=a+b", "https://a.test/x?q=a+b"),
    ],
)
def test_of_a_redirect_only_credentials_are_left_out(target, kept):
    recorded = record_reply(Reply(ResponseHead(302, [("Location", target)])), stream=False, offsets=[])
    assert reply_of(recorded).head.headers == [("location", kept)]


def test_an_edited_body_is_served_with_its_own_length():
    head = ResponseHead(200, [("content-length", "8")])
    recorded = record_reply(Reply(head, [b'{"a": 1}']), stream=False, offsets=[])
    assert reply_of({**recorded, "body": {"a": 1000}}).head.headers == [("content-length", "11")]
    assert reply_of({**recorded, "end": "closed"}).head.headers == [("content-length", "8")]


def test_spans_go_out_and_come_back(tape, tmp_path):
    look_up = tool(lambda city: f"sun in {city}", name="look_up")
    bodies = [("/v1/chat/completions", ASKED["/v1/chat/completions"]), ("/v1/messages", ASKED["/v1/messages"])]

    def agent():
        for path, body in bodies:
            httpx.post(f"{tape.provider.url}{path}", json=body)
        return look_up("Paris")

    tape.record(agent)
    player = tape.player()
    exported = export_spans(player)
    assert exported == export_spans(tape.player())
    spans = exported["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [span["name"] for span in spans[1:]] == ["chat gpt-4o", "chat claude-sonnet-4-5", "execute_tool look_up"]
    assert all(len(span["traceId"]) == 32 and len(span["spanId"]) == 16 for span in spans)
    assert {span["parentSpanId"] for span in spans[1:]} == {spans[0]["spanId"]}
    values = {item["key"]: item["value"] for item in spans[1]["attributes"]}
    assert values["gen_ai.provider.name"] == {"stringValue": "openai"}
    assert values["gen_ai.response.finish_reasons"] == {"arrayValue": {"values": [{"stringValue": "stop"}]}}
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(exported))
    ((trace, found),) = read_traces(file).items()
    back = VCRPlayer.load(record_trace(VCRRecorder(tmp_path / "back"), trace, found, source=file.name))
    assert back.session.session_id == player.name
    kept = ("kind", "model", "tokens_input", "tokens_output", "cost_usd", "node_name")
    for row, again in zip(player.rows, back.rows, strict=True):
        assert [getattr(row, name) for name in kept] == [getattr(again, name) for name in kept]
    prompt = back.get_frame(1).input_state["prompt"]
    assert [message["role"] for message in prompt] == ["system", "user"]


def test_the_command_line_lists_exports_and_imports(tape, tmp_path, capsys):
    record_one(tape, "/v1/chat/completions", ASKED["/v1/chat/completions"])
    tape.recorder.close()
    session = str(next(tape.recorder.store.directory.glob("*.vcr")))
    assert main(["llm", "calls", session]) == 0
    assert "gpt-4o" in capsys.readouterr().out
    target = tmp_path / "spans.json"
    assert main(["llm", "export-otel", session, "-o", str(target)]) == 0
    assert main(["llm", "import-otel", str(target), "--dir", str(tmp_path / "back")]) == 0
    cassette = tmp_path / "one.yaml"
    cassette.write_text(
        "interactions:\n- request: {method: GET, uri: 'http://x.test/a', headers: {}, body: null}\n"
        "  response: {status: {code: 200, message: OK}, headers: {Content-Type: [text/plain]}, body: {string: hey}}\n"
    )
    assert main(["llm", "import-cassette", str(cassette), "--dir", str(tmp_path / "back"), "--json"]) == 0
    with vcr_llm.replay("one", vcr_dir=tmp_path / "back"):
        assert httpx.get("http://x.test/a").text == "hey"
    cassette.write_text("interactions: [1]")
    assert main(["llm", "import-cassette", str(cassette), "--dir", str(tmp_path / "back")]) == 1
    assert "interaction 0" in capsys.readouterr().err
