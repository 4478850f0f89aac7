"""The disk may fail at any call: the agent goes on, `save` reports, and nothing that was recorded is lost."""

from __future__ import annotations

import errno
import pickle
import warnings

import pytest

import vcr_core.session_writer
from vcr_core import RecordingError, RecordingWarning, VCRPlayer, VCRRecorder
from vcr_core.blobs import BlobStore
from vcr_core.testing.faults import FaultyOps


@pytest.fixture
def ops():
    return FaultyOps()


@pytest.fixture
def recorder(tmp_path, ops):
    made = VCRRecorder(tmp_path, file_ops=ops, auto_save=False)
    made.start_session("run")
    yield made
    ops.heal()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        try:
            made.close()
        except RecordingError:
            return


def steps(recorder, first, last):
    for n in range(first, last):
        recorder.record_step("a", {"n": n, "log": ["x" * 50] * n}, {"n": n + 1, "log": ["x" * 50] * (n + 1)})


def states(recorder):
    player = VCRPlayer.load(recorder.path)
    return [player.goto_frame(i)["n"] for i in range(len(player.frames))]


def test_a_full_disk_keeps_frames_in_memory_until_there_is_room(recorder, ops):
    steps(recorder, 0, 10)
    ops.fill(room=100)
    with pytest.warns(RecordingWarning, match="No space left") as told:
        steps(recorder, 10, 40)
    assert len(told) == 1, "it is told once"
    assert recorder.frame_count == 40
    assert states(recorder) == list(range(1, 11))
    with pytest.raises(RecordingError, match="0 frames lost, 30 still in memory") as caught:
        recorder.save()
    assert (caught.value.lost, caught.value.waiting) == (0, 30)
    assert "No space left" in caught.value.problems[0]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    ops.heal()
    steps(recorder, 40, 45)
    recorder.save()
    assert states(recorder) == list(range(1, 46))
    assert VCRPlayer.load(recorder.path).verify().ok


def test_indexes_are_those_the_frames_get_in_the_end(recorder, ops):
    steps(recorder, 0, 3)
    ops.fill()
    with pytest.warns(RecordingWarning):
        frames = [recorder.record_step("b", {"n": n}, {"n": n}) for n in range(3)]
    assert [frame.index for frame in frames] == [3, 4, 5]
    ops.heal()
    recorder.save()
    player = VCRPlayer.load(recorder.path)
    assert [player.goto_frame(frame.index) for frame in frames] == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize("call", ["write", "lock", "truncate"])
