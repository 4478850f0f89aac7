"""The dashboard in Debian's Chromium: by keyboard, live, shared, and accessible."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

import vcr_core.testing as core_testing
import vcr_server
from vcr_core import FrameRow, VCRPlayer, VCRRecorder
from vcr_server.blob_values import fill_blobs
from vcr_server.single_page import frame_of_page
from vcr_server.testing import TOKEN, RunningServer

pytestmark = pytest.mark.e2e
OpenPage = Callable[..., Any]

RECORD_LIVE = """
import sys, time
from vcr_core import VCRRecorder
with VCRRecorder(sys.argv[1]) as recorder:
    recorder.start_session("growing")
    for number in range(60):
        recorder.record_step("n", {"n": number}, {"n": number + 1}, latency_ms=5)
        if number == 0:
            sys.stdin.readline()  # goes on when it is looked at
        time.sleep(0.02)
    recorder.save()
"""


def test_the_whole_way_by_keyboard(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#cold/0")
    dash.press("!")
    dash.wait("location.hash === '#cold/1'")
    dash.wait_text(".error-box", "too cold for tea")
    dash.press("d")
    dash.wait("location.hash === '#cold/1/diff'")
    dash.press("c")
    dash.wait_text(".sides", "cold")
    dash.press("ArrowLeft")
    dash.wait("location.hash === '#cold/0/compare'")
    dash.press("4")
    dash.wait_text("#panel", "cold #0")
    dash.press("ArrowRight", "2")
    dash.wait("location.hash === '#cold/1/input'")
    dash.wait("!!document.querySelector('[data-tree] .row .key')")
    dash.press("e")
    keys = dash.page.eval_on_selector_all("[data-tree] .row", "rows => rows.map(r => r.innerText)")
    for _ in range(next(n for n, text in enumerate(keys) if "heat" in text)):
        dash.press("ArrowDown")
    dash.press("Enter")
    dash.wait("!!document.querySelector('dialog textarea')")
    dash.press("Control+a")
    dash.page.keyboard.type("95")
    dash.press("Control+Enter")
    dash.wait_text(".row.edited", "95")
    dash.press("Escape", "f")
    dash.wait("!!document.querySelector('dialog select')")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("my-fork")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#my-fork/')")
    dash.wait_text(".crumb", "cold")
    dash.press("p")
    dash.wait("location.hash.startsWith('#cold/0')")
    dash.press("ArrowRight", "2", "r")
    dash.wait("!!document.querySelector('dialog select')")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("my-run")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#my-run/')", seconds=15)
    dash.wait_text(".lane-name", "my-run")


def test_an_edited_run_is_resumed_to_its_end(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#cold/1/input")
    dash.wait("!!document.querySelector('[data-tree] .row .key')")
    dash.press("s", "ArrowDown", "Enter")
    dash.press("Control+a")
    dash.page.keyboard.type("95")
    dash.press("Control+Enter", "Escape", "r")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("warm")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#warm/')", seconds=15)
    dash.press("1")
    dash.wait_text("#panel", "tea")
    dash.press("j")
    dash.wait_text("dialog", "done")
    dash.press("Escape")


def test_a_run_of_another_process_grows_before_the_eyes(
    served: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    dash = open_page(served)
    dash.open("#first/0")
    dash.wait_text(".connection", "live")
    script = (
        "window.counts = []; new MutationObserver(() => {"
        "const found = document.querySelector('.tape-head').innerText.match(/^growing\\s+(\\d+) frames?/);"
        "if (found) window.counts.push(Number(found[1])); })"
        ".observe(document.body, { subtree: true, childList: true, characterData: true })"
    )
    dash.page.evaluate(script)
    command = [sys.executable, "-c", RECORD_LIVE, str(tmp_path / "vcr")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        dash.wait_text(".lane-name", "growing")
        dash.page.locator(".lane", has_text="growing").click()
        dash.wait_text(".tape-head", "1 frame")
        dash.press("End")
        process.communicate("on\n", timeout=30)
        dash.wait("document.querySelector('.tape-head span').innerText === '60 frames'")
        dash.wait("location.hash === '#growing/59'")
    counts = dash.page.evaluate("[...new Set(window.counts)]")
    assert len(counts) >= 5
    assert counts == sorted(counts)
    rows = httpx.get(f"{served.url}/api/sessions/growing/frames", headers={"authorization": f"Bearer {TOKEN}"}).json()
    assert rows["frames"] == 60


def test_the_end_of_a_session_that_is_on_its_way_is_its_own(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#first/0")
    held: list[Any] = []
    dash.page.route("**/api/sessions/long/columns", lambda route: held.append(route))
    dash.page.locator(".lane", has_text="long").click()
    dash.wait("location.hash.startsWith('#long')")
    dash.press("End")
    held[0].continue_()
    dash.wait("location.hash === '#long/59'")
    dash.wait_text(".frame-head", "#59")


def edit_first_value(dash: Any, value: str, *, was: str) -> None:
    dash.wait_text("#panel .row", was)
    dash.press("s", "ArrowDown", "Enter")
    dash.wait("!!document.querySelector('dialog textarea')")
    dash.press("Control+a")
    dash.page.keyboard.type(value)
    dash.press("Control+Enter", "Escape")


def test_a_dialog_stays_about_its_frame_while_the_run_goes_on(
    served: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    dash = open_page(served)
    with VCRRecorder(tmp_path / "vcr") as recorder:
        recorder.start_session("live")
        for number in range(3):
            recorder.record_step(f"n{number}", {"n": number}, {"n": number + 1})
        dash.open("#live/2")
        dash.wait_text(".connection", "live")
        dash.wait("document.querySelector('.tape-head span')?.innerText === '3 frames'")

        def record_on() -> None:
            number = recorder.frame_count
            recorder.record_step(f"n{number}", {"n": number}, {"n": number + 1})
            dash.wait(f"document.querySelector('.tape-head span').innerText === '{number + 1} frames'")

        dash.press("m")
        record_on()
        dash.page.keyboard.type("about two")
        dash.press("Tab", "Tab", "Enter")
        dash.wait("!document.querySelector('dialog')")
        dash.press("s", "ArrowDown", "Enter")
        record_on()
        dash.press("Control+a")
        dash.page.keyboard.type("77")
        dash.press("Control+Enter", "Escape")
        dash.wait_text(".row.edited", "77")
        record_on()
        dash.press("f")
        dash.wait_text("dialog .edits", "/n = 77")
        record_on()
        assert "after #2, before #3" in dash.page.inner_text("dialog select")
        dash.press("Escape")
        assert dash.place == "#live/2"
    url = f"{served.url}/api/sessions/live/notes"
    notes = httpx.get(url, headers={"authorization": f"Bearer {TOKEN}"}).json()["notes"]
    assert [(note["frame"], note["text"]) for note in notes] == [(2, "about two")]


def test_edits_stay_with_their_frames(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#long/0")
    edit_first_value(dash, "111", was="n: 1")
    dash.press("ArrowRight")
    edit_first_value(dash, "222", was="n: 2")
    dash.wait_text(".row.edited", "222")
    dash.press("ArrowLeft")
    dash.wait_text(".row.edited", "111")
    dash.press("2")
    edit_first_value(dash, "33", was="n: 0")
    dash.press("f")
    dash.wait_text("dialog .edits", "/n = 33")
    dash.page.locator("dialog select").select_option("true")
    dash.wait_text("dialog .edits", "/n = 111")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("edited")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#edited/1')")
    dash.page.evaluate("location.hash = '#long/0/input'")
    dash.wait_text(".row.edited", "33")
    dash.press("1")
    dash.wait_text("#panel", "n: 1")
    assert dash.page.locator(".row.edited").count() == 0
    dash.press("ArrowRight")
    dash.wait_text(".row.edited", "222")


def test_an_answer_about_notes_stays_with_its_session(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#first/3")
    held: list[Any] = []
    dash.page.route("**/first/notes", lambda route: held.append(route))
    dash.press("b")
    dash.page.evaluate("location.hash = '#long/3/meta'")
    dash.wait_text(".frame-head", "loop")
    held[0].continue_()
    dash.wait("document.getElementById('tape').getAttribute('aria-valuetext') === 'Noted.'")
    assert dash.page.locator(".note").count() == 0


def test_who_goes_elsewhere_is_not_taken_to_a_run_that_begins(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#cold/1/input")
    edit_first_value(dash, "95", was="heat: 20")
    dash.press("r")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("warm")
    dash.page.keyboard.press("Enter")
    dash.wait("!document.querySelector('dialog')")
    dash.page.keyboard.press("ArrowLeft")
    dash.wait_text(".lane-name", "warm")
    dash.press("j")
    dash.wait_text("dialog", "done")
    dash.press("Escape")
    assert dash.place == "#cold/0/input"
    dash.press("ArrowRight")
    dash.wait_text(".row.edited", "95")


def test_a_run_into_a_name_that_is_taken_is_shown(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#cold/1")
    dash.press("r")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("first")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#first~2/')")
    dash.wait_text(".crumb", "cold")


def test_a_recording_in_the_place_of_another_is_shown_as_it_is(
    served: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    def record(name: str, frames: int, directory: Path = tmp_path / "vcr") -> Path:
        with VCRRecorder(directory) as recorder:
            recorder.start_session("anew")
            for number in range(frames):
                recorder.record_step(f"{name}{number}", {}, {"who": name})
            return recorder.save()

    path = record("old", 6)
    dash = open_page(served)
    dash.open("#anew/2")
    dash.wait_text("#panel", "old")
    path.unlink()
    dash.wait_text(".trouble", "anew is gone")
    dash.press("f", "m", "?")
    dash.wait_text("dialog", "Keys")
    dash.press("Escape")
    record("new", 4)
    dash.wait_text("#panel", "new")
    dash.wait("document.querySelector('.tape-head span').innerText === '4 frames'")
    dash.press("Home", "ArrowRight", "ArrowRight")
    dash.wait_text(".frame-head", "new2")
    path.write_bytes(record("copied", 30, tmp_path / "elsewhere").read_bytes())
    dash.wait_text(".frame-head", "copied2")
    dash.press("End")
    dash.wait("location.hash === '#anew/29'")
    dash.wait_text(".frame-head", "copied29")


def test_whole_numbers_beyond_doubles_are_edited(served: RunningServer, open_page: OpenPage, tmp_path: Path) -> None:
    with VCRRecorder(tmp_path / "vcr") as recorder:
        recorder.start_session("large-number")
        recorder.record_step("n", {}, {"n": 9007199254740993})
    dash = open_page(served)
    dash.open("#large-number/0")
    edit_first_value(dash, "9007199254740995", was="n: 9007199254740993")
    dash.press("f")
    dash.wait_text("dialog .edits", "/n = 9007199254740995")
    dash.page.get_by_label("New session").focus()
    dash.page.keyboard.type("larger")
    dash.press("Enter")
    dash.wait("location.hash.startsWith('#larger/')")
    assert VCRPlayer.load_by_id("larger", tmp_path / "vcr").state(1) == {"n": 9007199254740995}


def test_a_dialog_that_breaks_takes_no_keys_along(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.page.route("**/api/agents", lambda route: route.fulfill(json={"agents": "no list"}))
    dash.open("#first/0")
    dash.page.evaluate("console.error = () => {}")
    dash.press("r")
    dash.wait_text(".trouble", "That did not work")
    dash.press("?")
    dash.wait_text("dialog", "Keys")
    dash.press("Escape", "ArrowRight")
    dash.wait("location.hash === '#first/1'")


def test_a_deep_link_restores_the_view(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#second/2/meta")
    assert dash.page.locator("#tab-meta").get_attribute("aria-selected") == "true"
    dash.wait_text(".frame-head", "node-2")
    dash.page.evaluate("location.hash = '#long/30'")
    dash.wait_text(".frame-head", "#30")
    dash.page.go_back()
    dash.wait_text(".frame-head", "node-2")
    dash.page.evaluate("location.hash = '#nobody/3'")
    dash.wait_text(".trouble", "There is no session nobody")


def test_search_errors_and_notes(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served)
    dash.open("#first/5")
    dash.press("/")
    dash.page.keyboard.type("critic")
    dash.wait("document.querySelectorAll('.lane').length === 1")
    dash.press("Escape")
    dash.wait("document.querySelectorAll('.lane').length === 4")
    dash.press("m")
    dash.page.keyboard.type("look here")
    dash.press("Tab", "Tab", "Enter")
    dash.press("5")
    dash.wait_text(".note", "look here")


def test_the_exported_page_opens_without_a_server(served: RunningServer, open_page: OpenPage, tmp_path: Path) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    page = tmp_path / "shared.html"
    page.write_bytes(httpx.get(f"{served.url}/api/sessions/second/export", headers=headers).content)
    whole = {
        index: httpx.get(f"{served.url}/api/sessions/second/frames/{index}/state", headers=headers).json()
        for index in range(3)
    }
    dash = open_page(served)
    dash.page.goto(page.as_uri())
    dash.wait("performance.getEntriesByName('vcr-ready').length > 0")
    dash.wait_text(".frame-head", "node-0")
    dash.press("ArrowRight", "ArrowRight", "3")
    dash.wait_text(".frame-head", "node-2")
    dash.press("1")
    dash.wait_text("#panel", str(whole[2]["step"]))
    dash.press("!", "?")
    dash.wait_text("dialog", "next error")


def test_the_diff_passes_the_fixtures_in_the_browser(served: RunningServer, open_page: OpenPage) -> None:
    sources = Path(vcr_server.__file__).parent / "dashboard"
    if not sources.is_dir():
        pytest.skip("the dashboard's sources are not in the wheel")
    text = "\n".join((sources / name).read_text() for name in ("format.js", "align.js", "diff.js"))
    text = re.sub(r"^import .*$", "", text, flags=re.MULTILINE).replace("export ", "")
    fixtures = json.loads((Path(next(iter(core_testing.__path__))) / "diff_fixtures.json").read_text())
    cases = [case for case in fixtures["cases"] if "needs" not in case]
    script = (
        f"(cases => {{ {text} const plain = v => JSON.stringify(v, (_, x) => x && typeof x === 'object' && "
        "!Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort()) : x);"
        "return cases.filter(c => plain(diff(c.a, c.b)) !== plain(c.ops)).map(c => c.name); })"
    )
    dash = open_page(served)
    dash.open()
    wrong = dash.page.evaluate(script, cases)
    assert wrong == []


def grown_in_every_way(directory: Path) -> VCRPlayer:
    """Record states that are written as patches of every kind."""
    fill = "lorem ipsum \U0001f600 dolor " * 300
    states: list[dict[str, Any]] = [{"log": fill, "messages": [{"content": fill}], "last": None}]
    for n in range(12):
        old = states[-1]
        kept = old["messages"][n % 3 == 2 :]
        messages = [*kept, {"content": f"{n} {fill}"}]
        states.append({**old, "log": f"{old['log']} \U0001f600 {n}", "messages": messages, "last": n})
    with VCRRecorder(directory) as recorder:
        recorder.start_session("grown")
        for before, after in itertools.pairwise(states):
            recorder.record_step("state", before, after)
            recorder.record_tool_call("list", "t", before, after["messages"])
            row = FrameRow(-1, "made from an argument", "tool")
            recorder.record_frame(row, before, [*before["messages"], {"content": "more"}], style="call")
            recorder.record_frame(FrameRow(-1, "text"), before, f"{before['log']} and more", style="call")
    return VCRPlayer.load_by_id("grown", directory)


def test_the_exported_page_puts_every_state_together(
    served: RunningServer, open_page: OpenPage, tmp_path: Path
) -> None:
    sources = Path(vcr_server.__file__).parent / "dashboard"
    if not sources.is_dir():
        pytest.skip("the dashboard's sources are not in the wheel")
    text = "\n".join((sources / name).read_text() for name in ("format.js", "state_chain.js"))
    text = re.sub(r"^import .*$", "", text, flags=re.MULTILINE).replace("export ", "")
    player = grown_in_every_way(tmp_path)
    frames = [frame_of_page(player, index) for index in range(len(player))]
    assert any("output_base" in frame for frame in frames)
    assert {"move", "append", "add", "remove", "replace"} <= set(re.findall(r'"op": "(\w+)"', json.dumps(frames)))
    states = "frames.map((_, i) => ['input', 'output'].map(part => readState(frames, i, part)))"
    script = f"(frames => {{ {text} return {states}; }})"
    dash = open_page(served)
    dash.open()
    found = dash.page.evaluate(script, frames)
    expected = [[player.wire_state(index, "input"), player.wire_state(index)] for index in range(len(player))]
    blobs = player.path.parent
    assert found == [[fill_blobs(state, blobs) for state in pair] for pair in expected]


# -- accessibility: WCAG 2.2 AA by axe-core, which is there at test time only -----------------------------------------

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def check_axe(dash: Any, name: str) -> None:
    if find_spec("axe_playwright_python") is None:
        pytest.skip("axe-playwright-python is not installed (nox -s e2e has it)")
    import axe_playwright_python

    source = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
    dash.page.wait_for_timeout(150)
    dash.page.evaluate(source + "\n; 0")
    script = "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] }).then(r => r.violations)"
    found = dash.page.evaluate(script, RULES)
    told = [f"{v['id']}: {[(n['html'][:160], n['failureSummary'][:200]) for n in v['nodes'][:3]]}" for v in found]
    assert not told, f"{name}:\n" + textwrap.indent("\n".join(told), "  ")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_view_breaks_an_accessibility_rule(served: RunningServer, open_page: OpenPage, scheme: str) -> None:
    dash = open_page(served, scheme=scheme)
    dash.open("#cold/1")
    dash.press("c")
    for number, tab in enumerate(("state", "input", "diff", "compare", "meta"), 1):
        dash.press(str(number))
        check_axe(dash, tab)
    dash.press("ArrowLeft", "4")
    check_axe(dash, "compare of two")
    dash.press("1", "s", "ArrowDown", "Enter")
    check_axe(dash, "edit")
    dash.press("Escape", "Escape")
    for key in ("?", "r", "f", "m", "j"):
        dash.press(key)
        dash.wait("!!document.querySelector('dialog')")
        check_axe(dash, f"dialog {key}")
        dash.press("Escape")
    dash.page.evaluate("location.hash = '#nobody/3'")
    dash.wait_text(".trouble", "no session")
    check_axe(dash, "error")
    dash.press("/")
    dash.page.keyboard.type("nothing has this name")
    dash.wait_text(".empty", "No session matches")
    check_axe(dash, "nothing found")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_edge_breaks_an_accessibility_rule(tmp_path: Path, open_page: OpenPage, chromium: Any, scheme: str) -> None:
    (tmp_path / "none").mkdir()
    server = RunningServer(tmp_path / "none")
    try:
        dash = open_page(server, scheme=scheme)
        dash.open()
        dash.wait_text(".empty", "Nothing is recorded yet")
        check_axe(dash, "empty")
        dash.page.set_viewport_size({"width": 400, "height": 800})
        check_axe(dash, "empty, narrow")
        context = chromium.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{server.url}/signed-out")
        check_axe(type("Plain", (), {"page": page})(), "signed out")
        context.close()
        dash.page.close()  # before the server: a page that lost it would say so
    finally:
        server.close()


def test_the_page_fits_400_pixels(served: RunningServer, open_page: OpenPage) -> None:
    dash = open_page(served, width=400, height=800)
    dash.open("#cold/1")
    assert dash.page.evaluate("document.documentElement.scrollWidth") <= 400
    check_axe(dash, "narrow")
