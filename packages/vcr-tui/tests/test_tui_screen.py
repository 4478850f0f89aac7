"""The debugger on a screen in memory: keys in through a pipe, what a person sees out."""

from __future__ import annotations

import json
import re
import stat

import pytest

from vcr_core import VCRRecorder
from vcr_tui import commands as commands_module
from vcr_tui.testing import DOWN, ENTER, ESCAPE, LEFT, PAGE_DOWN, RIGHT, SHIFT_TAB, TAB, ScreenDriver, ScreenFile


def at_frame(number):
    return re.compile(rf"▶.? *{number} ")


def on_screen(driver, number):
    return at_frame(number).search(driver.text) is not None


async def test_it_opens_on_the_first_frame_with_its_state(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.until("note 0")
        assert "12 frames" in driver.line(0)
        assert on_screen(driver, 0)
        assert "node1" in driver.text
        assert "q quit" in driver.line(-1)


async def test_keys_move_through_the_frames(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press(RIGHT, "l", "j", DOWN)
        assert on_screen(driver, 4)
        await driver.press(LEFT, "h")
        assert on_screen(driver, 2)
        await driver.press("G")
        assert on_screen(driver, 11)
        await driver.press("g")
        assert on_screen(driver, 0)
        await driver.press(PAGE_DOWN)
        assert on_screen(driver, 11)


async def test_a_number_and_g_go_to_a_frame_and_leave_the_pane_as_it_was(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("d", "1", "0")
        assert "G goes to frame 10" in driver.line(-1)
        await driver.press("G")
        assert on_screen(driver, 10)
        assert "frame 9 → frame 10" in driver.text
        await driver.press("9", "9", "G")
        assert "there is no frame 99" in driver.line(-1)


async def test_digits_choose_the_pane(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("4")
        await driver.until("node_name")
        await driver.press("2")
        await driver.until("step: -1")
        await driver.press(SHIFT_TAB)
        await driver.until("nothing before it")


async def test_d_shows_what_the_step_changed(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press(RIGHT, "d")
        await driver.until("frame 0 → frame 1   2 changes")
        assert '+ /notes/1  "note 1"' in driver.text
        await driver.until("3 Diff(2)")


async def test_an_error_shows_its_message_and_traceback(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.until(lambda: driver.debugger.desk.session.loader.done)
        await driver.press("!")
        await driver.until("✗ ValueError: nothing left at step 7")
        assert on_screen(driver, 7)
        assert "raise ValueError" in driver.text
        assert "✗ err" in driver.text
        await driver.press("!")
        assert "no error after" in driver.line(-1)


async def test_y_copies_the_error_as_markdown(run_path):
    import base64

    async with ScreenDriver(run_path, frame=7) as driver:
        await driver.until("✗ ValueError")
        await driver.press("y")
        assert "copied the error, as Markdown" in driver.line(-1)
        sequence = re.search("\x1b\\]52;c;([^\x07]+)\x07", "".join(driver.file.raw))
        text = base64.b64decode(sequence[1]).decode()
        assert text.startswith("### ValueError: nothing left at step 7")
        assert "frame 7 of `run`" in text
        assert "Traceback (most recent call last)" in text


async def test_the_pane_opens_and_closes_rows_and_keeps_the_place(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("5", "1", "G", "1", TAB, DOWN, DOWN)
        await driver.press(ENTER)
        await driver.until("▸ notes")
        assert '"note 0"' in driver.text  # as a preview of what is closed
        await driver.press(TAB, LEFT)
        await driver.until("▸ notes")
        await driver.press(TAB, "y")
        assert "copied /notes" in driver.line(-1)


async def test_searching_goes_to_the_match_and_shows_it(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("/", *"note 9", ENTER)
        await driver.until("1 of 3 frames with 'note 9'")
        assert on_screen(driver, 9)
        await driver.press("n", "n", "n")
        assert on_screen(driver, 9)
        await driver.press("/", *"nowhere", ENTER)
        await driver.until("nothing found for 'nowhere'")


async def test_escape_leaves_the_search_line(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("/", "x", ESCAPE, RIGHT)
        assert on_screen(driver, 1)


async def test_a_pinned_frame_is_compared(run_path):
    async with ScreenDriver(run_path) as driver:
        await driver.press("c", RIGHT, RIGHT, "c")
        await driver.until("run#0 → run#2   3 changes")
        assert "◆" in driver.text
        await driver.press("g", "c")
        assert "nothing is pinned" in driver.line(-1)


async def test_a_frame_is_compared_with_another_session(run_path, record_run):
    record_run(run_path.parent, "other", frames=5)
    async with ScreenDriver(run_path, frame=3) as driver:
        await driver.press("C")
        await driver.until("2 sessions")
        session = driver.debugger.desk.picker.chosen.name
        if session != "other":
            driver.debugger.desk.picker.wheel(1 if driver.debugger.desk.picker.cursor() == 0 else -1)
        await driver.press(ENTER)
        await driver.until("other#3 → run#3   no difference")


async def test_a_directory_opens_a_tree_of_forks(run_path, record_run):
    record_run(run_path.parent, "child", frames=3, parent_session_id="run", forked_from_frame=2)
    async with ScreenDriver(run_path.parent) as driver:
        await driver.until("2 sessions")
        assert "╰─ ⑂ child @2" in driver.text
        await driver.press("G", ENTER)
        await driver.until("3 frames")
        assert "⑂ run@2" in driver.line(0)
        await driver.press("p")
        await driver.until("12 frames")
        assert on_screen(driver, 2)
        await driver.press("o", "q")
        assert "12 frames" in driver.line(0)


def editor_that(tmp_path, monkeypatch, script):
    path = tmp_path / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", str(path))


async def test_an_edit_is_laid_over_the_state(run_path, tmp_path, monkeypatch):
    before = run_path.read_bytes()
    editor_that(tmp_path, monkeypatch, """sed -i 's/"step": 3/"step": 4242/' "$1" """)
    async with ScreenDriver(run_path, frame=3) as driver:
        await driver.press("e")
        await driver.until("EDITED")
        await driver.until("step: 4242")
        assert "✎" in driver.text
        await driver.press("d")
        await driver.until("4242")
        await driver.press("u", "1")
        await driver.until("step: 3")
        assert "EDITED" not in driver.text
    assert run_path.read_bytes() == before


async def test_an_edit_back_to_what_was_recorded_is_no_edit(run_path, tmp_path, monkeypatch):
    editor_that(tmp_path, monkeypatch, "exit 0")
    async with ScreenDriver(run_path) as driver:
        await driver.press("e")
        await driver.until("nothing was changed")
        assert "EDITED" not in driver.text


async def test_an_editor_that_fails_changes_nothing(run_path, tmp_path, monkeypatch):
    editor_that(tmp_path, monkeypatch, "exit 3")
    async with ScreenDriver(run_path) as driver:
        await driver.press("e")
        await driver.until("ended with exit code 3")
        assert on_screen(driver, 0)


async def test_an_editor_that_is_not_there_is_a_message(run_path, monkeypatch):
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    async with ScreenDriver(run_path) as driver:
        await driver.press("e")
        await driver.until("cannot be run")


async def test_a_fork_carries_the_edit_and_leaves_the_parent(run_path, tmp_path, monkeypatch):
    before = run_path.read_bytes()
    editor_that(tmp_path, monkeypatch, """sed -i 's/"step": 3/"step": 4242/' "$1" """)
    async with ScreenDriver(run_path, frame=3) as driver:
        await driver.press("e")
        await driver.until("EDITED")
        await driver.press("f")
        await driver.until("forked run at frame 3 into run@3")
        assert "⑂ run@3" in driver.line(0)
        await driver.until("step: 4242")
        assert on_screen(driver, 3)
    assert run_path.read_bytes() == before


async def test_a_fork_is_of_the_frame_at_which_its_key_was_typed(run_path):
    async with ScreenDriver(run_path, frame=3) as driver:
        driver.input.send_text("f" + RIGHT)
        await driver.until("forked run at frame 3 into run@4")
        assert "4 frames" in driver.line(0)


async def test_an_edit_is_of_the_frame_at_which_its_key_was_typed(run_path, tmp_path, monkeypatch):
    editor_that(tmp_path, monkeypatch, """sed -i 's/"step": 3/"step": 4242/' "$1" """)
    async with ScreenDriver(run_path, frame=3) as driver:
        driver.input.send_text("e" + RIGHT)
        await driver.until("edited the state of frame 3")
        await driver.press(LEFT)
        await driver.until("step: 4242")


async def test_a_fault_in_a_command_is_a_message(run_path, monkeypatch):
    def broken(self):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(commands_module.Commands, "toggle_diff", broken)
    async with ScreenDriver(run_path) as driver:
        await driver.press("d")
        assert "✗ toggle diff failed (RuntimeError: a fault of ours)" in driver.line(-1)
        await driver.press(RIGHT)
        assert on_screen(driver, 1)
        assert "Traceback" not in driver.text


async def test_q_ends_the_program_and_gives_the_screen_back(run_path):
    async with ScreenDriver(run_path) as driver:
        driver.input.send_text("q")
        await driver._task
        assert "\x1b[?1049l" in "".join(driver.file.raw)


async def test_the_help_page_closes_again(run_path):
    async with ScreenDriver(run_path, height=20) as driver:
        await driver.press("?")
        assert "Looking" in driver.text
        await driver.press("?", RIGHT)
        assert on_screen(driver, 1)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 12), (40, 10), (24, 6), (200, 60), (12, 3)])
async def test_every_size_shows_the_frame_and_survives_every_pane(run_path, width, height):
    async with ScreenDriver(run_path, width=width, height=height, frame=7) as driver:
        if width >= 24 and height >= 6:
            assert on_screen(driver, 7)
            assert "✗" in driver.text
        await driver.press("1", "2", "3", "4", "5", TAB, DOWN, TAB, "?", "?", "t", "t", "o", "q", "g", "G")
        assert "failed" not in driver.line(-1)


async def test_a_resize_keeps_the_frame_in_sight(run_path):
    async with ScreenDriver(run_path, frame=9) as driver:
        driver.resize(60, 12)
        await driver.until(lambda: on_screen(driver, 9))
        driver.resize(160, 50)
        await driver.until(lambda: on_screen(driver, 9))


async def test_without_colour_every_status_still_speaks(tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("all")
        for status in ("ok", "error", "cancelled", "interrupt", "command", "cached"):
            recorder.record_step(status, {}, {"x": 1}, status=status, latency_ms=1)
        path = recorder.path
    async with ScreenDriver(path, width=80, height=24, colour=False) as driver:
        for word in ("✓ ok", "✗ err", "■ canc", "‖ intr", "→ cmd", "= cache"):
            assert word in driver.text
        assert not re.search(r"\x1b\[[0-9;]*(?:3[0-8]|4[0-8]|9[0-7])(?:;|m)", "".join(driver.file.raw))


async def test_a_run_is_followed_while_it_is_recorded(tmp_path):
    recorder = VCRRecorder(tmp_path / ".vcr")
    recorder.start_session("live")
    recorder.record_step("first", {}, {"n": 0}, latency_ms=1)
    async with ScreenDriver(recorder.path, follow=True) as driver:
        assert "LIVE" in driver.line(0)
        recorder.record_step("second", {}, {"n": 1}, latency_ms=1)
        await driver.until("2 frames")
        assert on_screen(driver, 1)
        await driver.press("g")
        recorder.record_step("third", {}, {"n": 2}, latency_ms=1)
        await driver.until("3 frames")
        assert on_screen(driver, 0)
        recorder.close()


async def test_a_torn_end_is_named_and_the_rest_is_shown(run_path):
    with run_path.open("ab") as file:
        file.write(b'{"type":"frame","data":{"index":12,"node_na')
    async with ScreenDriver(run_path) as driver:
        assert "TORN" in driver.line(0)
        assert "the last line is torn" in driver.line(-1)
        assert "12 frames" in driver.line(0)


async def test_a_damaged_line_is_named_and_the_rest_is_shown(run_path):
    lines = run_path.read_bytes().split(b"\n")
    lines[4] = b"\x00garbage\xff\x1b[31m" + lines[4][20:]
    run_path.write_bytes(b"\n".join(lines))
    async with ScreenDriver(run_path, frame=3) as driver:
        assert "DAMAGED" in driver.line(0)
        assert "line 5 is not a line of a recording" in driver.line(-1)
        await driver.until("cannot be read")
        assert "<damaged>" in driver.text
        await driver.press(RIGHT)
        await driver.until("note 4")
        assert "Traceback" not in driver.text


async def test_a_file_that_is_replaced_by_a_shorter_one_is_read_anew(run_path):
    async with ScreenDriver(run_path, follow=True) as driver:
        await driver.press("G")
        run_path.write_bytes(b"\n".join(run_path.read_bytes().split(b"\n")[:4]) + b"\n")
        await driver.until("3 frames")
        assert on_screen(driver, 2)


async def test_a_file_that_is_recorded_anew_is_opened_in_its_place(run_path, record_run):
    async with ScreenDriver(run_path, follow=True) as driver:
        await driver.press("c", "1")
        run_path.unlink()
        await driver.until("run.vcr is gone")
        assert "12 frames" in driver.line(0)
        record_run(run_path.parent, frames=20, fail_at=())
        await driver.until("20 frames")
        assert on_screen(driver, 19)
        assert "recorded anew" in driver.line(-1)
        assert "0 errors" in driver.line(0)
        assert driver.debugger.desk.session.view.pin is None
        with VCRRecorder(run_path.parent) as recorder:
            recorder.attach("run")
            recorder.record_step("more", {}, {"n": 1}, latency_ms=1)
        await driver.until("21 frames")


async def test_a_recording_that_is_written_over_another_is_opened_in_its_place(run_path, record_run, tmp_path):
    other = record_run(tmp_path / "elsewhere", frames=40, fail_at=())
    async with ScreenDriver(run_path, follow=True) as driver:
        await driver.press("g")
        run_path.write_bytes(other.read_bytes())
        await driver.until("40 frames")
        assert on_screen(driver, 0)
        await driver.press("o")
        run_path.unlink()
        record_run(run_path.parent, frames=5)
        await driver.until(lambda: len(driver.debugger.desk.session.view) == 5)
        assert driver.debugger.desk.picker is not None


async def test_wide_characters_keep_their_columns_where_they_cannot_be_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(ScreenFile, "encoding", "ascii")
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("wide")
        for name in ("plain", "日本語", "né"):
            recorder.record_step(name, {}, {"text": f"{name} here"}, latency_ms=1)
        path = recorder.path
    async with ScreenDriver(path, frame=1) as driver:
        await driver.until('text: "?????? here"')
        lines = [driver.line(number) for number in (2, 3, 4)]
        assert len({line.index("+ ok") for line in lines}) == 1
        assert "?????? " in lines[1]
        assert driver.text.isascii()


async def test_a_run_without_frames_can_be_looked_at(tmp_path):
    recorder = VCRRecorder(tmp_path / ".vcr", auto_save=False)
    recorder.start_session("empty")
    async with ScreenDriver(recorder.path) as driver:
        await driver.press("d", "e", "r", "f", "F", "y", "c", "!", "n", "/", "4")
        assert "0 frames" in driver.line(0)
        assert "failed" not in driver.text
    recorder.close()


async def test_files_of_the_predecessor_are_shown(tmp_path):
    path = tmp_path / "old.vcr"
    session = {
        "type": "session",
        "data": {"session_id": "old", "created_at": "2025-01-01T00:00:00", "schema": "execution/1"},
    }
    frame = {
        "type": "frame",
        "data": {"node_name": "plan", "frame_type": "node", "input_state": {}, "output_state": {"x": 1}},
    }
    path.write_text(
        "\n".join(json.dumps(line, separators=(",", ":")) for line in (session, frame, frame)) + "\n", encoding="utf-8"
    )
    async with ScreenDriver(path) as driver:
        await driver.until("x: 1")
        assert "2 frames" in driver.line(0)
        await driver.press("/", *"plan", ENTER)
        await driver.until("2 frames with 'plan'")


async def test_the_changed_files_of_a_savepoint_are_listed(tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("files")
        nested = {"savepoint": {"number": 3, "commit": "0" * 40, "changed": ["src/a.py", "b.txt"]}}
        recorder.record_checkpoint({"x": 1}, "nested", metadata=nested)
        flat = {"savepoint": 4, "commit": "0" * 40, "changed": [f"f{at}" for at in range(9)], "changed_count": 200}
        recorder.record_checkpoint({"x": 1}, "flat", metadata=flat)
        path = recorder.path
    async with ScreenDriver(path) as driver:
        await driver.until("savepoint 3  2 files changed")
        assert "src/a.py" in driver.text
        await driver.press("F")
        await driver.until("This cannot be shown: commit 000000000000")
        await driver.press("F", RIGHT)
        await driver.until("savepoint 4  200 files changed")
        assert "… 198 more" in driver.text


@pytest.mark.parametrize("width", [80, 120])
async def test_a_redraw_asks_for_no_more_rows_than_the_window_shows(long_path, width):
    async with ScreenDriver(long_path, width=width, height=40) as driver:
        view = driver.debugger.desk.session.view
        for key in [RIGHT, PAGE_DOWN, "G", LEFT, "g", DOWN, "d", RIGHT, "2", PAGE_DOWN]:
            view.rows_asked, redraws = 0, driver.redraws
            await driver.press(key)
            shown = driver.debugger.desk.session.list_lines.viewport.height
            assert view.rows_asked <= (shown + 2) * (driver.redraws - redraws)


async def test_a_key_asks_for_no_more_rows_in_a_longer_run(run_path, long_path):
    asked = []
    for path in (run_path, long_path):
        async with ScreenDriver(path, height=12) as driver:
            await driver.until(lambda driver=driver: driver.debugger.desk.session.loader.done)
            view = driver.debugger.desk.session.view
            view.rows_asked, redraws = 0, driver.redraws
            await driver.press(RIGHT)
            asked.append(view.rows_asked / (driver.redraws - redraws))
    assert asked[1] <= asked[0] + 2
