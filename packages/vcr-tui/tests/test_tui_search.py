from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vcr_core import VCRPlayer, VCRRecorder
from vcr_core.blobs import BlobStore
from vcr_tui.session_search import SessionSearch
from vcr_tui.testing import ENTER, ESCAPE, RIGHT, ScreenDriver


def find(path, text):
    player = VCRPlayer.load(path)
    try:
        return SessionSearch(player.source, text, read_blob=BlobStore(path.parent).get).run()
    finally:
        player.close()


@pytest.fixture
def texts_path(tmp_path):
    with VCRRecorder(tmp_path / ".vcr") as recorder:
        recorder.start_session("texts")
        recorder.record_step("plan_trip", {}, {"greeting": 'She said "hello"\nÄrger in Köln', "n": 12.5})
        recorder.record_step("book", {}, {"input": "a value", "n": None})
        recorder.record_step("book", {}, {"prompt": "long " * 5_000 + "needle in a blob"})
        recorder.record_error("pay", {}, KeyError("wallet_id"))
        return recorder.path


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("plan_trip", [0]),
        ("PLAN_TRIP", []),
        ("hello", [0]),
        ('said "hello"', [0]),
        ("ärger in köln", [0]),
        ("Ärger", [0]),
        ("12.5", [0]),
        ("needle in a blob", [2]),
        ("wallet_id", [3]),
        ("keyerror", [3]),
        ("not there", []),
    ],
)
def test_names_values_blobs_and_errors_are_found(texts_path, text, frames):
    assert find(texts_path, text) == frames


@pytest.mark.parametrize("word", ["output_state", "metadata", '"op"', "node_name", "base"])
def test_the_words_of_the_format_itself_are_not_found(texts_path, word):
    assert find(texts_path, word) == []


def test_a_key_that_is_a_word_of_the_format_is_found(texts_path):
    assert find(texts_path, "input") == [1]


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=3, max_size=12).filter(lambda text: text.strip())
)
def test_any_text_of_a_state_is_found(tmp_path_factory, text):
    directory = tmp_path_factory.mktemp("any")
    with VCRRecorder(directory, redact=False) as recorder:
        recorder.start_session("s")
        recorder.record_step("n", {}, {"k": f"before {text} after"})
        path = recorder.path
    assert find(path, text) == [0]


async def test_a_long_search_answers_keys_moves_its_line_and_can_be_stopped(long_path, monkeypatch):
    from vcr_tui import searching

    real = SessionSearch.steps

    def slow_steps(self):
        for share in real(self):
            time.sleep(0.01)
            yield share

    monkeypatch.setattr(searching.SessionSearch, "steps", slow_steps)
    async with ScreenDriver(long_path) as driver:
        await driver.press("/", *"note 9999", ENTER)
        await driver.until("Esc stops")
        first = driver.line(-1)
        await driver.press(RIGHT, RIGHT)
        assert driver.debugger.desk.session.view.cursor == 2
        await driver.until(lambda: "Esc stops" in driver.line(-1) and driver.line(-1) != first)
        await driver.press(ESCAPE)
        await driver.until("nothing found")


async def test_the_first_match_is_shown_before_the_search_ends(long_path, monkeypatch):
    from vcr_tui import searching

    real = SessionSearch.steps

    def slow_steps(self):
        for share in real(self):
            time.sleep(0.005)
            yield share

    monkeypatch.setattr(searching.SessionSearch, "steps", slow_steps)
    async with ScreenDriver(long_path) as driver:
        await driver.press("/", *"nothing left at step", ENTER)
        await driver.until(lambda: driver.debugger.desk.session.view.cursor == 500)
        assert driver.debugger.desk.running is not None
        await driver.until("1 of 2 frames")
        await asyncio.sleep(0)
