"""``vcr fork``, ``vcr compare`` and ``vcr bisect``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.cli import main

AGENT = """
from vcr_core import step
from vcr_core.engine import KEEP

@step
def work(state):
    return {"value": state["value"] * 3}

def agent(value):
    state = {"value": value}
    for _ in range(4):
        state = work(state)
    if state["value"] > 100:
        raise OverflowError(state["value"])
    return state

def oracle(row, before, after):
    return {"value": 1} if row.index == 2 else KEEP
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "forked_agent.py").write_text(AGENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    recorder = VCRRecorder(tmp_path / ".vcr")
    for name, value in (("base", 1), ("failed", 2)):
        recorder.start_session(name, agent="forked_agent:agent")
        agent: Callable[[int], object] = __import__("forked_agent").agent
        try:
            recorder.run(agent, value)
        except OverflowError:
            assert name == "failed"
    recorder.close()
    return tmp_path


def test_a_fork_shares_frames_and_runs_nothing(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", "base", "2", "--id", "second"]) == 0
    assert "second shares 2 frames with base" in capsys.readouterr().out
    forked = VCRPlayer.load_by_id("second", directory / ".vcr")
    assert [row.origin for row in forked.rows] == ["tape", "tape"]
    assert forked.goto_frame(-1) == {"value": 9}
    assert main(["fork", "base", "4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["frames"] == 4


def test_recordings_stand_side_by_side(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "base", "failed", "base", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["same"], first["changed"], first["first_change"]) == (0, 4, "work")
    assert (second["same"], second["changed"], second["first_change"]) == (4, 0, None)
    assert main(["compare", "base", "failed"]) == 0
    assert "first change" in capsys.readouterr().out


def test_bisect_names_the_step(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", "failed", "forked_agent:oracle", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"frame": 2, "name": "work", "tried": [2]}


def test_an_oracle_that_is_not_there_is_a_clear_error(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", "failed", "forked_agent:nobody"]) == 1
    error = capsys.readouterr().err
    assert "nobody" in error
    assert "Traceback" not in error
