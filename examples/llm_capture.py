"""Record the model calls of unchanged code, replay them for nothing, and change one prompt.

    pip install vcr-llm[prices] httpx
    python examples/llm_capture.py

The provider is a local one that repeats what it is asked, so the example needs no key and no network.
"""

from __future__ import annotations

import tempfile

import httpx

import vcr_llm
from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder
from vcr_core.engine import run_again
from vcr_llm.testing import FakeProvider


def agent(url: str, topic: str) -> str:
    """An agent as it was before: it knows nothing of recordings."""
    said = topic
    for task in ("Name a fact about", "Doubt this:"):
        asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": f"{task} {said}"}]}
        answer = httpx.post(f"{url}/v1/chat/completions", json=asked).json()
        said = answer["choices"][0]["message"]["content"]
    return said


def main() -> None:
    with FakeProvider() as provider, tempfile.TemporaryDirectory() as folder:
        recorder = VCRRecorder(folder)
        with vcr_llm.capture(recorder):
            result = recorder.run(agent, provider.url, "tapes")
        print(f"recorded: {provider.hits} calls, {result!r}")

        player = VCRPlayer.load(recorder.path)
        for call in vcr_llm.calls_of(player):
            print(f"  frame {call.frame}: {call.asked.model}, {call.usage.input} tokens in, cost {call.cost_usd}")

        before = provider.hits
        with vcr_llm.capture():
            replayed = run_again(player, agent, ResumeConfig(mode="replay"))
        print(f"replayed: {provider.hits - before} calls, equal: {replayed.result == result}")

        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Praise this: tapes"}]}
        with vcr_llm.capture():
            forked = run_again(player, agent, ResumeConfig(from_frame=1, state_overrides={"body": body}))
        print(f"forked at frame 1 with another prompt: {provider.hits - before} call, {forked.result!r}")


if __name__ == "__main__":
    main()
