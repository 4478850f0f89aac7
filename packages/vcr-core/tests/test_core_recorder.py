"""The recorder records what it is told, in the documented words, and never disturbs the agent."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import numpy as np
import pytest

from vcr_core import FrameMetadata, RecordingWarning, Tagged, UsageError, VCRPlayer, VCRRecorder
from vcr_core.wire_format import decode_line


@pytest.fixture
def recorder(tmp_path):
    with VCRRecorder(tmp_path / "vcr") as made:
        made.start_session("run")
        yield made


def reread(recorder) -> VCRPlayer:
    recorder.save()
    return VCRPlayer.load(recorder.path)


def test_a_step_is_recorded_with_its_states_and_metadata(recorder):
    metadata = {"model": "m-1", "tokens_input": 10, "tokens_output": 5, "cost_usd": 0.25, "why": ("because",)}
    frame = recorder.record_step("plan", {"a": 1}, {"a": 2}, metadata, latency_ms=12.5)
    assert (frame.index, frame.node_name, frame.kind, frame.status) == (0, "plan", "node", "ok")
    found = reread(recorder).get_frame(0)
    assert (found.input_state, found.output_state) == ({"a": 1}, {"a": 2})
    assert found.metadata == FrameMetadata(
        model="m-1",
        latency_ms=12.5,
        tokens_used=15,
        tokens_input=10,
        tokens_output=5,
        cost_usd=0.25,
        custom={"why": ("because",)},
    )
    assert found.timestamp == frame.timestamp
    assert len(found.timestamp) == len("2026-01-31T23:59:59.123456Z")


def test_metadata_may_be_a_struct(recorder):
    recorder.record_step("plan", {}, {}, FrameMetadata(latency_ms=3.0, tokens_used=7, custom={"x": 1}))
    found = reread(recorder).get_frame(0)
    assert (found.latency_ms, found.row.tokens, found.metadata.custom) == (3.0, 7, {"x": 1})


def test_llm_and_tool_calls_have_their_own_fields(recorder):
    prompt = [{"role": "user", "content": "hi"}]
    recorder.record_llm_call("ask", prompt, "hello", 12, 0.002, model="m", tokens_input=8, tokens_output=4)
    recorder.record_tool_call("act", "search", {"q": "x"}, ["a"], latency_ms=3)
    recorder.record_tool_call("act", "search", {"q": "y"}, None, error=TimeoutError("slow"))
    recorder.record_tool_call("act", "search", {"q": "z"}, None, error="refused")
    player = reread(recorder)
    llm, tool, failed, refused = player.frames
    assert (llm.kind, llm.input_state, llm.output_state) == ("llm", {"prompt": prompt}, {"response": "hello"})
    assert (llm.row.tokens, llm.row.tokens_input, llm.row.model, llm.row.cost_usd) == (12, 8, "m", 0.002)
    assert (tool.kind, tool.label, tool.latency_ms) == ("tool", "search", 3.0)
    assert tool.input_state == {"tool": "search", "args": {"q": "x"}}
    assert (failed.status, failed.error.type, failed.error.message) == ("error", "TimeoutError", "slow")
    assert (refused.status, refused.output_state["error"]) == ("error", "refused")
    assert (player.get_total_tokens(), player.get_total_cost()) == (12, 0.002)


def test_an_error_keeps_type_message_traceback_notes_and_cause(recorder):
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        error.__notes__ = ["a note"]
        recorder.record_error("plan", {"a": 1}, error)
    frame = reread(recorder).get_errors()[0]
    assert (frame.kind, frame.status, frame.row.error_type) == ("error", "error", "ValueError")
    assert (frame.error.type, frame.error.message, frame.error.notes) == ("ValueError", "outer", ["a note"])
    assert "test_core_recorder.py" in frame.error.traceback
    assert (frame.error.cause.type, frame.error.cause.message) == ("KeyError", "'inner'")
    assert frame.output_state == {"a": 1}


def test_checkpoints_are_found_by_name(recorder):
    recorder.record_checkpoint({"a": 1}, "start")
    recorder.record_step("plan", {"a": 1}, {"a": 2})
    recorder.record_checkpoint({"a": 2}, "start")
    player = reread(recorder)
    assert [(one["label"], one["index"]) for one in player.list_checkpoints()] == [("start", 0), ("start", 2)]
    assert player.goto_checkpoint("start") == {"a": 2}
    with pytest.raises(KeyError, match="no checkpoint 'end'; there are: start"):
        player.goto_checkpoint("end")


def test_a_step_as_a_context_manager_times_and_isolates(recorder):
    state = {"items": [1]}
    with recorder.step("work", state, metadata={"try": 1}) as running:
        time.sleep(0.02)
        state["items"].append(2)
        running.metadata["seen"] = True
    with pytest.raises(ZeroDivisionError), recorder.step("fail", state):
        state["items"].append(1 / 0)
    good, bad = reread(recorder).frames
    assert (good.input_state, good.output_state) == ({"items": [1]}, {"items": [1, 2]})
    assert good.latency_ms >= 20
    assert good.metadata.custom == {"try": 1, "seen": True}
    assert (bad.kind, bad.row.error_type, bad.output_state) == ("error", "ZeroDivisionError", {"items": [1, 2]})


def test_latency_without_a_figure_is_the_time_since_the_last_frame(recorder):
    recorder.record_step("a", {}, {})
    time.sleep(0.03)
    recorder.record_step("b", {}, {})
    assert 25 <= reread(recorder).rows[1].latency_ms < 5000


def test_listeners_hear_of_every_frame_and_may_fail(tmp_path):
    heard = []

    def listener(frame):
        heard.append(frame.index)
        if frame.index == 1:
            raise RuntimeError("listener")

    with VCRRecorder(tmp_path, on_frame_recorded=listener) as recorder:
        recorder.record_step("a", {}, {})
        with pytest.warns(RecordingWarning, match="on_frame_recorded raised"):
            recorder.record_step("b", {}, {})
        recorder.record_step("c", {}, {})
    assert heard == [0, 1, 2]


def test_a_session_starts_by_itself_and_a_second_one_closes_the_first(tmp_path):
    recorder = VCRRecorder(tmp_path)
    recorder.record_step("a", {}, {})
    first = recorder.session_id
    recorder.start_session("second", tags=["prod"], metadata={"k": {1, 2}})
    assert VCRPlayer.load_by_id(first, tmp_path).end is not None
    recorder.close()
    info = VCRPlayer.load_by_id("second", tmp_path).session
    assert (info.session_id, info.tags, info.take) == ("second", ["prod"], 1)


def run_and_fail(folder):
    with VCRRecorder(folder) as recorder:
        recorder.start_session("run")
        recorder.record_step("a", {}, {})
        raise RuntimeError("agent")


def test_with_saves_when_the_body_raises_and_the_totals_say_so(tmp_path):
    with pytest.raises(RuntimeError, match="agent"):
        run_and_fail(tmp_path)
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert (player.end.status, player.end.frames) == ("error", 1)


def test_reusing_an_id_begins_a_new_take(tmp_path):
    for n in range(3):
        with VCRRecorder(tmp_path) as recorder:
            recorder.start_session("run")
            recorder.record_step("a", {}, {"n": n})
            assert recorder.session_id == ("run" if n == 0 else f"run~{n + 1}")
    assert sorted(path.name for path in tmp_path.glob("*.vcr")) == ["run.vcr", "run~2.vcr", "run~3.vcr"]
    assert VCRPlayer.load_by_id("run", tmp_path).goto_frame(0) == {"n": 2}
    assert VCRPlayer.load_by_id("run~2", tmp_path).goto_frame(0) == {"n": 1}


def test_attach_continues_with_the_totals_so_far(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("run")
        recorder.record_llm_call("ask", "p", "r", 10, 0.1)
    with VCRRecorder(tmp_path) as recorder:
        recorder.attach("run")
        recorder.record_llm_call("ask", "p", "r", 5, 0.2)
    player = VCRPlayer.load_by_id("run", tmp_path)
    assert (player.end.frames, player.end.tokens, player.end.cost_usd) == (2, 15, 0.3)
    assert player.verify().ok


def test_a_fork_shares_frames_and_leaves_its_parent_alone(tmp_path):
    with VCRRecorder(tmp_path) as recorder:
        recorder.start_session("parent")
        for n in range(5):
            recorder.record_step("a", {"n": n, "tags": {n}}, {"n": n + 1, "tags": {n}})
        before = recorder.path.read_bytes()
        with recorder.fork(from_frame=3, session_id="child") as child:
            child.record_step("b", {"n": 3, "tags": {2}}, {"n": 30})
        assert recorder.path.read_bytes() == before
        with pytest.raises(UsageError, match="has 5 frames"):
            recorder.fork(from_frame=6)
    child = VCRPlayer.load_by_id("child", tmp_path)
    assert (child.session.parent_session_id, child.session.forked_from_frame) == ("parent", 3)
    assert [child.goto_frame(i)["n"] for i in range(4)] == [1, 2, 3, 30]
    assert [row.origin for row in child.rows] == ["tape", "tape", "tape", "live"]
    assert child.get_input_state(2) == {"n": 2, "tags": {2}}
    assert child.verify().ok


@pytest.mark.parametrize(
    "metadata",
    [
        {"latency_ms": "soon"},
        {"latency_ms": float("nan")},
        {"tokens_used": "many"},
        {"tokens_input": "3", "tokens_output": 4},
        {"tokens_used": np.int64(7)},
        {"tokens_used": 2**80},
        {"cost_usd": np.float64(0.5)},
        {"cost_usd": "free"},
        {"model": 5},
        {"model": "\ud800"},
        {"error_message": b"bytes"},
        {5: "a key", ("t",): object()},
    ],
    ids=repr,
)
def test_odd_metadata_is_recorded_readably_and_raises_nothing(recorder, metadata):
    recorder.record_step("a", {"n": 1}, {"n": 2}, metadata)
    player = reread(recorder)
    assert player.rows[0].node_name == "a"
    assert player.goto_frame(0) == {"n": 2}
    assert not player.damage


@pytest.mark.parametrize("name", [None, 5, "\ud800", "", "x" * 100_000], ids=lambda name: repr(name)[:10])
def test_odd_names_are_recorded_readably(recorder, name):
    recorder.record_step(name, {}, {"n": 2})
    player = reread(recorder)
    assert player.rows[0].kind == "node"
    assert player.goto_frame(0) == {"n": 2}


class Hostile:
    """Raises at whatever is asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError(f"no {name}")

    def __eq__(self, other):
        raise RuntimeError("no eq")

    def __repr__(self):
        raise RuntimeError("no repr")

    __hash__ = None


