"""Clients as users write them, recorded and replayed: one hit when recording, none when replaying, equal results."""

from __future__ import annotations

import asyncio
import gc
import importlib.util

import pytest

TEXT = [{"role": "user", "content": "grüße 1"}]


def _messages():
    return [dict(message) for message in TEXT]


def openai_sync(url, stream):
    import openai

    client = openai.OpenAI(api_key="sk-test", base_url=f"{url}/v1", max_retries=0)

    def agent():
        found = client.chat.completions.create(model="gpt-4o", messages=_messages(), stream=stream)
        return [chunk.model_dump() for chunk in found] if stream else found.model_dump()

    return agent


def openai_async(url, stream):
    import openai

    async def agent():
        async with openai.AsyncOpenAI(api_key="sk-test", base_url=f"{url}/v1", max_retries=0) as client:
            found = await client.chat.completions.create(model="gpt-4o", messages=_messages(), stream=stream)
            return [chunk.model_dump() async for chunk in found] if stream else found.model_dump()

    return agent


def responses_sync(url, stream):
    import openai

    client = openai.OpenAI(api_key="sk-test", base_url=f"{url}/v1", max_retries=0)

    def agent():
        found = client.responses.create(model="gpt-4o", input="hello", stream=stream)
        return [event.model_dump() for event in found] if stream else found.model_dump()

    return agent


def responses_async(url, stream):
    import openai

    async def agent():
        async with openai.AsyncOpenAI(api_key="sk-test", base_url=f"{url}/v1", max_retries=0) as client:
            found = await client.responses.create(model="gpt-4o", input="hello", stream=stream)
            return [event.model_dump() async for event in found] if stream else found.model_dump()

    return agent


def anthropic_sync(url, stream):
    import anthropic

    client = anthropic.Anthropic(api_key="sk-ant-test", base_url=url, max_retries=0)

    def agent():
        found = client.messages.create(model="claude-sonnet-4-5", max_tokens=50, messages=_messages(), stream=stream)
        return [event.model_dump() for event in found] if stream else found.model_dump()

    return agent


def anthropic_async(url, stream):
    import anthropic

    async def agent():
        async with anthropic.AsyncAnthropic(api_key="sk-ant-test", base_url=url, max_retries=0) as client:
            found = await client.messages.create(
                model="claude-sonnet-4-5", max_tokens=50, messages=_messages(), stream=stream
            )
            return [event.model_dump() async for event in found] if stream else found.model_dump()

    return agent


def litellm_sync(url, stream):
    import litellm

    def agent():
        options = {"model": "openai/gpt-4o", "api_key": "sk-test", "api_base": f"{url}/v1", "num_retries": 0}
        found = litellm.completion(messages=_messages(), stream=stream, **options)
        return _litellm_texts(list(found)) if stream else found.choices[0].message.content

    return agent


def litellm_async(url, stream):
    import litellm

    async def agent():
        options = {"model": "anthropic/claude-sonnet-4-5", "api_key": "sk-test", "api_base": url, "num_retries": 0}
        found = await litellm.acompletion(messages=_messages(), stream=stream, **options)
        return _litellm_texts([chunk async for chunk in found]) if stream else found.choices[0].message.content

    return agent


def _litellm_texts(chunks):
    return [chunk.choices[0].delta.content for chunk in chunks]


def _raw_body(stream):
    return {"model": "gpt-4o", "messages": _messages(), "stream": stream}


def _httpx_like(library, url, stream):
    def agent():
        with library.Client(timeout=10) as client:
            if not stream:
                return client.post(f"{url}/v1/chat/completions", json=_raw_body(False)).json()
            with client.stream("POST", f"{url}/v1/chat/completions", json=_raw_body(True)) as response:
                return list(response.iter_raw())

    return agent


def _httpx_like_async(library, url, stream):
    async def agent():
        async with library.AsyncClient(timeout=10) as client:
            if not stream:
                return (await client.post(f"{url}/v1/chat/completions", json=_raw_body(False))).json()
            async with client.stream("POST", f"{url}/v1/chat/completions", json=_raw_body(True)) as response:
                return [chunk async for chunk in response.aiter_raw()]

    return agent


def httpx_sync(url, stream):
    import httpx

    return _httpx_like(httpx, url, stream)


def httpx_async(url, stream):
    import httpx

    return _httpx_like_async(httpx, url, stream)


def httpx2_sync(url, stream):
    import httpx2

    return _httpx_like(httpx2, url, stream)


def httpx2_async(url, stream):
    import httpx2

    return _httpx_like_async(httpx2, url, stream)


def requests_sync(url, stream):
    import requests

    session = requests.Session()

    def agent():
        response = session.post(f"{url}/v1/chat/completions", json=_raw_body(stream), stream=stream, timeout=10)
        with response:
            return list(response.iter_lines()) if stream else response.json()

    return agent


def requests_async(url, stream):
    plain = requests_sync(url, stream)

    async def agent():
        return await asyncio.to_thread(plain)

    return agent


def aiohttp_async(url, stream):
    import aiohttp

    async def agent():
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/v1/chat/completions", json=_raw_body(stream)) as response,
        ):
            return [line async for line in response.content] if stream else await response.json()

    return agent


def botocore_sync(url, stream):
    import boto3

    names = {
        "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    }
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, **names)

    def agent():
        asked = {
            "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
            "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        }
        found = client.converse_stream(**asked) if stream else client.converse(**asked)
        return list(found["stream"]) if stream else {name: found[name] for name in ("output", "usage", "stopReason")}

    return agent


CLIENTS = {
    "openai": (openai_sync, openai_async),
    "openai-responses": (responses_sync, responses_async),
    "anthropic": (anthropic_sync, anthropic_async),
    "litellm": (litellm_sync, litellm_async),
    "httpx": (httpx_sync, httpx_async),
    "httpx2": (httpx2_sync, httpx2_async),
    "requests": (requests_sync, requests_async),
    "aiohttp": (aiohttp_async,),
    "botocore": (botocore_sync,),
}
NAMES = {
    "anthropic": "anthropic.messages",
    "openai-responses": "openai.responses",
    "botocore": "bedrock.converse",
}
LITELLM = pytest.mark.filterwarnings("ignore")  # it warns of its own models
MATRIX = [
    pytest.param(
        name,
        make,
        stream,
        marks=[LITELLM] if name == "litellm" else [],
        id=f"{name}-{'async' if 'async' in make.__name__ else 'sync'}-{'stream' if stream else 'plain'}",
    )
    for name, makers in CLIENTS.items()
    for make in makers
    for stream in (False, True)
]


@pytest.mark.parametrize(("name", "make", "stream"), MATRIX)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::pydantic.warnings.PydanticDeprecationWarning")
def test_one_hit_when_recording_and_none_when_replaying(name, make, stream, tape):
    module = {"openai-responses": "openai", "botocore": "boto3"}.get(name, name)
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed here (litellm needs openai 2: see `nox -s clients`)")
    agent = make(tape.provider.url, stream)
    live = asyncio.run(tape.arecord(agent)) if asyncio.iscoroutinefunction(agent) else tape.record(agent)
    assert tape.provider.hits == 1
    replayed = tape.replay(agent)
    assert replayed.error is None
    assert tape.hits == 0
    assert replayed.result == live
    row = tape.player().rows[0]
    assert len(tape.player()) == 1
    if name != "litellm":
        assert (row.kind, row.node_name) == ("llm", NAMES.get(name, "openai.chat"))
    assert row.model
    if not stream:
        assert row.tokens_input
        assert row.tokens_output
    gc.collect()
