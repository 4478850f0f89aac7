from __future__ import annotations

import contextlib
import os

import pytest

import vcr_llm
from vcr_core import ResumeConfig, VCRPlayer, VCRRecorder
from vcr_core.engine import run_again
from vcr_llm.testing import FakeProvider

for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(name, None)
os.environ.update(NO_PROXY="*", AWS_EC2_METADATA_DISABLED="true", LITELLM_LOCAL_MODEL_COST_MAP="True")


@pytest.fixture
def provider():
    with FakeProvider() as running:
        yield running


@pytest.fixture
def recorder(tmp_path):
    made = VCRRecorder(tmp_path)
    with contextlib.closing(made):
        yield made


class Tape:
    """Records an agent and replays it, counting the visits to the provider."""

    def __init__(self, provider: FakeProvider, recorder: VCRRecorder) -> None:
        self.provider = provider
        self.recorder = recorder

    def record(self, agent, *args):
        with vcr_llm.capture(self.recorder):
            return self.recorder.run(agent, *args)

    async def arecord(self, agent, *args):
        with vcr_llm.capture(self.recorder):
            return await self.recorder.arun(agent, *args)

    def player(self) -> VCRPlayer:
        return VCRPlayer.load(self.recorder.path)

    def replay(self, agent, **config):
        before = self.provider.hits
        with vcr_llm.capture():
            found = run_again(self.player(), agent, ResumeConfig(**{"mode": "replay", "patience": 2.0, **config}))
        self.hits = self.provider.hits - before
        return found


@pytest.fixture
def tape(provider, recorder):
    return Tape(provider, recorder)
