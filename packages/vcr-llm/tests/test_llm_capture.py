"""What is recorded and compared: names, nesting, secrets, ids of tool calls, errors, edits, mocks."""

from __future__ import annotations

import array
import asyncio
import json
import subprocess
import sys
import textwrap
import threading

import aiohttp
import httpx
import openai
import pytest
import requests

import vcr_llm
from vcr_core import DivergenceError, Mock, VCRPlayer, llm, step
from vcr_llm.exchange import Failure
from vcr_llm.request_record import UnreadableBodyError
from vcr_llm.testing import Answer
from vcr_llm.transports.aiohttp_session import _Adapter


def chat(url, text="hi", **more):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more}
    return httpx.post(f"{url}/v1/chat/completions", json=body, headers=more.pop("headers", None)).json()


def content(answer):
    return answer["choices"][0]["message"]["content"]


def test_calls_nest_under_the_step_that_makes_them(tape):
    think = step(lambda text: content(chat(tape.provider.url, text)), name="think")
    tape.record(lambda: [think("a"), think("b")])
    rows = list(tape.player().rows)
    assert [row.node_name for row in rows] == ["openai.chat", "think", "openai.chat", "think"]
    assert [rows[0].parent, rows[2].parent] == [rows[1].key, rows[3].key]


def test_an_llm_function_and_its_own_call_are_one_frame(tape):
    ask = llm(lambda: chat(tape.provider.url), name="ask")
    agent = lambda: ask()  # noqa: E731  # one line says it
    tape.record(agent)
    assert [(row.node_name, row.tokens) for row in tape.player().rows] == [("ask", tape.player().rows[0].tokens)]
    assert len(tape.player()) == 1
    assert tape.replay(agent).error is None
    assert tape.hits == 0


def test_suppressed_calls_are_left_to_whoever_suppresses_them(tape):
    def agent():
        with vcr_llm.suppress():
            chat(tape.provider.url)
        return content(chat(tape.provider.url, "seen"))

    assert tape.record(agent) == "You said: seen"
    assert len(tape.player()) == 1
    assert tape.provider.hits == 2


def test_ignored_hosts_are_left_alone(provider, recorder):
    with vcr_llm.capture(recorder, ignore_hosts=["127.*"]):
        chat(provider.url)
    assert recorder.frame_count == 0


def test_no_secret_reaches_the_file(tape, monkeypatch):
    key, password = "sk-proj-abcdEFGH1234567890abcdEFGH1234567890", "hunter2-hunter2"
    monkeypatch.setenv("SERVICE_PASSWORD", password)
    client = openai.OpenAI(api_key=key, base_url=f"{tape.provider.url}/v1")
    google = "AIzaSyA-1234567890"
    secrets = {"authorization": f"Bearer {key}", "cookie": "sid=cookie-secret-12345", "x-goog-api-key": google}
    tape.provider.scripted["/login"] = Answer([b"{}"], headers={"set-cookie": "sid=cookie-secret-12345; HttpOnly"})

    def agent():
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": f"pass {password}"}])
        httpx.post(f"{tape.provider.url}/login?key={google}", headers=secrets, json={})
        requests.get(f"{tape.provider.url}/x", headers={"X-API-Key": key, "X-Custom": key}, timeout=5)

    tape.record(agent)
    assert any(key in headers.get("authorization", "") for _, headers, _ in tape.provider.requests)
    written = b"".join(path.read_bytes() for path in tape.recorder.path.parent.rglob("*") if path.is_file())
    for secret in (key, password, "cookie-secret-12345", google):
        assert secret.encode() not in written
    assert tape.replay(agent).error is None
    client.close()


