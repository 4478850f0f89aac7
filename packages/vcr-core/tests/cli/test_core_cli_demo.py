"""The demo, run as a person runs it."""

from __future__ import annotations

import subprocess
import sys

from vcr_core import VCRPlayer


def test_demo_records_finds_out_and_catches_damage(vcr_process, tmp_path):
    process = vcr_process("demo", "play", env={"VCR_DIR": "/nonexistent"}, stderr=subprocess.STDOUT)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    for said in (
        "$ python agent.py careful",
        "$ vcr show careful",
        "ran the tests: all pass",
        "mended: 5 steps served from careless, 5 run live",
        "replayed: 8 steps served from careful, 0 run live",
        "no difference",
        "return total - total * percent / 100",
        "$ vcr diff careful careless",
        "DAMAGED tampered",
        "(exit status 3)",
        "vcr --help",
    ):
        assert said in out
    assert "Traceback" not in out
    assert "fault of vcr" not in out
    recordings = tmp_path / "play" / ".vcr"
    assert sorted(path.stem for path in recordings.glob("*.vcr")) == [
        "careful",
        "careless",
        "mended",
        "replayed",
        "tampered",
    ]
    careful = VCRPlayer.load(recordings / "careful.vcr")
    assert careful.verify().ok
    assert careful.goto_frame(-1)["failing"] == []
    assert "REDACTED" in careful.get_input_state(3)["api_key"]
    assert (tmp_path / "play" / "api_key.txt").read_text() not in (recordings / "careful.vcr").read_text()


def test_demo_refuses_a_directory_with_files_in_it(vcr, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("x")
    result = vcr("demo", "mine")
    assert result.status == 2
    assert "is not an empty directory" in result.err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious.txt"]


def test_the_project_of_the_demo_fails_before_the_agent_mends_it(vcr, tmp_path):
    from vcr_core.cli.demo import _prepare

    directory = _prepare(str(tmp_path / "project"))
    tests = [sys.executable, "-B", "-m", "unittest", "test_shop"]
    done = subprocess.run(tests, cwd=directory, capture_output=True, text=True, timeout=60, check=False)
    assert "failures=1, errors=1" in done.stderr
