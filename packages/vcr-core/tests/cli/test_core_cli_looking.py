"""ls, show, tail, diff, blame, grep, stats: what they say about a known recording."""

from __future__ import annotations

import json
import threading
import time

import pytest

from vcr_core import VCRPlayer, VCRRecorder


def test_ls_shows_each_recording_newest_first(vcr, recorded):
    result = vcr("ls", "--json")
    assert [row["name"] for row in result.json] == ["forked", "my_run"]
    row = result.json[1]
    assert (row["status"], row["frames"], row["errors"], row["tokens"], row["cost_usd"]) == ("ok", 6, 1, 15, 0.01)
    assert row["tags"] == ["prod", "night"]
    text = vcr("ls").out
    assert "fork of my_run at frame 4" in text
    assert "#prod #night" in text


def test_ls_filters_by_tag_limit_and_parent(vcr, recorded):
    assert [row["name"] for row in vcr("ls", "--tag", "prod", "--json").json] == ["my_run"]
    assert [row["name"] for row in vcr("ls", "-n", "1", "--json").json] == ["forked"]
    assert [row["name"] for row in vcr("ls", "--forks-of", "my_run", "--json").json] == ["forked"]
    assert vcr("ls", "--tag", "none", "--json").json == []


def test_ls_of_an_empty_directory_says_so(vcr, tmp_path):
    (tmp_path / ".vcr").mkdir()
    result = vcr("ls")
    assert (result.status, result.out) == (0, "")
    assert "no recordings in .vcr" in result.err


def test_ls_tells_open_damaged_and_foreign_files_apart(vcr, recorded):
    recorder = VCRRecorder(recorded)
    recorder.start_session("live")
    recorder.record_step("a", {}, {"n": 1})
    (recorded / "foreign.vcr").write_bytes(b"hello\n")
    (recorded / "empty.vcr").write_bytes(b"")
    rows = {row["name"]: row for row in vcr("ls", "--json").json}
    assert (rows["live"]["status"], rows["live"]["frames"]) == ("open", 1)
    for name in ("foreign", "empty"):
        assert rows[name]["status"] == "damaged"
        assert rows[name]["problem"]
    recorder.close()


def test_show_gives_a_line_for_each_frame(vcr, recorded):
    lines = vcr("show", "my_run").out.splitlines()
    assert lines[0].startswith("my_run  6 frames, 1 error, ")
    assert lines[1].split()[:3] == ["#", "kind", "step"]
    assert [line.split()[1] for line in lines[2:]] == ["node", "llm", "tool", "node", "error", "checkpoint"]
    for said in ("+plan", '"hello"', 'search({"q": "refund policy"}) → ["page one"]', "~files.a.txt  +plan"):
        assert any(said in line for line in lines)
    assert "ValueError: no such address" in lines[6]


def test_show_without_a_session_takes_the_newest(vcr, recorded):
    assert vcr("show").out == vcr("show", "forked").out


def test_show_errors_only(vcr, recorded):
    assert [row["index"] for row in vcr("show", "my_run", "--errors", "--json").json["frames"]] == [4]


def test_show_json_has_rows_and_totals(vcr, recorded):
    shown = vcr("show", "my_run", "--json").json
    assert shown["session"]["session_id"] == "my_run"
    assert shown["totals"]["frames"] == len(shown["frames"]) == 6
    assert shown["damage"] == []


def test_show_frame_draws_its_states(vcr, recorded):
    text = vcr("show", "my_run", "0").out
    assert "my_run frame 0 of 6  node plan  ok  12ms" in text or "my_run frame 0 of 6  node plan  ok  13ms" in text
    assert '"plan": ["list", "sort"]' in text
    error = vcr("show", "my_run", "4").out
    assert "ValueError: no such address" in error
    assert "output the same as the input" in error


def test_show_frame_draws_typed_and_large_values(vcr, recorded):
    text = vcr("show", "my_run", "before sending").out
    assert '"pair": tuple [1, 2]' in text
    assert "39,400 more characters; --full shows them" in text
    assert "x" * 40_000 in vcr("show", "my_run", "-1", "--full").out


def test_show_frame_json_is_the_wire_form(vcr, recorded):
    player = VCRPlayer.load(recorded / "my_run.vcr")
    shown = vcr("show", "my_run", "5", "--json").json
    assert shown["output_state"] == player.wire_state(5)
    assert shown["frame"]["label"] == "before sending"
    assert vcr("show", "my_run", "3", "--state", "--json").json == player.wire_state(3)
    assert vcr("show", "my_run", "3", "--input", "--json").json == player.wire_state(3, "input")
    both = vcr("show", "my_run", "3", "--input", "--state", "--json").json
    assert both == {"input_state": player.wire_state(3, "input"), "output_state": player.wire_state(3)}