def test_the_signature_of_a_redirect_is_not_recorded_and_the_redirect_is_followed(tape):
    signed = "/file?part=1&X-Amz-Credential=who&X-Amz-Signature=9f86d081884c7d65#top"
    tape.provider.scripted["/start"] = Answer([b""], status=302, headers={"location": signed})

    def agent():
        return httpx.get(f"{tape.provider.url}/start", follow_redirects=True).json()["path"]

    assert tape.record(agent) == "/file"
    assert "X-Amz-Signature=9f86d081884c7d65" in tape.provider.requests[-1][0]
    assert tape.player().get_frame(0).output_state["headers"]["location"] == "/file?part=1#top"
    assert "9f86d081884c7d65" not in tape.recorder.path.read_text()
    assert tape.replay(agent).result == "/file"


@pytest.mark.parametrize("body", [memoryview(b"abc"), array.array("B", b"abc"), bytearray(b"abc")])
def test_a_body_of_any_kind_of_bytes_is_sent_and_recorded(tape, body):
    tape.record(lambda: requests.post(f"{tape.provider.url}/x", data=body, timeout=5).status_code)
    assert tape.provider.requests[0][2] == b"abc"
    assert tape.player().get_frame(0).input_state["body"] == "abc"


@pytest.mark.parametrize("kind", [asyncio.TimeoutError, aiohttp.ServerTimeoutError, aiohttp.ClientPayloadError])
def test_a_failure_of_aiohttp_is_raised_again_as_it_was(kind):
    error = _Adapter(aiohttp).error(Failure.of(kind("late")), request=None)
    assert (type(error), str(error)) == (kind, "late")


def test_another_key_and_other_tracing_headers_replay_the_same(tape):
    headers = {"authorization": "Bearer one", "x-request-id": "1", "traceparent": "00-1", "user-agent": "a/1"}
    url = f"{tape.provider.url}/v1/chat/completions"

    def agent():
        return httpx.post(url, json={"model": "m"}, headers=headers).status_code

    tape.record(agent)
    headers.update({"authorization": "Bearer two", "x-request-id": "2", "traceparent": "00-2", "user-agent": "a/2"})
    assert tape.replay(agent).error is None
    headers["anthropic-beta"] = "new"
    replayed = tape.replay(agent)
    assert replayed.error.path == "/headers/anthropic-beta"
    assert tape.hits == 0


def test_the_order_of_keys_and_blanks_does_not_matter(tape):
    bodies = [b'{"model": "m", "messages": []}', b'{"messages":[],"model":"m"}']
    headers = {"content-type": "application/json"}

    def agent():
        return httpx.post(f"{tape.provider.url}/v1/chat/completions", content=bodies[0], headers=headers).status_code

    tape.record(agent)
    bodies.reverse()
    assert tape.replay(agent).error is None


def test_a_changed_prompt_is_a_divergence_that_says_where(tape):
    said = ["hello"]
    agent = lambda: content(chat(tape.provider.url, said[0]))  # noqa: E731  # one line says it
    tape.record(agent)
    said[0] = "goodbye"
    error = tape.replay(agent).error
    assert isinstance(error, DivergenceError)
    assert (error.kind, error.path, error.expected, error.actual) == (
        "input",
        "/body/messages/0/content",
        "hello",
        "goodbye",
    )
    assert tape.hits == 0


def test_drawn_tool_call_ids_are_compared_by_first_appearance(tape):
    drawn = iter("abcdefgh")

    def agent():
        ids = [next(drawn), next(drawn)]
        calls = [{"id": one, "type": "function", "function": {"name": "f", "arguments": "{}"}} for one in ids]
        answers = [{"role": "tool", "tool_call_id": one, "content": "1"} for one in reversed(ids)]
        body = {"model": "m", "messages": [{"role": "assistant", "tool_calls": calls}, *answers]}
        return httpx.post(f"{tape.provider.url}/v1/chat/completions", json=body).status_code

    tape.record(agent)
    assert tape.replay(agent).error is None
    frame = tape.player().get_frame(0)
    assert frame.metadata.custom["tool_call_ids"] == {"tool-call-1": "a", "tool-call-2": "b"}
    assert [m["tool_call_id"] for m in frame.input_state["body"]["messages"][1:]] == ["tool-call-2", "tool-call-1"]


