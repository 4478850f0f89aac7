"""Recordings that the real ai-agent-vcr 1.5.4 wrote (full and diff mode, with forks), imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcr_core import VCRPlayer

OLD = Path(__file__).parent / "agent_vcr_1_5_4"
NAMES = ["old_full", "old_diff", "fork_full", "fork_diff"]


@pytest.mark.parametrize("name", NAMES)
def test_imported_recordings_hold_what_the_old_ones_hold(vcr, name):
    result = vcr("import", "--from", "agent-vcr", OLD / f"{name}.vcr", "--json")
    assert result.status == 0, result.err
    new = VCRPlayer.load(result.json["imported"][0]["path"])
    old = VCRPlayer.load(OLD / f"{name}.vcr")
    assert len(new) == len(old)
    for index in range(len(old)):
        assert new.goto_frame(index) == old.goto_frame(index)
        assert new.get_input_state(index) == old.get_input_state(index)
        assert new.rows[index] == old.rows[index]
        assert new.get_frame(index).metadata == old.get_frame(index).metadata
        assert new.get_frame(index).error == old.get_frame(index).error
    assert new.session.parent_session_id == old.session.parent_session_id
    assert new.session.forked_from_frame == old.session.forked_from_frame
    assert new.session.created_at == old.session.created_at
    assert new.session.tags == old.session.tags
    assert old.session.metadata.items() <= new.session.metadata.items()
    assert new.verify().ok


def test_known_states_of_the_old_recordings_are_right():
    full = VCRPlayer.load(OLD / "old_full.vcr")
    assert full.goto_frame(3) == {"task": "tidy up", "history": [f"line {n}" for n in range(4)], "n": 3}
    assert full.get_input_state(3)["n"] == 2
    assert [row.kind for row in full.rows] == ["node"] * 4 + ["llm", "tool", "tool", "error"]
    assert full.rows[4].cost_usd == 0.002
    diff = VCRPlayer.load(OLD / "old_diff.vcr")
    assert [diff.goto_frame(i) for i in range(4)] == [full.goto_frame(i) for i in range(4)]


def test_a_directory_is_imported_whole(vcr, tmp_path):
    result = vcr("import", "--from", "agent-vcr", OLD)
    assert result.status == 0
    assert "4 sessions with 20 frames" in result.out
    assert sorted(row["name"] for row in vcr("ls", "--json").json) == sorted(NAMES)
    assert vcr("verify", "--states").status == 0
    assert {row["status"] for row in vcr("ls", "--json").json} == {"ok", "error"}


def test_the_source_is_recognized_without_being_named(vcr):
    assert vcr("import", OLD / "old_full.vcr").status == 0


def test_old_recordings_are_shown_as_they_are(vcr):
    assert "+history" in vcr("show", OLD / "old_full.vcr").out
    assert {row["name"] for row in vcr("ls", OLD, "--json").json} == set(NAMES)
    assert vcr("diff", OLD / "old_full.vcr", "0", "3", "--json").json["ops"]
    assert vcr("export", OLD / "old_full.vcr").status == 0
    assert vcr("pack", OLD / "old_full.vcr").status == 0
    assert vcr("verify", "old_full.packed.vcr", "--running").status == 0


def test_odd_session_ids_become_names(vcr, tmp_path):
    content = (OLD / "old_full.vcr").read_text().replace('"session_id":"old_full"', '"session_id":"../../my run?"')
    (tmp_path / "odd.vcr").write_text(content)
    (imported,) = vcr("import", "odd.vcr", "--json").json["imported"]
    assert imported["name"] == "my_run"


@pytest.mark.parametrize(("name", "content"), [("new.vcr", b"hello\n"), ("none.vcr", b"")])
def test_other_files_are_refused(vcr, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    result = vcr("import", "--from", "agent-vcr", name)
    assert result.status == 1
    assert "is not a recording of ai-agent-vcr 1.x" in result.err


def test_an_empty_directory_is_refused(vcr, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "there is no recording of ai-agent-vcr" in vcr("import", "empty").err
