"""A directory of sessions: lists, names, takes."""

from __future__ import annotations

import os

import pytest

from vcr_core import Store, VCRPlayer, VCRRecorder
from vcr_core.blobs import BlobStore
from vcr_core.session_ids import SessionIdError
from vcr_core.store import SessionNotFoundError, summarize_file


def make(folder, name, frames=1, *, finish=True, **start):
    recorder = VCRRecorder(folder, auto_save=False)
    recorder.start_session(name, **start)
    for n in range(frames):
        recorder.record_step("a", {}, {"n": n}, {"tokens_used": 2, "cost_usd": 0.01})
    if finish:
        recorder.close()
    return recorder


def test_sessions_are_listed_newest_first_without_reading_frames(tmp_path):
    make(tmp_path, "first", 3, tags=["a"])
    make(tmp_path, "second", 200)
    kept = make(tmp_path, "running", 2, finish=False)
    found = Store(tmp_path).sessions()
    assert [one.name for one in found] == ["running", "second", "first"]
    running, second, first = found
    assert running.end is None
    assert (second.end.frames, second.end.tokens, second.end.cost_usd) == (200, 400, 2.0)
    assert first.info.tags == ["a"]
    kept.close()


def test_a_directory_that_does_not_exist_holds_nothing(tmp_path):
    assert Store(tmp_path / "none").sessions() == []
    with pytest.raises(SessionNotFoundError, match="There is no session in it"):
        Store(tmp_path / "none").path("run")


def test_takes_are_found_by_name(tmp_path):
    for _ in range(11):
        make(tmp_path, "run")
    make(tmp_path, "runner")
    store = Store(tmp_path)
    assert store.takes("run") == list(range(1, 12))
    assert store.path("run").name == "run~11.vcr"
    assert store.path("run~2").name == "run~2.vcr"
    assert store.path("run~1").name == "run.vcr"
    with pytest.raises(SessionNotFoundError, match="no session 'run~12'"):
        store.path("run~12")
    with pytest.raises(SessionNotFoundError, match="There are: run"):
        store.path("walk")


def test_a_person_may_name_a_session_or_a_file(tmp_path):
    make(tmp_path / "vcr", "run")
    store = Store(tmp_path / "vcr")
    path = store.path("run")
    assert store.resolve("run") == path
    assert store.resolve(path) == path
    assert Store(tmp_path).resolve(str(path)) == path
    for nowhere in (tmp_path / "vcr" / "none.vcr", tmp_path / "vcr", "sub/run"):
        with pytest.raises(SessionNotFoundError):
            store.resolve(nowhere)
    with pytest.raises(SessionIdError):
        store.resolve("..")


def test_strays_in_the_directory_disturb_nothing(tmp_path):
    make(tmp_path, "run")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.vcr").write_text("")
    (tmp_path / "binary.vcr").write_bytes(os.urandom(5000))
    (tmp_path / "bad name!.vcr").write_text("{}\n")
    (tmp_path / "folder.vcr").mkdir()
    store = Store(tmp_path)
    found = {one.name: one.problem for one in store.sessions()}
    assert found.pop("run") is None
    assert set(found) == {"empty", "binary", "bad name!"}
    assert all(found.values())
    assert store.path("run").name == "run.vcr"


def test_a_session_with_much_metadata_is_summarized(tmp_path):
    make(tmp_path, "run", metadata={"list": [f"item {n}" for n in range(20_000)]})
    summary = summarize_file(tmp_path / "run.vcr")
    assert (summary.problem, len(summary.info.metadata["list"])) == (None, 20_000)


def test_a_file_that_cannot_be_read_is_told_not_raised(tmp_path):
    summary = summarize_file(tmp_path / "gone.vcr")
    assert summary.problem == "No such file or directory"


@pytest.mark.parametrize("left", [b"", b"cont", b"\0" * 7])
def test_a_blob_that_is_not_whole_is_written_again(tmp_path, left):
    digest = BlobStore(tmp_path).put(b"content")
    BlobStore(tmp_path).path(digest).write_bytes(left)
    assert BlobStore(tmp_path).put(b"content") == digest
    assert BlobStore(tmp_path).get(digest) == b"content"


def test_blobs_are_written_once_under_their_hash(tmp_path):
    blobs = BlobStore(tmp_path)
    digest = blobs.put(b"content")
    assert blobs.put(b"content") == digest
    assert BlobStore(tmp_path).put(b"content") == digest
    assert [path.name for path in blobs.root.rglob("*") if path.is_file()] == [digest]
    assert blobs.get(digest) == b"content"
    assert blobs.path(digest).stat().st_mode & 0o077 == 0
    assert blobs.get("0" * 40) is None
    for hostile in ("../../etc/passwd", "", "0" * 39, "/" * 40, None, 5, "0" * 40 + "\n"):
        assert blobs.get(hostile) is None


def test_recordings_are_private(tmp_path):
    make(tmp_path / "vcr", "run")
    assert (tmp_path / "vcr").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "vcr" / "run.vcr").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "vcr" / "key").stat().st_mode & 0o777 == 0o600


def test_a_fork_keeps_to_the_take_it_was_made_of(tmp_path):
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("run")
    recorder.record_step("a", {"v": 0}, {"v": 1})
    fork = recorder.fork(from_frame=1, session_id="forked")
    fork.close()
    recorder.start_session("run")
    recorder.record_step("a", {"v": 0}, {"v": 100})
    recorder.close()
    assert VCRPlayer.load_by_id("run", tmp_path).goto_frame(0) == {"v": 100}
    assert VCRPlayer.load_by_id("forked", tmp_path).goto_frame(0) == {"v": 1}