class HostileError(Exception):
    def __str__(self):
        raise RuntimeError("no str")


def unencodable():
    loop: dict = {"name": "loop"}
    loop["self"] = loop
    deep: list = []
    for _ in range(50_000):
        deep = [deep]
    return {
        "hostile": Hostile(),
        "cyclic": loop,
        "deep": deep,
        "lock": threading.Lock(),
        "generator": (n for n in ()),
        "module": sys,
        "surrogate": "\ud800",
        "huge_int": 10**5000,
        "error": HostileError(),
    }


@pytest.mark.parametrize("what", sorted(unencodable()))
def test_what_cannot_be_encoded_is_recorded_as_far_as_possible(recorder, what):
    state = {"before": 1, "it": unencodable()[what], "after": [2]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecordingWarning)
        for n in range(3):
            recorder.record_step("a", state, {**state, "n": n})
        recorder.record_llm_call("b", state, state)
        recorder.record_tool_call("c", "t", state, state, error=HostileError())
        recorder.record_error("d", state, HostileError())
        recorder.record_checkpoint(state, "e")
        recorder.record_step("f", {"n": 1}, {"n": 2}, {"odd": state})
    player = reread(recorder)
    assert len(player.frames) == 8
    assert player.goto_frame(2)["n"] == 2
    assert (player.goto_frame(2)["before"], player.goto_frame(2)["after"]) == (1, [2])
    assert player.goto_frame(7) == {"n": 2}
    assert player.verify().ok


