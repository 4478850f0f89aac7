"""For tests of what talks to models: a provider on this machine that counts its visitors."""

from __future__ import annotations

from vcr_llm.testing.fake_provider import Answer, FakeProvider

__all__ = ["Answer", "FakeProvider"]
