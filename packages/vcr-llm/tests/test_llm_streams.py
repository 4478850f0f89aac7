"""Streams: teed while they are read, replayed chunk by chunk, cut where they were cut, failing where they failed."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib

import aiohttp
import httpx
import openai
import pytest
import requests

from vcr_core import DivergenceError
from vcr_llm.testing import Answer

CHUNKS = [f"data: chunk {n} {'é' * n}\n\n".encode() for n in range(8)]
SPLIT = "data: grüße 🎬\n\n".encode()


def sse(**more):
    return Answer(CHUNKS, "text/event-stream", delay=0.003, **more)


def read_httpx(url, stop=None):
    got = []
    with httpx.Client() as client, client.stream("POST", url, json={"stream": True}) as response:
        try:
            for chunk in response.iter_raw():
                got.append(chunk)
                if len(got) == stop:
                    break
        except httpx.HTTPError as error:
            got.append(type(error).__name__)
    return got


def read_requests(url, stop=None):
    got = []
    with requests.post(url, json={"stream": True}, stream=True, timeout=10) as response:
        try:
            for chunk in response.iter_content(None):
                got.append(chunk)
                if len(got) == stop:
                    break
        except requests.RequestException as error:
            got.append(type(error).__name__)
    return got


async def read_httpx_async(url, stop=None):
    got = []
    async with httpx.AsyncClient() as client, client.stream("POST", url, json={"stream": True}) as response:
        try:
            async for chunk in response.aiter_raw():
                got.append(chunk)
                if len(got) == stop:
                    break
        except httpx.HTTPError as error:
            got.append(type(error).__name__)
    return got


async def read_aiohttp(url, stop=None):
    got = []
    async with aiohttp.ClientSession() as session, session.post(url, json={"stream": True}) as response:
        try:
            async for chunk in response.content.iter_any():
                got.append(chunk)
                if len(got) == stop:
                    break
        except aiohttp.ClientError as error:
            got.append(type(error).__name__)
    return got


READERS = [read_httpx, read_requests, read_httpx_async, read_aiohttp]


def record(tape, agent, *args):
    return asyncio.run(tape.arecord(agent, *args)) if asyncio.iscoroutinefunction(agent) else tape.record(agent, *args)


@pytest.mark.parametrize("read", READERS)
def test_a_whole_stream_replays_chunk_by_chunk(read, tape):
    tape.provider.scripted["/s"] = sse()
    live = record(tape, read, f"{tape.provider.url}/s")
    assert b"".join(live) == b"".join(CHUNKS)
    assert len(live) == len(CHUNKS)
    assert tape.replay(read).result == live
    assert tape.player().get_frame(0).output_state["stream"].end == "complete"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("stop", [1, 5])
def test_a_stream_that_was_left_early_is_served_so_far(read, stop, tape):
    tape.provider.scripted["/s"] = sse()
    live = record(tape, read, f"{tape.provider.url}/s", stop)
    assert len(live) == stop
    replayed = tape.replay(read)
    assert replayed.result == live
    assert tape.hits == 0
    stream = tape.player().get_frame(0).output_state["stream"]
    assert stream.end == "closed"
    assert len(stream.offsets_ms) == len(stream.chunks)


@pytest.mark.parametrize("read", [read_httpx, read_requests])
def test_reading_further_than_was_recorded_diverges(read, tape):
    tape.provider.scripted["/s"] = sse()
    limit = [3]
    url = f"{tape.provider.url}/s"

    def agent():
        return read(url, limit[0])

    tape.record(agent)
    limit[0] = None
    replayed = tape.replay(agent)
    assert isinstance(replayed.error, DivergenceError)
    assert replayed.error.kind == "stream"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("count", [1, 4])
def test_a_stream_that_broke_breaks_again_at_the_same_chunk(read, count, tape):
    tape.provider.scripted["/s"] = Answer(CHUNKS[:count], "text/event-stream", breaks=True, delay=0.003)
    live = record(tape, read, f"{tape.provider.url}/s")
    assert live[:-1] == CHUNKS[:count]
    assert isinstance(live[-1], str)
    replayed = tape.replay(read)
    assert replayed.result == live
    frame = tape.player().get_frame(0)
    assert frame.status == "error"
    assert frame.output_state["stream"].end == "error"


@pytest.mark.parametrize("read", READERS)
def test_chunks_that_cut_a_character_in_two_stay_as_they_are(read, tape):
    parts = [SPLIT[:9], SPLIT[9:16], SPLIT[16:]]
    tape.provider.scripted["/s"] = Answer(parts, "text/event-stream", delay=0.003)
    live = record(tape, read, f"{tape.provider.url}/s")
    assert live == parts
    assert tape.replay(read).result == live


def test_a_compressed_body_is_recorded_so_that_it_can_be_read(tape):
    body = b'{"id":"x","object":"list"}'
    packed = Answer([gzip.compress(body)], headers={"content-encoding": "gzip"})
    tape.provider.scripted["/z"] = packed
    url = f"{tape.provider.url}/z"

    def agent():
        return httpx.get(url).json(), requests.get(url, timeout=5).json()

    live = tape.record(agent)
    assert tape.player().get_frame(0).output_state["body"] == {"id": "x", "object": "list"}
    assert tape.player().get_frame(1).output_state["body"] == {"id": "x", "object": "list"}
    assert tape.replay(agent).result == live
    assert "br" not in tape.provider.requests[0][1]["accept-encoding"]


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))), ("x-own", lambda body: body[::-1])],
)
def test_a_body_of_another_coding_reaches_the_client_as_it_did(tape, coding, pack):
    tape.provider.scripted["/z"] = Answer([pack(b'{"x": 1}')], headers={"content-encoding": coding})
    url = f"{tape.provider.url}/z"

    def agent():
        return httpx.get(url).content, requests.get(url, timeout=5).content

    live = tape.record(agent)
    replayed = tape.replay(agent)
    assert (replayed.error, replayed.result) == (None, live)


def test_the_length_of_a_response_is_served(tape):
    tape.provider.scripted["/x"] = Answer([b'{"x": 1}'])
    url = f"{tape.provider.url}/x"

    def agent():
        answers = [call(url) for call in (httpx.head, httpx.get, requests.head, requests.get)]
        return [answer.headers.get("content-length") for answer in answers]

    assert tape.record(agent) == ["8"] * 4
    assert tape.replay(agent).result == ["8"] * 4


async def read_without_body(url):
    got = []
    asked = [("GET", "/204"), ("GET", "/204"), ("HEAD", "/x"), ("HEAD", "/x"), ("GET", "/304")]
    async with aiohttp.ClientSession() as session:
        for method, path in asked:
            async with session.request(method, url + path) as response:
                got.append((response.status, response.content.at_eof(), await response.read()))
    return got


def test_responses_without_a_body_end_for_aiohttp_however_many_there_are(tape):
    tape.provider.scripted.update({f"/{status}": Answer([b""], status=status) for status in (204, 304)})
    live = asyncio.run(tape.arecord(read_without_body, tape.provider.url))
    assert live == [(status, True, b"") for status in (204, 204, 200, 200, 304)]
    replayed = tape.replay(read_without_body)
    assert (replayed.error, replayed.result, tape.hits) == (None, live, 0)


def test_the_first_chunk_is_not_held_back(tape):
    tape.provider.scripted["/s"] = Answer(CHUNKS[:4], "text/event-stream", delay=0.15)
    url = f"{tape.provider.url}/s"

    def agent():
        times = []
        with httpx.Client() as client, client.stream("POST", url, json={"stream": True}) as response:
            times.extend(time.monotonic() for _ in response.iter_raw())
        return [later - times[0] for later in times]

    gaps = tape.record(agent)
    assert gaps[1] > 0.1  # a body read as a whole before it was handed on would come at once
    assert gaps[3] > 0.3


def test_two_streams_read_by_turns_replay(tape):
    tape.provider.scripted["/a"] = sse()
    tape.provider.scripted["/b"] = Answer(CHUNKS[:2], "text/event-stream", delay=0.003)
    url = tape.provider.url

    def agent():
        with httpx.Client() as client:
            options = {"json": {"stream": True}}
            with (
                client.stream("POST", f"{url}/a", **options) as one,
                client.stream("POST", f"{url}/b", **options) as two,
            ):
                first = one.iter_raw()
                return [next(first), *two.iter_raw(), *first]

    live = tape.record(agent)
    replayed = tape.replay(agent)
    assert replayed.error is None
    assert replayed.result == live


def test_a_stream_nobody_closed_is_recorded_when_the_run_ends(tape):
    tape.provider.scripted["/s"] = sse()
    url = f"{tape.provider.url}/s"
    kept = []

    def agent():
        client = httpx.Client()
        response = client.send(client.build_request("POST", url, json={"stream": True}), stream=True)
        kept.extend((client, response))
        return next(response.iter_raw())

    assert tape.record(agent) == CHUNKS[0]
    assert tape.player().get_frame(0).output_state["stream"].chunks == [CHUNKS[0].decode()]
    kept[1].close()
    kept[0].close()


def test_the_message_a_stream_makes_stands_beside_its_chunks(tape):
    client = openai.OpenAI(api_key="k", base_url=f"{tape.provider.url}/v1")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]

    def agent():
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "use the tool"}], "tools": tools}
        list(client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **asked))
        return client.chat.completions.create(**asked).model_dump()

    tape.record(agent)
    player = tape.player()
    streamed, plain = player.get_frame(0).output_state["message"], player.get_frame(1).output_state["body"]
    assert streamed["choices"][0]["message"]["tool_calls"] == plain["choices"][0]["message"]["tool_calls"]
    assert streamed["usage"] == plain["usage"]
    assert player.rows[0].cost_usd == player.rows[1].cost_usd
    client.close()