def test_a_state_of_fifty_megabytes_is_recorded(recorder):
    text, blob = "t" * 50_000_000, b"\x00" * 50_000_000
    recorder.record_step("a", {"text": text}, {"text": text, "blob": blob})
    player = reread(recorder)
    found = player.goto_frame(0)
    assert found["text"] == text
    assert found["blob"] == blob
    assert recorder.path.stat().st_size < 5_000


def test_a_wide_state_of_many_megabytes_is_recorded(recorder):
    state = {"rows": [{"id": n, "text": "row " * 10} for n in range(100_000)]}
    recorder.record_step("a", state, state)
    assert reread(recorder).goto_frame(0) == state


def test_a_set_in_a_state_does_not_poison_later_frames(recorder):
    recorder.record_step("a", {"tags": {"x"}}, {"tags": {"x", "y"}})
    recorder.record_step("b", {"n": 1}, {"n": 2})
    player = reread(recorder)
    assert player.goto_frame(0) == {"tags": {"x", "y"}}
    assert player.goto_frame(1) == {"n": 2}


def test_a_state_that_another_thread_changes_meanwhile_is_recorded(recorder):
    state = {"log": {str(n): n for n in range(2000)}, "items": list(range(100))}
    stop = threading.Event()

    def churn():
        n = 0
        while not stop.is_set():
            state["log"][f"new {n}"] = n
            state["log"].pop(f"new {n - 50}", None)
            n += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RecordingWarning)
            for _ in range(100):
                recorder.record_step("a", state, state)
    finally:
        stop.set()
        thread.join()
    player = reread(recorder)
    assert len(player.frames) == 100
    assert all(not isinstance(player.goto_frame(n), Tagged) for n in range(100))


