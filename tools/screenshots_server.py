"""Take the README's picture of the dashboard: ``python tools/screenshots_server.py OUTPUT.png``.

Records a small story (an agent that mends a rounding error: a failed run, two forks, parallel branches, savepoints, a
long evaluation, a run that is still going on), opens it in Chromium and saves what a person sees. Always the same
recordings, so that the picture changes only when the dashboard does. Needs vcr-server, playwright, httpx and Chromium.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from vcr_core.frames import FrameRow
from vcr_core.recorder import VCRRecorder
from vcr_server.testing import TOKEN, RunningServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]
START = "#fix-checkout/13/state"
State = dict[str, Any]


class Story:
    """Records frames of one session, each continuing the state of the one before."""

    def __init__(self, recorder: VCRRecorder, state: State) -> None:
        self.recorder = recorder
        self.state = state

    def step(self, name: str, latency: float, *, branch: str | None = None, **changes: Any) -> None:
        """Record a step that changes some keys of the state; `branch` puts it on a lane beside the main one."""
        before, self.state = self.state, {**self.state, **changes}
        row = FrameRow(-1, name, latency_ms=latency, key=branch and f"{branch}:{name}#{self.recorder.frame_count}")
        self.recorder.record_frame(row, before, self.state)

    def think(self, text: str, latency: float, tokens: tuple[int, int]) -> None:
        """Record a call of the model; its answer joins the messages."""
        self.recorder.record_llm_call(
            "call_llm",
            self.state["messages"],
            text,
            model="sonnet",
            tokens_input=tokens[0],
            tokens_output=tokens[1],
            cost_usd=tokens[0] * 3e-6 + tokens[1] * 15e-6,
            latency_ms=latency,
        )
        self.state = {**self.state, "messages": [*self.state["messages"], {"role": "assistant", "content": text}]}

    def use(self, tool: str, args: State, result: Any, latency: float, *, branch: str | None = None) -> None:
        """Record a call of a tool."""
        if branch is None:
            self.recorder.record_tool_call(f"tool:{tool}", tool, args, result, latency_ms=latency)
            return
        key = f"{branch}:tool:{tool}#{self.recorder.frame_count}"
        self.recorder.record_frame(
            FrameRow(-1, f"tool:{tool}", "tool", latency_ms=latency, key=key, label=tool), args, result, style="call"
        )

    def savepoint(self, number: int, label: str, changed: list[str]) -> None:
        """Record a savepoint of the files, as vcr-acid does."""
        commit = f"{random.Random(number).getrandbits(160):040x}"
        known = {"savepoint": number, "commit": commit, "changed": changed, "changed_count": len(changed)}
        self.recorder.record_checkpoint(self.state, label, metadata=known)

    def fail(self, name: str, latency: float) -> None:
        """Record a step that failed, with the traceback of a real exception."""
        try:
            self._check_total()
        except AssertionError as error:
            self.recorder.record_error(name, self.state, error, latency_ms=latency)

    def _check_total(self) -> None:
        total, expected = 0.1 + 0.2, 0.3
        assert total == expected, f"test_cart_total: expected {expected}, got {total!r}"


def record_failed_run(recorder: VCRRecorder) -> Story:
    """Record ``fix-checkout``: plans, looks around on three branches, edits, and fails its tests."""
    recorder.start_session("fix-checkout", tags=["checkout"])
    task = {"role": "user", "content": "The total of the cart is off by a cent. Mend it."}
    story = Story(recorder, {"task": "mend the cart total", "attempt": 1, "messages": [task], "files": {}})
    story.step("plan", 12, plan=["find the sum", "write a test", "mend it", "run the tests"])
    story.think("I look for where prices are added up, how they are stored, and what is tested.", 1840, (612, 88))
    story.savepoint(1, "before the first edit", ["A  notes/plan.md"])
    story.use("grep", {"pattern": "sum\\(", "path": "shop/"}, ["shop/cart.py:41"], 38, branch="0/0")
    story.use("read_file", {"path": "shop/money.py"}, "def parse(text): return float(text)", 9, branch="0/1")
    story.use("run_tests", {"select": "cart"}, {"passed": 11, "failed": 0}, 2260, branch="0/2")
    story.step("read_cart", 15, branch="0/0", files={"shop/cart.py": "sum(line.price for line in lines)"})
    story.step("summarise", 420, branch="0/1", finding="prices are floats")
    story.step("join", 3, found=3)
    story.think("Prices are binary floats. I write the failing test first, then round the sum.", 2610, (1450, 240))
    story.use("write_file", {"path": "tests/test_cart.py"}, {"written": 412}, 22)
    story.step("edit", 31, attempt=1, files={"shop/cart.py": "round(sum(line.price for line in lines), 12)"})
    story.savepoint(
        2, "before the tests", ["M  shop/cart.py", "A  tests/test_cart.py", "M  notes/plan.md", "D  shop/old_cart.py"]
    )
    story.fail("run_tests", 2480)
    story.think("Rounding hides it in one place only. The prices themselves have to be exact.", 1990, (1930, 130))
    recorder.save(status="error")
    return story


def record_forks(directory: Path, state: State) -> None:
    """Record ``exact-money``, forked before the edit, which succeeds, and a fork of that one."""
    with VCRRecorder(directory) as recorder:
        recorder.start_session("exact-money", parent_session_id="fix-checkout", forked_from_frame=11, tags=["checkout"])
        recorder.share_frames("fix-checkout", 11)
        story = Story(recorder, {**state, "attempt": 2})
        story.step("edit", 29, files={"shop/money.py": "Decimal(text)", "shop/cart.py": "sum(..., Decimal(0))"})
        story.think("With Decimal the sum is exact. The tests can run.", 1430, (1700, 64))
        story.savepoint(3, "exact prices", ["M  shop/money.py", "M  shop/cart.py"])
        story.use("run_tests", {"select": "all"}, {"passed": 214, "failed": 0}, 6120)
        story.step("review", 310, verdict="accept")
        story.step("commit", 44, commit="9f31c02", done=True)
        recorder.save()
        with recorder.fork(13, session_id="try-integers") as other:
            story = Story(other, story.state)
            story.step("edit", 33, files={"shop/money.py": "cents = int(text.replace('.', ''))"})
            story.use("run_tests", {"select": "all"}, {"passed": 212, "failed": 2}, 5840)
            story.fail("review", 290)
            other.save(status="error")


def record_everyday(directory: Path, name: str, frames: int, errors: set[int], chance: random.Random) -> None:
    """Record a run of steps, some of which fail."""
    with VCRRecorder(directory) as recorder:
        recorder.start_session(name)
        story = Story(recorder, {"done": 0, "messages": [{"role": "user", "content": name}]})
        for number in range(frames):
            if number in errors:
                story.fail("check", 120)
            elif chance.random() < 0.2:
                story.use("search", {"q": number}, {"hits": chance.randint(1, 9)}, chance.lognormvariate(5, 1))
            elif number == frames - 4 and frames > 20:
                story.savepoint(9, "reviewed", ["M  report.md"])
            else:
                story.step(chance.choice(["plan", "draft", "check"]), chance.lognormvariate(3, 1), done=number + 1)
        recorder.save(status="error" if errors else "ok")
        if name == "book-a-train":
            with recorder.fork(7, session_id="book-a-later-train") as other:
                story = Story(other, story.state)
                for number in range(14):
                    story.step("draft", chance.lognormvariate(3, 1), done=number)
                other.save()


def record_others(directory: Path) -> None:
    """Record two long evaluations and a few everyday runs."""
    chance = random.Random(11)
    runs: list[tuple[str, int, set[int]]] = [
        ("weekly-eval", 2_860, {1_404}),
        ("tidy-imports", 17, set()),
        ("nightly-eval", 1_240, {311, 902}),
        ("summarise-inbox", 14, set()),
        ("translate-manual", 26, set()),
        ("book-a-train", 19, {7}),
        ("answer-reviews", 31, {18}),
    ]
    for name, frames, errors in runs:
        record_everyday(directory, name, frames, errors, chance)


def record_story(directory: Path) -> None:
    """Record everything; what is recorded last stands first on the map."""
    record_others(directory)
    with VCRRecorder(directory) as recorder:
        story = record_failed_run(recorder)
    record_forks(directory, story.state)


def open_page(browser: Browser, server: RunningServer, place: str, *, theme: str, size: tuple[int, int]) -> Page:
    """Log in, go to a place, and wait until the page shows it."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    code = httpx.post(f"{server.url}/api/login-codes", headers=headers).json()["code"]
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme)  # type: ignore[arg-type]  # one of two words
    page = context.new_page()
    page.goto(f"{server.url}/login?code={code}{place}")
    page.locator(".frame-head").wait_for(timeout=20_000)
    page.locator(".connection.live").wait_for(timeout=20_000)
    return page


