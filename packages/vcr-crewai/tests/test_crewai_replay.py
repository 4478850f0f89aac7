"""Ghost replay: nothing is called, and the result is the recorded one."""

from __future__ import annotations

import pytest

from vcr_core import ResumeConfig
from vcr_core.engine import run_again
from vcr_crewai import VCRCrewAI

GHOST = ResumeConfig(mode="replay")
THROUGH_CREWAI = ResumeConfig(mode="mock", live=["kind:node"])


@pytest.mark.parametrize("config", [GHOST, THROUGH_CREWAI], ids=["from the tape", "through crewai"])
@pytest.mark.parametrize("kind", ["react", "native", "managed"])
def test_a_ghost_calls_nothing_and_gives_the_same(kind, config, recorder, play, crews, counts):
    result = VCRCrewAI(recorder).kickoff(crews[kind](), {"who": "bob"})
    counts.update(llm=0, tool=0)
    again = run_again(play(recorder), crews[kind](), config)
    assert again.error is None
    assert again.result == result
    assert again.result.token_usage == result.token_usage
    assert counts == {"llm": 0, "tool": 0}
