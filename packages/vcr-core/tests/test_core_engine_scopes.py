from __future__ import annotations

import threading

from vcr_core import VCRPlayer, VCRRecorder, llm, step, vcr_record
from vcr_core.engine import interceptors, run_again, run_of
from vcr_core.engine.scope import current_scope


def calls_around() -> list[str | None]:
    found: list[str | None] = []

    def look() -> None:
        scope = current_scope.get()
        found.append(scope.call.name if scope is not None and scope.call is not None else None)

    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found


def test_code_in_a_step_and_in_what_it_spawns_knows_which_step_it_is_in(tmp_path):
    ask = llm(calls_around, name="ask")
    outer = step(lambda: [*ask(), *calls_around()], name="outer")
    assert VCRRecorder(tmp_path).run(lambda: [*outer(), *calls_around()]) == [
        "ask",
        "ask",
        "outer",
        "outer",
        None,
        None,
    ]


def test_a_run_may_begin_where_its_recorder_records_by_hand_already(tmp_path):
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("both")
    by_hand = vcr_record(recorder, "by_hand")(lambda: 1)
    inside = step(lambda: 2, name="inside")
    with run_of(recorder).entered():
        assert by_hand() == 1
        assert recorder.run(lambda: inside()) == 2
    keys = [row.key for row in VCRPlayer.load(recorder.path).rows]
    assert keys == ["0:by_hand#0", "1:inside#0"]


def test_interceptors_see_what_is_about_to_be_served(tmp_path, monkeypatch):
    seen: list[list[str]] = []
    prepare = [lambda rows: seen.append([row.node_name for row in rows])]
    monkeypatch.setattr(interceptors, "_interceptors", lambda: prepare)
    recorder = VCRRecorder(tmp_path)
    agent = llm(lambda: 1, name="ask")
    recorder.run(agent)
    run_again(VCRPlayer.load(recorder.path), agent)
    assert seen == [["ask"]]
