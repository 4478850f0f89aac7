"""Session ids are names: everything else is refused before the disk is touched."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.session_ids import SessionIdError, check_session_id, file_name, new_session_id, split_take
from vcr_core.store import Store
from vcr_core.testing.scale import scaled

REFUSED = [
    *("", ".", "..", "../x", "/abs", "a/b", "a\\b", "C:\\x", "C:x", "~", "~root", "run~2", "a~b"),
    *(
        "a\nb",
        "a\x00b",
        "a b",
        " a",
        "a ",
        "-rf",
        ".hidden",
        "a.",
        "a:b",
        "a*",
        "a?",
        'a"b',
        "a|b",
        "<a>",
        "%2e%2e",
        "$x",
    ),
    *(
        "CON",
        "con",
        "nul",
        "NUL.txt",
        "COM1",
        "lpt9",
        "aux.vcr",
        "x" * 121,
        "é" * 121,
        "\ud800",
        "a\u202eb",
        "a\u200bb",
    ),
]


@pytest.mark.parametrize("session_id", REFUSED, ids=lambda one: ascii(one)[:20])
def test_what_is_no_name_is_refused_before_the_disk_is_touched(tmp_path, session_id):
    folder = tmp_path / "vcr"
    with pytest.raises(SessionIdError, match="is refused"):
        VCRRecorder(folder).start_session(session_id)
    if not session_id.startswith(("run~", "a~")) or session_id == "a~b":
        with pytest.raises(SessionIdError):
            VCRPlayer.load_by_id(session_id, folder)
        with pytest.raises(SessionIdError):
            VCRRecorder(folder).start_session("fine", parent_session_id=session_id)
    assert not folder.exists()


@pytest.mark.parametrize("session_id", [None, 5, b"run", ["run"], 1.5], ids=repr)
def test_what_is_no_text_is_refused(session_id):
    with pytest.raises(SessionIdError, match="is refused"):
        check_session_id(session_id)


@pytest.mark.parametrize(
    "session_id", ["run", "run-1", "my_run", "_x", "a.b", "a+b@c=d", "Ünïcödé", "名前", "x" * 120, "1", "console"]
)
def test_names_are_taken(tmp_path, session_id):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session(session_id)
        recorder.record_step("a", {}, {"ok": True})
    assert VCRPlayer.load_by_id(session_id, tmp_path).goto_frame(0) == {"ok": True}


@settings(max_examples=scaled(1000, 200), deadline=None)
@given(st.text(max_size=30))
def test_a_taken_name_stays_within_its_directory(text):
    try:
        name = file_name(check_session_id(text))
    except SessionIdError:
        return
    path = Store("somewhere").directory / name
    assert path.parent == Store("somewhere").directory
    assert split_take(path.stem) == (text, 1)
    assert split_take(file_name(text, take=3).removesuffix(".vcr")) == (text, 3)


def test_new_ids_are_taken_and_differ():
    made = {new_session_id() for _ in range(100)}
    assert len(made) == 100
    assert all(check_session_id(one) == one for one in made)


def test_the_error_crosses_processes():
    error = SessionIdError("../x", "it holds a character that does not belong in a name")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.session_id, again.reason) == (str(error), error.session_id, error.reason)
