"""verify and scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcr_core import VCRRecorder

KEY = "sk-proj-" + "aB3dE5gH" * 6
OLD = Path(__file__).parent / "agent_vcr_1_5_4"


def test_verify_passes_what_was_written(vcr, recorded):
    result = vcr("verify", "--states")
    assert result.status == 0
    assert [line.split()[:2] for line in result.out.splitlines()] == [["ok", "forked"], ["ok", "my_run"]]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [(b"tidy up", b"mess up", 2), (b"refund", b"refuse", 4), (b'"end"', b'"END"', 8), (b"prod", b"test", 1)],
)
def test_verify_names_the_first_bad_line_and_exits_with_three(vcr, recorded, old, new, line):
    path = recorded / "my_run.vcr"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    result = vcr("verify", "my_run", "--json")
    assert result.status == 3
    assert result.json[0]["ok"] is False
    assert result.json[0]["problems"][0]["line"] == line
    assert f"the first in line {line} of" in vcr("verify", "my_run").out


def test_verify_finds_a_lost_blob_and_a_lost_parent(vcr, recorded):
    for blob in (recorded / "blobs").glob("??/*"):
        blob.unlink()
    assert {problem["kind"] for problem in vcr("verify", "my_run", "--json").json[0]["problems"]} == {"blob"}
    (recorded / "my_run.vcr").unlink()
    assert vcr("verify", "forked").status == 0
    result = vcr("verify", "forked", "--states", "--json")
    assert result.status == 3
    assert result.json[0]["problems"][0]["kind"] == "state"


def test_verify_of_a_running_recording(vcr, tmp_path):
    recorder = VCRRecorder(tmp_path / ".vcr")
    recorder.start_session("live")
    recorder.record_step("a", {}, {})
    assert vcr("verify").status == 3
    assert vcr("verify", "--running").status == 0
    recorder.close()


def test_verify_of_a_foreign_file_is_damage(vcr, recorded):
    (recorded / "foreign.vcr").write_bytes(b"hello\n")
    assert vcr("verify", recorded / "foreign.vcr").status == 3


def test_verify_with_a_key(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr", integrity_key=b"k" * 32) as recorder:
        recorder.start_session("keyed")
        recorder.record_step("a", {}, {})
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "wrong").write_bytes(b"w" * 32)
    result = vcr("verify", "keyed")
    assert result.status == 2
    assert "--key-file" in result.err
    assert vcr("verify", "keyed", "--key-file", "key").status == 0
    assert vcr("verify", "keyed", "--key-file", "wrong").status == 3


def test_verify_says_that_old_recordings_have_no_hashes(vcr):
    result = vcr("verify", "--dir", OLD, "--json")
    assert result.status == 0
    assert {report["ok"] for report in result.json} == {None}
    assert "without hashes" in result.json[0]["remark"]


def test_scan_finds_nothing_in_redacted_recordings(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {"api_key": KEY}, {"log": f"used {KEY}", "big": f"{'x ' * 20_000}{KEY}"})
    result = vcr("scan", "--json")
    assert (result.status, result.json) == (0, [])
    assert vcr("grep", "-F", KEY).status == 1


def test_scan_finds_secrets_in_states_names_and_blobs_and_shows_none(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
        recorder.start_session("run", metadata={"password": "correct horse battery"})
        recorder.record_step("a", {"n": 1}, {"log": f"used {KEY} twice", "big": f"{'x ' * 20_000}{KEY}"})
    result = vcr("scan", "--json")
    assert result.status == 1
    places = {(Path(hit["path"]).suffix, hit["line"], hit["pointer"].split(" ")[0]) for hit in result.json}
    assert (".vcr", 2, "/output_state/log") in places
    assert (".vcr", 1, "/metadata/password") in places
    assert any(suffix == "" and pointer == "byte" for suffix, _, pointer in places)
    for words in (["scan"], ["scan", "--json"], ["scan", "run"]):
        shown = vcr(*words)
        assert shown.status == 1
        assert KEY not in shown.out + shown.err
        assert "correct horse" not in shown.out + shown.err


def test_scan_reads_the_keys_in_the_pointers_of_patches(vcr, tmp_path):
    pages = {f"https://site{n}.example/": "text " * 30 for n in range(40)}
    with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", pages, {**pages, "https://bob:correct-horse@host.example/x": "one"})
    result = vcr("scan", "--json")
    assert [(hit["frame"], hit["pointer"]) for hit in result.json] == [(0, "/output_patch/0/path")]
    assert "correct-horse" not in result.out + vcr("scan").out


def test_scan_finds_a_blob_under_a_secret_name(vcr, tmp_path):
    with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {"cookies": "sid " * 5000, "doc": "text " * 5000})
    result = vcr("scan", "--json")
    assert [(hit["frame"], hit["pointer"]) for hit in result.json] == [(0, "/output_state/cookies")]


def test_scan_of_named_recordings_takes_their_blobs_only(vcr, tmp_path):
    for name, text in (("clean", "y" * 20_000), ("leaky", f"{'x ' * 20_000}{KEY}")):
        with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
            recorder.start_session(name)
            recorder.record_step("a", {}, {"big": text})
    assert vcr("scan", "clean").status == 0
    assert vcr("scan", "leaky").status == 1
    assert vcr("scan").status == 1