def test_tool_calls_answered_the_other_way_round_are_seen(tape):
    order = [1, -1]

    def agent():
        calls = [{"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in (1, 2)]
        answers = [{"role": "tool", "tool_call_id": f"c{n}", "content": "1"} for n in (1, 2)][:: order[0]]
        body = {"model": "m", "messages": [{"role": "assistant", "tool_calls": calls}, *answers]}
        return httpx.post(f"{tape.provider.url}/v1/chat/completions", json=body).status_code

    tape.record(agent)
    order.reverse()
    assert tape.replay(agent).error.path == "/body/messages/1/tool_call_id"


def test_a_body_that_cannot_be_parsed_never_matches(tape):
    url = f"{tape.provider.url}/v1/chat/completions"

    def agent():
        return httpx.post(url, content=b'{"model": ', headers={"content-type": "application/json"}).status_code

    assert tape.record(agent) == 400
    assert tape.player().get_frame(0).input_state["body"] == b'{"model": '
    error = tape.replay(agent).error
    assert isinstance(error, UnreadableBodyError)
    assert "POST http://127.0.0.1" in str(error)
    assert tape.hits == 0


def test_an_error_response_is_an_error_frame_and_is_served_again(tape):
    busy = json.dumps({"error": {"message": "slow down", "type": "rate_limit"}}).encode()
    tape.provider.scripted["/v1/chat/completions"] = Answer([busy], status=429)
    client = openai.OpenAI(api_key="k", base_url=f"{tape.provider.url}/v1", max_retries=0)

    def agent():
        try:
            client.chat.completions.create(model="gpt-4o", messages=[])
        except openai.RateLimitError as error:
            return error.status_code, str(error)

    live = tape.record(agent)
    row = tape.player().rows[0]
    assert (row.status, row.error_type, row.error_message) == ("error", "HTTP 429", "slow down")
    assert tape.replay(agent).result == live
    client.close()


@pytest.mark.parametrize("library", ["httpx", "requests", "aiohttp"])
def test_a_refused_connection_is_refused_again(library, tape):
    import aiohttp

    url = "http://127.0.0.1:9/v1/chat/completions"

    def with_httpx():
        try:
            httpx.post(url, json={})
        except httpx.ConnectError as error:
            return type(error).__name__

    def with_requests():
        try:
            requests.post(url, json={}, timeout=5)
        except requests.ConnectionError as error:
            return type(error).__name__

    async def with_aiohttp():
        async with aiohttp.ClientSession() as session:
            try:
                await session.post(url, json={})
            except aiohttp.ClientConnectorError as error:
                return type(error).__name__

    agent = {"httpx": with_httpx, "requests": with_requests, "aiohttp": with_aiohttp}[library]
    live = asyncio.run(tape.arecord(agent)) if library == "aiohttp" else tape.record(agent)
    assert live is not None
    assert tape.player().rows[0].status == "error"
    assert tape.replay(agent).result == live


def test_a_fork_sends_the_edited_request(tape):
    agent = lambda: content(chat(tape.provider.url, "old"))  # noqa: E731  # one line says it
    tape.record(agent)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "new"}]}
    forked = tape.replay(agent, mode="fork", from_frame=0, state_overrides={"body": body})
    assert forked.result == "You said: new"
    assert tape.hits == 1
    assert json.loads(tape.provider.requests[-1][2]) == body


def test_a_mock_answers_with_a_body(tape):
    agent = lambda: content(chat(tape.provider.url))  # noqa: E731  # one line says it
    tape.record(agent)
    body = {"choices": [{"message": {"content": "mocked"}}]}
    mocked = tape.replay(agent, mode="mock", inject_mocks=[Mock(match="kind:llm", value=body)])
    assert mocked.result == "mocked"
    assert tape.hits == 0


