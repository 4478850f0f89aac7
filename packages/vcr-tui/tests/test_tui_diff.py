"""The diff that the pane shows is core's: its fixtures hold here too."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from vcr_core import VCRRecorder
from vcr_core.diff import diff
from vcr_tui.content_builder import ContentBuilder, Request
from vcr_tui.pane_content import DiffContent
from vcr_tui.session_view import SessionView
from vcr_tui.testing import RIGHT, ScreenDriver

FIXTURES = json.loads(resources.files("vcr_core.testing").joinpath("diff_fixtures.json").read_text(encoding="utf-8"))


def cases():
    found = FIXTURES if isinstance(FIXTURES, list) else FIXTURES["cases"]
    return [case for case in found if "ops" in case]


def shown_diff(tmp_path, before, after):
    from vcr_core import VCRPlayer

    with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
        recorder.start_session("s")
        recorder.record_step("a", {}, {"value": before})
        recorder.record_step("b", {}, {"value": after})
        path = recorder.path
    view = SessionView(VCRPlayer.load(path))
    content = ContentBuilder(view).build(Request("diff", 1, 100, 0))
    view.player.close()
    return content


def test_there_are_fixtures():
    assert len(cases()) >= 10


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["name"])
def test_the_pane_shows_as_many_operations_as_the_fixture_has(tmp_path, case):
    content = shown_diff(tmp_path, case["a"], case["b"])
    assert isinstance(content, DiffContent)
    assert content.operations == len(case["ops"])
    assert [op.as_dict() for op in diff(case["a"], case["b"])] == case["ops"]


async def test_an_insert_a_change_and_a_removal_in_one_mebibyte_are_three_operations(tmp_path):
    messages = [
        {"id": f"m{at}", "role": "user", "content": f"{at} " + "words and more words " * 10} for at in range(4_500)
    ]
    changed = [*messages[:10], {"id": "new", "role": "user", "content": "inserted"}, *messages[10:-1]]
    changed[2_000] = {**changed[2_000], "content": "changed"}
    assert len(json.dumps(messages)) > 1 << 20
    with VCRRecorder(tmp_path / ".vcr", redact=False) as recorder:
        recorder.start_session("wide")
        recorder.record_step("before", {}, {"messages": messages})
        recorder.record_step("after", {"messages": messages}, {"messages": changed})
        path = recorder.path
    async with ScreenDriver(path) as driver:
        await driver.press(RIGHT, "d")
        await driver.until("frame 0 → frame 1   3 changes")
        assert "+ /messages/10" in driver.text
        assert "- /messages/4499" in driver.text
        await driver.until("Diff(3)")