def test_show_long_lists_are_cut_and_told(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("long")
        recorder.record_step("a", {}, {"items": [{"n": n} for n in range(500)], "text": "line\n" * 50})
    text = vcr("show", "long", "0", "--state").out
    assert "… 460 more; --full shows them" in text
    assert text.count("    line\n") == 50
    assert vcr("show", "long", "0", "--state", "--full").out.count('"n":') == 500


def test_show_reads_what_is_left_of_a_damaged_recording(vcr, recorded):
    path = recorded / "my_run.vcr"
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"type"', b'"ty', 1)
    path.write_bytes(b"\n".join(lines[:-2]) + b"\n" + lines[-2][:20])
    result = vcr("show", "my_run")
    assert result.status == 0
    assert "damaged: line 3" in result.err
    assert "a torn line" in result.err
    assert vcr("show", "my_run", "1").status == 3


def test_tail_shows_the_last_frames(vcr, recorded):
    assert len(vcr("tail", "my_run").out.splitlines()) == 6
    rows = [json.loads(line) for line in vcr("tail", "-n", "2", "my_run", "--json").out.splitlines()]
    assert [row["index"] for row in rows] == [4, 5]


def test_tail_follows_a_run_until_it_ends(vcr, tmp_path):
    recorder = VCRRecorder(tmp_path / ".vcr")
    recorder.start_session("live")
    recorder.record_step("before", {}, {"n": 0})

    def go_on():
        for number in range(3):
            time.sleep(0.15)
            recorder.record_step(f"later_{number}", {}, {"n": number})
        recorder.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    result = vcr("tail", "-f", "live")
    thread.join()
    assert [line.split()[3] for line in result.out.splitlines()] == ["before", "later_0", "later_1", "later_2"]


def test_diff_of_one_frame_is_what_the_step_did(vcr, recorded):
    ops = vcr("diff", "my_run", "0", "--json").json["ops"]
    assert ops == [{"op": "add", "path": "/plan", "new": ["list", "sort"]}]


def test_diff_of_two_frames(vcr, recorded):
    result = vcr("diff", "my_run", "0", "3")
    assert "+ /plan/2" in result.out
    assert "+   TWO" in result.out
    assert result.status == 0
    assert vcr("diff", "my_run", "0", "3", "--exit-code").status == 1
    assert vcr("diff", "my_run", "3", "4", "--exit-code").status == 0
    assert "no difference" in vcr("diff", "my_run", "3", "4").out
    assert vcr("diff", "my_run", "0", "before sending", "--json").json["b"]["frame"] == 5


def test_diff_of_frames_of_two_recordings(vcr, recorded):
    shown = vcr("diff", "my_run:3", "forked:-1", "--json").json
    assert shown["a"] == {"session": "my_run", "frame": 3, "part": "output"}
    assert shown["b"] == {"session": "forked", "frame": 4, "part": "output"}
    assert {"op": "add", "path": "/done", "new": True} in shown["ops"]
    assert vcr("diff", "my_run:3", "forked:4", "--input", "--json").json["a"]["part"] == "input"


def test_diff_shows_the_content_of_large_texts(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("big")
        recorder.record_step("a", {"t": "line\n" * 9000}, {"t": "line\n" * 4000 + "new\n" + "line\n" * 5000})
    assert "+   new" in vcr("diff", "big", "0").out


def test_diff_of_two_recordings_tells_where_they_part(vcr, recorded):
    result = vcr("diff", "my_run", "forked")
    assert "4 steps the same (frames 0 to 3)" in result.out
    assert "send" in result.out
    shown = vcr("diff", "my_run", "forked", "--json").json
    assert [pair["status"] for pair in shown["pairs"][:4]] == ["same"] * 4
    assert shown["same"] is False
    assert vcr("diff", "my_run", "forked", "--exit-code").status == 1
    assert vcr("diff", "my_run", "my_run", "--exit-code").status == 0


def test_diff_of_two_recordings_tells_a_carried_difference_once(vcr, tmp_path):
    for name in ("a", "b"):
        with VCRRecorder(tmp_path / ".vcr") as recorder:
            recorder.start_session(name)
            for number in range(4):
                recorder.record_step(f"step_{number}", {"who": name, "n": number}, {"who": name, "n": number + 1})
    text = vcr("diff", "a", "b").out
    assert text.count("/who") == 1
    assert "3 steps with nothing new (frames 1 to 3)" in text


def test_blame_names_the_steps_that_set_a_value(vcr, recorded):
    shown = vcr("blame", "my_run", "/plan", "--json").json
    assert [entry["frame"]["node_name"] for entry in shown] == ["refine", "plan"]
    assert "old" not in shown[1]
    assert shown[0]["new"] == ["list", "sort", "check"]
    assert '"two"  →  "TWO"' in vcr("blame", "my_run", "/files/a.txt").out
    assert len(vcr("blame", "my_run", "/plan", "-n", "1", "--json").json) == 1
    assert [e["frame"]["index"] for e in vcr("blame", "my_run", "/plan", "--before", "3", "--json").json] == [0]


def test_blame_of_nothing_says_what_there_is(vcr, recorded):
    result = vcr("blame", "my_run", "/files/b.txt")
    assert result.status == 1
    assert "the state holds in '/files': /a.txt" in result.err


@pytest.mark.parametrize(
    ("words", "frames"),
    [
        (["refund"], [2]),
        (["-i", "REFUND POLICY"], [2]),
        (["-F", "a.txt"], [0, 3, 5]),
        (["no such"], [4]),
        (["^gpt"], [1]),
        (["search"], [2]),
        (["x{30}"], [5]),
        (["-e", "hello"], [1]),
        (["-F", "xxxxxxxxxxxx"], [5]),
        (["^15$"], [1]),
    ],
)
def test_grep_finds_text_names_numbers_and_large_values(vcr, recorded, words, frames):
    found = vcr("grep", *words, "my_run", "--json")
    assert found.status == 0
    assert sorted({hit["frame"] for hit in found.json if hit["frame"] is not None}) == frames


def test_grep_finds_what_lies_across_the_seams_of_a_growing_text(vcr, recorded):
    with VCRRecorder(recorded) as recorder:
        recorder.start_session("growing")
        text = "lorem ipsum " * 300 + "the needle"
        recorder.record_step("a", {}, {"log": text})
        recorder.record_step("b", {"log": text}, {"log": text + " lies here, " + "dolor " * 50})
    result = vcr("grep", "the needle lies here", "growing", "--json")
    assert [hit["frame"] for hit in result.json] == [1]


def test_show_tells_what_is_new_in_a_result_that_goes_on(vcr, recorded):
    with VCRRecorder(recorded) as recorder:
        recorder.start_session("growing")
        for number in range(3):
            recorder.record_tool_call("a", "notes", {}, ["lorem ipsum " * 300, *map(str, range(number))])
            recorder.record_llm_call("b", "say on", "dolor sit " * 300 + "and so on " * number)
    lines = vcr("show", "growing").out.splitlines()[2:]
    assert lines[4].endswith('notes() → … "1"')
    assert lines[5].split("  ")[-1].startswith('… "and so on')


def test_grep_says_where_and_exits_with_one_for_nothing(vcr, recorded):
    result = vcr("grep", "refund")
    assert result.out == "my_run:2  tool act  /input_state/args/q  refund policy\n"
    assert vcr("grep", "refund", "-l").out == "my_run\n"
    assert vcr("grep", "no such text").status == 1
    assert vcr("grep", "prod", "my_run").out.startswith("my_run  session my_run  /tags/0")
    assert len(vcr("grep", "tidy", "my_run", "-m", "1").out.splitlines()) == 1


def test_grep_searches_damaged_lines_as_text(vcr, recorded):
    path = recorded / "my_run.vcr"
    path.write_bytes(path.read_bytes() + b'{"type":"frame","data":{"index":6,"node_name":"torn needle')
    (hit,) = vcr("grep", "torn needle", "--json").json
    assert (hit["kind"], hit["line"]) == ("damaged", 9)


def test_stats_add_up(vcr, recorded):
    shown = vcr("stats", "my_run", "--json").json
    assert shown["total"]["frames"] == 6
    assert shown["total"]["tokens"] == 15
    assert shown["total"]["cost_usd"] == 0.01
    assert {group["name"] for group in shown["groups"]} >= {"plan", "think", "act"}
    by_model = {group["name"]: group for group in vcr("stats", "my_run", "--by", "model", "--json").json["groups"]}
    assert by_model["gpt-x"]["tokens_input"] == 10
    assert "search" in vcr("stats", "--by", "tool").out
    assert {g["name"] for g in vcr("stats", "--by", "session", "--json").json["groups"]} == {"my_run", "forked"}
    assert "(all of 2 recordings)" in vcr("stats").out


def test_stats_leave_unreadable_files_out_and_say_so(vcr, recorded):
    (recorded / "foreign.vcr").write_bytes(b"hello\n")
    result = vcr("stats")
    assert result.status == 0
    assert "left out:" in result.err
    assert "foreign.vcr" in result.err