def find_chromium(parser: argparse.ArgumentParser) -> str:
    """Return the path of Chromium, or end the program and say how to install it."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        parser.error("chromium is not installed (apt-get install chromium)")
    return program


def parse_size(text: str) -> tuple[int, int]:
    """Return the two numbers of a size such as ``1280x800``."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def main(arguments: list[str]) -> int:
    """Take one picture."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("output", type=Path, help="PNG file to write")
    parser.add_argument("--theme", choices=["dark", "light"], default="dark")
    parser.add_argument("--size", default="1280x800", help="width x height of the page (default: 1280x800)")
    parser.add_argument("--place", default=START, help=f"part of the address behind the page (default: {START})")
    parser.add_argument("--press", default="", help="keys to press first, separated by commas")
    options = parser.parse_args(arguments)
    program, (width, height) = find_chromium(parser), parse_size(options.size)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "vcr"
        record_story(directory)
        server = RunningServer(directory)
        stack.callback(server.close)
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=program, args=FLAGS)
        stack.callback(browser.close)
        page = open_page(browser, server, options.place, theme=options.theme, size=(width, height))
        recorder = stack.enter_context(VCRRecorder(directory))
        recorder.start_session("answer-mail")
        story = Story(recorder, {"messages": []})
        for number in range(9):
            story.step(("fetch", "classify", "draft")[number % 3], 20 + number * 30, done=number)
        page.locator(".chip.live").wait_for(timeout=10_000)
        for key in filter(None, options.press.split(",")):
            page.keyboard.press(key)
            page.wait_for_timeout(80)
        page.wait_for_timeout(300)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=options.output, animations="disabled")
    print(f"{options.output}: {options.output.stat().st_size / 1e3:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
