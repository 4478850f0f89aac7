"""Files that the real predecessor wrote load with equal states; files of our own first format load for ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.testing import samples
from vcr_core.wire_format import FormatError

FIXTURES = Path(__file__).parent / "fixtures"
OLD = FIXTURES / "agent_vcr_1_5_4"
EXPECTED = json.loads((OLD / "expected.json").read_text())


@pytest.mark.parametrize("mode", ["full", "diff"])
def test_states_of_the_predecessor_load_equal(mode):
    player = VCRPlayer.load(OLD / f"{mode}.vcr")
    assert len(player.frames) == len(EXPECTED[mode])
    for index, (before, after) in enumerate(EXPECTED[mode]):
        assert player.get_input_state(index) == before
        assert player.goto_frame(index) == after
    row = player.rows[0]
    assert (row.node_name, row.model, row.tokens, row.tokens_input, row.cost_usd) == ("node-1", "m-1", 15, 10, 0.01)
    assert (player.get_total_tokens(), player.get_total_cost(), player.get_total_latency()) == (90, 0.06, 75.0)
    assert player.damage == []


def test_the_session_line_of_the_predecessor_is_kept():
    info = VCRPlayer.load(OLD / "full.vcr").session
    assert (info.session_id, info.tags, info.metadata, info.format) == ("full", ["prod", "x"], {"who": "test"}, "1.0")


def test_an_input_that_its_diff_mode_lost_is_told_not_invented(tmp_path):
    lines = (OLD / "diff.vcr").read_text().splitlines()
    frame = json.loads(lines[3])
    frame["data"]["state_diff"][-1] = {"op": "replace", "path": "/other", "value": 3}
    lines[3] = json.dumps(frame)
    path = tmp_path / "diff.vcr"
    path.write_text("\n".join(lines) + "\n")
    player = VCRPlayer.load(path)
    assert player.get_input_state(2) == {}
    assert player.goto_frame(2) == EXPECTED["diff"][2][1]
    assert player.damage == ["line 4 does not hold the input state of frame 2"]
    assert player.get_input_state(3) == EXPECTED["diff"][3][0]


def test_calls_errors_and_checkpoints_of_the_predecessor():
    player = VCRPlayer.load(OLD / "calls.vcr")
    llm, tool, refused, error, checkpoint = player.frames
    assert (llm.kind, llm.row.model, llm.row.tokens, llm.row.cost_usd) == ("llm", "m-1", 12, 0.002)
    assert llm.output_state == {"response": {"content": "hello"}}
    assert (tool.kind, tool.label, tool.output_state["result"]) == ("tool", "search", ["a", "b"])
    assert refused.output_state["error"] == "refused"
    assert (error.kind, error.status, error.error.message) == ("error", "error", "broken")
    assert (checkpoint.kind, checkpoint.label) == ("checkpoint", "half way")
    assert player.goto_checkpoint("half way") == {"n": 2}
    assert [frame.index for frame in player.get_errors()] == [2, 3]


def test_forks_of_the_predecessor_know_their_parent():
    player = VCRPlayer.load_by_id("child", OLD)
    assert (player.session.parent_session_id, player.session.forked_from_frame) == ("parent", 2)
    assert player.goto_frame(-1) == {"n": 101}
    assert len(VCRPlayer.load_by_id("parent", OLD).frames) == 4


def test_a_broken_line_and_a_torn_end_of_the_predecessor(tmp_path):
    lines = (OLD / "full.vcr").read_bytes().splitlines(keepends=True)
    path = tmp_path / "full.vcr"
    path.write_bytes(b"".join([*lines[:3], b"{broken\n", *lines[3:], b'{"type":"frame","da']))
    player = VCRPlayer.load(path)
    assert len(player.frames) == 6
    assert player.damage == ["line 4 cannot be decoded"]
    assert player.torn == b'{"type":"frame","da'


def test_recordings_of_the_predecessor_cannot_be_verified_or_continued(tmp_path):
    shutil.copy(OLD / "full.vcr", tmp_path)
    with pytest.raises(FormatError, match="carry no hashes"):
        VCRPlayer.load_by_id("full", tmp_path).verify()
    with pytest.raises(FormatError, match="no sealed line"):
        VCRRecorder(tmp_path).attach("full")
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("full")
        assert recorder.session_id == "full~2", "the old recording is not touched"


def test_the_first_files_of_this_format_load():
    """Written once by the first version of format 2.0 and never again; see ``make_format_2_0.py``."""
    folder = FIXTURES / "format_2_0"
    player = VCRPlayer.load_by_id("kept", folder, allow=samples.ALL)
    assert player.session.format == "2.0"
    assert player.verify().ok
    expected = json.loads((folder / "expected.json").read_text())
    assert [row.node_name for row in player.rows] == expected["nodes"]
    for index, (before, after) in enumerate(expected["states"]):
        assert player.wire_state(index, "input") == before
        assert player.wire_state(index) == after
    assert type(player.goto_frame(0)["plan"]) is samples.Plan
    assert player.get_errors()[0].error.cause.type == "KeyError"
    child = VCRPlayer.load_by_id("kept-fork", folder)
    assert child.wire_state(1) == expected["states"][1][1]


def test_a_newer_major_format_is_refused_and_a_newer_minor_read(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"n": 1})
        path = recorder.path
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"format":"2.0"', b'"format":"2.9"', 1))
    assert VCRPlayer.load(path).goto_frame(0) == {"n": 1}
    path.write_bytes(content.replace(b'"format":"2.0"', b'"format":"3.0"', 1))
    with pytest.raises(FormatError, match=r"format 3\.0, and this version reads 2\.0: install a newer"):
        VCRPlayer.load(path)


def test_unknown_lines_and_fields_are_skipped(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"n": 1})
        recorder.writer.write_line("from the future", {"x": 1})
        recorder.record_frame(_row(), {"n": 1}, {"n": 2}, extra={"unheard_of": [1]})
        path = recorder.path
    player = VCRPlayer.load(path)
    assert [player.goto_frame(index)["n"] for index in range(2)] == [1, 2]
    assert player.verify().ok


def _row():
    from vcr_core import FrameRow

    return FrameRow(-1, "b")