def test_plain_code_is_recorded_and_replayed_without_a_run(provider, recorder):
    def code():
        return content(chat(provider.url, "1")), content(chat(provider.url, "2"))

    with vcr_llm.capture(recorder):
        live = code()
    recorder.save()
    with vcr_llm.replay(recorder.path):
        assert code() == live
    with pytest.raises(DivergenceError, match="leftover"), vcr_llm.replay(recorder.path):
        chat(provider.url, "1")
    assert provider.hits == 2


def test_parallel_calls_with_equal_prompts_replay(tape):
    async def agent():
        async with httpx.AsyncClient() as client:

            async def ask(number):
                body = {"model": "m", "messages": [{"role": "user", "content": "same"}]}
                first = await client.post(f"{tape.provider.url}/v1/chat/completions", json=body)
                body["messages"].append({"role": "user", "content": f"{number}"})
                second = await client.post(f"{tape.provider.url}/v1/chat/completions", json=body)
                return content(first.json()), content(second.json())

            return await asyncio.gather(*(ask(number) for number in range(6)))

    live = asyncio.run(tape.arecord(agent))
    replayed = tape.replay(agent)
    assert replayed.error is None
    assert replayed.result == live
    assert tape.hits == 0


def test_threads_record_into_their_own_branches(tape):
    def agent():
        found = {}
        threads = [
            threading.Thread(target=lambda n=n: found.update({n: content(chat(tape.provider.url, f"{n}"))}))
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(found.items())

    live = tape.record(agent)
    assert tape.replay(agent).result == live
    assert tape.hits == 0


def test_a_library_imported_after_install_is_patched_too(provider, tmp_path):
    script = f"""
    import sys
    import vcr_llm
    from vcr_core import VCRRecorder
    assert not {{"httpx", "httpx2", "urllib3", "aiohttp"}} & set(sys.modules)
    vcr_llm.install()
    recorder = VCRRecorder({str(tmp_path)!r})
    def agent():
        import httpx, httpx2, urllib3
        url = "{provider.url}/x"
        httpx.post(url, json={{"n": 1}})
        httpx2.post(url, json={{"n": 2}})
        urllib3.request("POST", url, json={{"n": 3}})
    recorder.run(agent)
    assert recorder.frame_count == 3, recorder.frame_count
    vcr_llm.uninstall()
    recorder.run(agent)
    assert recorder.frame_count == 3, recorder.frame_count
    print(recorder.path)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    rows = list(VCRPlayer.load(done.stdout.strip()).rows)
    assert [(row.kind, row.label, row.node_name) for row in rows] == [("tool", "http", "POST 127.0.0.1")] * 3


def test_a_normalizer_takes_out_what_changes(provider, recorder):
    stamp = [1]

    def code():
        return chat(provider.url, metadata={"stamp": stamp[0]})["id"]

    def normalize(given):
        body = {name: value for name, value in given["body"].items() if name != "metadata"}
        return {**given, "body": body}

    with vcr_llm.capture(recorder, normalize=normalize):
        code()
    recorder.save()
    stamp[0] = 2
    with vcr_llm.replay(recorder.path, normalize=normalize):
        code()
    with pytest.raises(DivergenceError, match="metadata"), vcr_llm.replay(recorder.path):
        code()


def test_a_recording_is_served_also_where_nobody_thought_of_capturing(provider, tmp_path):
    script = f"""
    import sys
    import httpx
    from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder
    def agent():
        return httpx.post("{provider.url}/v1/chat/completions", json={{"model": "m", "messages": []}}).json()
    if sys.argv[1:]:
        VCRPlayer.load(sys.argv[1]).resume(agent, ResumeConfig(mode="replay"))
    else:
        import vcr_llm
        recorder = VCRRecorder({str(tmp_path)!r})
        with vcr_llm.capture():
            recorder.run(agent)
        print(recorder.path)
    """
    program = [sys.executable, "-c", textwrap.dedent(script)]
    made = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    subprocess.run([*program, made.stdout.strip()], check=True, timeout=60)
    assert provider.hits == 1
