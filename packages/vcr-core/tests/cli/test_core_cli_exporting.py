"""export and pack."""

from __future__ import annotations

import json
import shutil

import pytest

from vcr_core import VCRPlayer, VCRRecorder


def test_export_json_holds_every_state_whole(vcr, recorded):
    player = VCRPlayer.load(recorded / "my_run.vcr")
    exported = vcr("export", "my_run").json
    assert exported["session"]["session_id"] == "my_run"
    assert exported["session"]["totals"]["frames"] == 6
    assert [frame["node_name"] for frame in exported["frames"]] == [row.node_name for row in player.rows]
    assert exported["frames"][3]["input_state"] == player.wire_state(3, "input")
    assert exported["frames"][5]["output_state"]["big"] == "x" * 40_000
    assert exported["frames"][4]["error"]["message"] == "no such address"
    assert vcr("export", "my_run", "--json").json == exported


def test_export_jsonl_is_a_line_each(vcr, recorded):
    lines = [json.loads(line) for line in vcr("export", "my_run", "--to", "jsonl").out.splitlines()]
    assert list(lines[0]) == ["session"]
    assert [line["frame"] for line in lines[1:]] == vcr("export", "my_run").json["frames"]


def test_export_markdown_tells_what_each_step_did(vcr, recorded):
    text = vcr("export", "my_run", "--to", "markdown").out
    assert text.startswith("# my\\_run\n")
    assert "## 3. refine" in text
    assert "+ /plan/2" in text
    assert "**ValueError: no such address**" in text
    assert text.count("```") % 2 == 0


def test_export_markdown_fences_what_holds_fences(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("fences")
        recorder.record_step("a", {"doc": "````\ncode\n````"}, {"doc": "x"})
    assert "`````json" in vcr("export", "fences", "--to", "markdown").out


def test_export_to_a_file_replaces_nothing_unasked(vcr, recorded, tmp_path):
    assert vcr("export", "my_run", "-o", "out.json").status == 0
    exported = (tmp_path / "out.json").read_text()
    assert json.loads(exported) == vcr("export", "my_run").json
    (tmp_path / "out.json").write_text("mine")
    assert vcr("export", "my_run", "-o", "out.json").status == 2
    assert (tmp_path / "out.json").read_text() == "mine"
    assert vcr("export", "my_run", "-o", "out.json", "--force", "--json").json["path"] == "out.json"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".vcr", "out.json"]


def test_export_messages_needs_messages(vcr, recorded):
    result = vcr("export", "forked", "--to", "messages")
    assert result.status == 0  # its last prompt and the answer to it
    assert [message["role"] for message in result.json] == ["user", "assistant"]


def test_pack_makes_a_fork_self_contained(vcr, recorded, tmp_path):
    original = VCRPlayer.load(recorded / "forked.vcr")
    states = [(original.state(i, "input"), original.state(i)) for i in range(len(original))]
    shown = vcr("pack", "forked", "-o", "sent.vcr", "--json").json
    assert (shown["frames"], shown["foreign_frames"]) == (5, 4)
    shutil.rmtree(recorded)
    packed = VCRPlayer.load(tmp_path / "sent.vcr")
    assert [(packed.state(i, "input"), packed.state(i)) for i in range(len(packed))] == states
    assert packed.verify().ok
    assert packed.session.parent_session_id == "my_run"
    assert b'"tape"' not in (tmp_path / "sent.vcr").read_bytes().replace(b'"origin":"tape"', b"")
    assert vcr("show", "sent.vcr").status == 0


def test_pack_puts_blobs_and_typed_values_into_the_file(vcr, recorded, tmp_path):
    original = VCRPlayer.load(recorded / "my_run.vcr")
    expected = original.state(5)
    rows = list(original.rows)
    assert vcr("pack", "my_run").out.startswith("my_run.packed.vcr: 6 frames")
    shutil.rmtree(recorded / "blobs")
    packed = VCRPlayer.load(tmp_path / "my_run.packed.vcr")
    assert packed.state(5) == expected
    assert list(packed.rows) == rows
    assert packed.get_errors()[0].error.traceback == original.get_errors()[0].error.traceback
    assert packed.end == original.end
    assert b'"$vcr":"blob"' not in (tmp_path / "my_run.packed.vcr").read_bytes()


def test_packed_file_grows_linearly(vcr, tmp_path):
    def packed_size(steps):
        with VCRRecorder(tmp_path / ".vcr") as recorder:
            recorder.start_session(f"grow{steps}")
            state = {"history": []}
            for number in range(steps):
                following = {"history": [*state["history"], f"{number:0200d}"]}
                recorder.record_step("grow", state, following)
                state = following
        return vcr("pack", f"grow{steps}", "--json").json["size"]

    assert packed_size(200) < 2.5 * packed_size(100)


def test_pack_without_its_blob_makes_no_file(vcr, recorded, tmp_path):
    shutil.rmtree(recorded / "blobs")
    result = vcr("pack", "my_run")
    assert result.status == 1
    assert "is missing or damaged" in result.err
    assert list(tmp_path.iterdir()) == [recorded]


def test_pack_without_its_parent_says_so(vcr, recorded, tmp_path):
    (recorded / "my_run.vcr").unlink()
    result = vcr("pack", "forked")
    assert result.status in (1, 3)
    assert "my_run" in result.err
    assert list(tmp_path.iterdir()) == [recorded]


@pytest.mark.parametrize("content", [b'{"$vcr": "blob"}', b'{"a": {"$vcr": 1}}'])
def test_pack_keeps_user_data_that_looks_like_a_tag(vcr, tmp_path, content):
    value = json.loads(content)
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("odd")
        recorder.record_step("a", {}, {"value": value, "raw": b"\x00" * 20_000, "lone": "\ud800"})
    assert vcr("pack", "odd").status == 0
    assert VCRPlayer.load("odd.packed.vcr").state(0) == {"value": value, "raw": b"\x00" * 20_000, "lone": "\ud800"}