@pytest.mark.parametrize("at", range(1, 8))
def test_one_failed_call_anywhere_loses_nothing(recorder, ops, call, at):
    ops.fail(call, at=at, times=1)
    if call == "truncate":
        ops.fail("write", at=3, times=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        steps(recorder, 0, 6)
    ops.heal()
    recorder.save()
    assert states(recorder) == list(range(1, 7))
    assert VCRPlayer.load(recorder.path).verify().ok


def test_a_partial_write_that_cannot_be_taken_back_is_cut_off_by_the_next(recorder, ops):
    steps(recorder, 0, 2)
    ops.fill(room=40)
    ops.fail("truncate", times=1)
    with pytest.warns(RecordingWarning):
        steps(recorder, 2, 3)
    assert VCRPlayer.load(recorder.path).torn
    ops.heal()
    steps(recorder, 3, 5)
    recorder.save()
    assert states(recorder) == [1, 2, 3, 4, 5]
    assert VCRPlayer.load(recorder.path).verify().ok


def test_a_failed_fsync_is_reported_by_save(recorder, ops):
    steps(recorder, 0, 3)
    ops.fail("sync", error=errno.EIO)
    with pytest.raises(RecordingError, match="fsync: Input/output error"):
        recorder.save()
    assert states(recorder) == [1, 2, 3]
    ops.heal()
    steps(recorder, 3, 4)
    recorder.save()
    assert states(recorder) == [1, 2, 3, 4]


def test_fsync_errors_never_reach_the_agent_in_any_durability(tmp_path, ops):
    recorder = VCRRecorder(tmp_path, file_ops=ops, durability="fsync", auto_save=False)
    recorder.start_session("run")
    ops.fail("sync")
    steps(recorder, 0, 3)
    with pytest.raises(RecordingError, match="fsync"):
        recorder.close()
    assert len(VCRPlayer.load_by_id("run", tmp_path).frames) == 3


def test_a_disk_that_refuses_blobs_keeps_large_leaves_in_the_lines(recorder, monkeypatch):
    def refuse(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    large = {"text": "t" * 20_000, "data": (b"d" * 20_000,)}
    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, "put", refuse)
        recorder.record_step("a", {}, large)
    recorder.record_step("b", large, {**large, "more": "m" * 20_000})
    recorder.save()
    player = VCRPlayer.load(recorder.path)
    assert player.goto_frame(0) == large
    assert player.goto_frame(1)["more"] == "m" * 20_000
    assert player.verify().ok


def fill(recorder, count):
    for n in range(count):
        recorder.record_step("b", {"n": n}, {"n": n, "fill": f"{n} " * 250})


def test_memory_is_bounded_and_what_is_given_up_is_counted(recorder, ops, monkeypatch):
    monkeypatch.setattr(vcr_core.session_writer, "MAX_WAITING", 30_000)
    steps(recorder, 0, 5)
    ops.fill()
    with pytest.warns(RecordingWarning):
        fill(recorder, 100)
    assert recorder.writer._waiting_bytes <= 30_000
    ops.heal()
    with pytest.raises(RecordingError, match="frames lost") as caught:
        recorder.save()
    assert caught.value.waiting == 0
    player = VCRPlayer.load(recorder.path)
    assert len(player.frames) == 105 - caught.value.lost
    assert player.end.lost == caught.value.lost
    assert player.end.frames == len(player.frames)
    assert player.goto_frame(4)["n"] == 5
    assert player.goto_frame(-1)["n"] == 99
    assert player.verify().ok


def grow(recorder, steps):
    state = {"log": []}
    for n in range(steps):
        before = {"log": list(state["log"])}
        state["log"].append(f"{n} " * 100)
        recorder.record_step("a", before, state)


def test_patches_that_lean_on_a_frame_that_was_given_up_are_given_up_too(recorder, ops, monkeypatch):
    monkeypatch.setattr(vcr_core.session_writer, "MAX_WAITING", 60_000)
    ops.fill()
    with pytest.warns(RecordingWarning):
        grow(recorder, 80)
    ops.heal()
    with pytest.raises(RecordingError):
        recorder.save()
    player = VCRPlayer.load(recorder.path)
    assert len(player.frames) > 0
    for index in range(len(player.frames)):
        log = player.goto_frame(index)["log"]
        assert log == [f"{n} " * 100 for n in range(len(log))]


def test_a_directory_that_cannot_be_made_is_told_when_the_session_starts(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        VCRRecorder(tmp_path / "file" / "vcr").start_session("run")


def test_a_first_line_that_cannot_be_written_leaves_no_file(tmp_path, ops):
    ops.fill(room=10)
    with pytest.raises(OSError, match="No space"):
        VCRRecorder(tmp_path, file_ops=ops).start_session("run")
    assert not list(tmp_path.glob("*.vcr"))


def test_with_does_not_hide_the_agents_exception_behind_its_own(tmp_path, ops):
    def agent():
        with VCRRecorder(tmp_path, file_ops=ops) as recorder:
            recorder.start_session("run")
            ops.fill()
            recorder.record_step("a", {}, {})
            raise LookupError("the agent's")

    with pytest.warns(RecordingWarning), pytest.raises(LookupError, match="the agent's"):
        agent()


def test_a_deleted_file_does_not_stop_the_agent(recorder):
    recorder.path.unlink()
    recorder.record_step("a", {}, {})
    recorder.save()
