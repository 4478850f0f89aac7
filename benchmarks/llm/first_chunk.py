"""How much later the first chunk of a stream comes when it is recorded.

    python benchmarks/llm/first_chunk.py

Recorded and plain requests take turns in one run, for each client; the delay is the difference of the medians.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time

import aiohttp
import httpx
import requests

import vcr_llm
from vcr_core import VCRRecorder
from vcr_llm.testing import Answer, FakeProvider

ROUNDS = 60
BODY = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "hello " * 200}]}


def with_httpx(client, url):
    started = time.perf_counter()
    with client.stream("POST", url, json=BODY) as response:
        chunks = response.iter_raw()
        next(chunks)
        first = time.perf_counter() - started
        for _ in chunks:
            pass
    return first


def with_requests(session, url):
    started = time.perf_counter()
    with session.post(url, json=BODY, stream=True, timeout=10) as response:
        chunks = response.iter_content(None)
        next(chunks)
        first = time.perf_counter() - started
        for _ in chunks:
            pass
    return first


async def with_aiohttp(session, url):
    started = time.perf_counter()
    async with session.post(url, json=BODY) as response:
        chunks = response.content.iter_any()
        await chunks.__anext__()
        first = time.perf_counter() - started
        async for _ in chunks:
            pass
    return first


def alternate(name, once, recorder):
    plain, recorded = [], []
    for number in range(ROUNDS + 5):
        before = once()
        with vcr_llm.capture(recorder):
            after = once()
        if number >= 5:  # the first ones open connections and load prices
            plain.append(before * 1000)
            recorded.append(after * 1000)
    delay = statistics.median(recorded) - statistics.median(plain)
    worst = sorted(recorded)[int(ROUNDS * 0.95)] - statistics.median(plain)
    usual = statistics.median(plain)
    print(f"{name:10} first chunk {usual:6.2f} ms plain, {delay:+.2f} ms recorded (p95 {worst:+.2f} ms)")
    return delay


def main():
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        chunks = [f'data: {{"choices":[{{"index":0,"delta":{{"content":"{n}"}}}}]}}\n\n'.encode() for n in range(10)]
        provider.scripted["/v1/chat/completions"] = Answer(chunks, "text/event-stream", delay=0.002)
        url = f"{provider.url}/v1/chat/completions"
        recorder = VCRRecorder(folder)
        delays = []
        with httpx.Client() as client:
            delays.append(alternate("httpx", lambda: with_httpx(client, url), recorder))
        with requests.Session() as session:
            delays.append(alternate("requests", lambda: with_requests(session, url), recorder))
        with asyncio.Runner() as runner:
            session = runner.run(open_session())
            delays.append(alternate("aiohttp", lambda: runner.run(with_aiohttp(session, url)), recorder))
            runner.run(session.close())
        recorder.close()
    print(f"worst median delay {max(delays):.2f} ms (limit 5 ms)")
    raise SystemExit(max(delays) > 5)


async def open_session():
    return aiohttp.ClientSession()


if __name__ == "__main__":
    main()
