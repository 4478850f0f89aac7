"""A browser in front of a running server; every console error and every request to elsewhere fails the test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from vcr_server.testing import TOKEN, RunningServer, record_runs

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (nox -s e2e has it)")

# Nothing of the browser's own goes to the network.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests last: Playwright leaves its event loop running, and no other test could start one of its own."""
    items.sort(key=lambda item: HERE in item.path.parents)


AGENT = """
from vcr_core import step

@step
def fill(state):
    return {**state, "water": True}

@step
def boil(state):
    if state["heat"] < 90:
        raise ValueError("too cold for tea")
    return {**state, "tea": True}

def run(state):
    return boil(fill(state))
"""

RECORD = """
import sys, tea_agent
from vcr_core import VCRRecorder
with VCRRecorder(sys.argv[1]) as recorder:
    recorder.start_session("cold")
    try:
        recorder.run(tea_agent.run, {"heat": 20, "cup": "blue"})
    except ValueError:
        pass
"""


class Dashboard:
    """One page of the dashboard, driven by the keyboard."""

    def __init__(self, page: Any, server: RunningServer) -> None:
        self.page = page
        self.server = server

    def open(self, hash_part: str = "") -> None:
        """Log in and wait until the page is ready."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        code = httpx.post(f"{self.server.url}/api/login-codes", headers=headers).json()["code"]
        self.page.goto(f"{self.server.url}/login?code={code}{hash_part}")  # the redirect keeps the part behind the #
        self.wait("performance.getEntriesByName('vcr-ready').length > 0")

    def wait(self, script: str, *, seconds: float = 10) -> None:
        """Wait until a script gives true; the page's own policy forbids Playwright's way of doing it."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            if time.monotonic() > end:
                raise AssertionError(
                    f"{script} did not become true; the page says: {self.page.inner_text('body')[:800]}"
                )
            self.page.wait_for_timeout(30)

    def wait_text(self, selector: str, text: str) -> None:
        """Wait until an element holds a text."""
        self.page.locator(selector, has_text=text).first.wait_for(timeout=10_000)

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(60)

    @property
    def place(self) -> str:
        return str(self.page.evaluate("decodeURIComponent(location.hash)"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[RunningServer]:
    (tmp_path / "tea_agent.py").write_text(AGENT)
    record_runs(tmp_path / "vcr")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", RECORD, str(tmp_path / "vcr")]
    subprocess.run(command, check=True, timeout=60, env=environment)
    server = RunningServer(tmp_path / "vcr", "--agent", "tea=tea_agent:run", cwd=tmp_path)
    yield server
    server.close()


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Dashboard]]:
    contexts: list[Any] = []
    faults: list[str] = []

    def make(server: RunningServer, *, scheme: str = "dark", width: int = 1440, height: int = 900) -> Dashboard:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: faults.append(f"console: {m.text}") if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("request", lambda r: faults.append(f"request: {r.url}") if _is_outside(r.url, server) else None)
        return Dashboard(page, server)

    yield make
    for context in contexts:
        context.close()
    assert faults == []


def _is_outside(url: str, server: RunningServer) -> bool:
    return not url.startswith((server.url, "data:", "blob:", "file:", server.url.replace("http", "ws")))