def run_script(tmp_path, body):
    script = tmp_path / "script.py"
    script.write_text("from vcr_core import VCRRecorder\n" + textwrap.dedent(body))
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    return done, tmp_path / ".vcr" / "run.vcr"


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "raise RuntimeError('agent')", "del r"])
def test_a_forgotten_save_is_done_at_the_end_of_the_program(tmp_path, ending):
    done, path = run_script(
        tmp_path, f"r = VCRRecorder()\nr.start_session('run')\nr.record_step('a', {{}}, {{}})\n{ending}"
    )
    assert VCRPlayer.load(path).verify().ok, done.stderr


def test_without_auto_save_no_end_is_written_but_every_frame_is(tmp_path):
    _, path = run_script(
        tmp_path, "r = VCRRecorder(auto_save=False)\nr.start_session('run')\nr.record_step('a', {}, {})"
    )
    player = VCRPlayer.load(path)
    assert (len(player.frames), player.end) == (1, None)
    assert player.verify(finished=False).ok


def test_a_recorder_that_is_dropped_finishes_its_file(tmp_path):
    recorder = VCRRecorder(tmp_path)
    recorder.start_session("run")
    recorder.record_step("a", {}, {})
    del recorder
    gc.collect()
    assert VCRPlayer.load_by_id("run", tmp_path).verify().ok


def test_a_signal_handler_may_record_and_save(tmp_path):
    done, path = run_script(
        tmp_path,
        """
        import signal
        r = VCRRecorder()
        r.start_session('run')
        signal.signal(signal.SIGALRM, lambda *a: (r.record_step('handler', {}, {}), r.save()))
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        for n in range(5000):
            r.record_step('main', {'n': n}, {'n': n + 1})
        signal.setitimer(signal.ITIMER_REAL, 0)
        """,
    )
    assert done.returncode == 0, done.stderr
    player = VCRPlayer.load(path)
    names = [row.node_name for row in player.rows]
    assert (names.count("main"), names.count("handler") >= 1) == (5000, True)
    mains = [index for index, name in enumerate(names) if name == "main"]
    assert [player.goto_frame(index)["n"] for index in mains] == list(range(1, 5001))
    assert player.verify().ok, player.verify().problems[:3]


def test_an_interrupt_at_any_moment_leaves_a_sound_recording(tmp_path):
    done, path = run_script(
        tmp_path,
        """
        import signal
        class Stop(BaseException): ...
        armed = False
        def stop(*a):
            if armed: raise Stop
        r = VCRRecorder()
        r.start_session('run')
        signal.signal(signal.SIGALRM, stop)
        done, stops, state = [], 0, {'log': []}
        for n in range(6000):
            state = {'log': [*state['log'][-200:], f'{n} ' * 10], 'n': n}
            try:
                armed = True
                signal.setitimer(signal.ITIMER_REAL, 0.00002 + n % 40 * 0.000004)
                r.record_step('main', {}, state)
                armed = False
                done.append(n)
            except Stop:
                armed = False
                stops += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(stops, *done)
        """,
    )
    assert done.returncode == 0, done.stderr
    stops, *completed = map(int, done.stdout.split())
    assert stops > 100
    player = VCRPlayer.load(path)
    assert player.verify().ok, player.verify().problems[:3]
    found = [player.goto_frame(index) for index in range(len(player.frames))]
    assert all(state["log"][-1] == f"{state['n']} " * 10 for state in found)
    assert set(completed) <= {state["n"] for state in found}


def test_lines_of_other_kinds_are_kept(recorder):
    recorder.record_step("a", {}, {})
    recorder.writer.write_line("begin", {"key": "x", "at": {1}})
    recorder.record_step("b", {}, {})
    player = reread(recorder)
    assert len(player.frames) == 2
    kinds = [kind for kind, _data in player.source.other_lines()]
    assert kinds == ["begin", "end"]
    assert player.verify().ok


def test_the_file_is_readable_text_with_small_fields_first(recorder):
    recorder.record_step("a", {"q": "why"}, {"q": "why", "a": "so"}, {"note": 1}, latency_ms=1.5)
    recorder.save()
    first, frame, end = recorder.path.read_text().splitlines()
    assert json.loads(first)["type"] == "session"
    assert list(json.loads(frame)["data"])[:4] == ["index", "node_name", "timestamp", "latency_ms"]
    assert json.loads(frame)["data"]["output_state"] == {"q": "why", "a": "so"}
    assert decode_line(end.encode()).type == "end"
    assert recorder.path.stat().st_mode & 0o777 == 0o600
