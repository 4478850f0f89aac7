"""Print how fast the dashboard is with 1,000 sessions and one of 10,000 frames: ``python page.py``. Needs Chromium.

Cold: no index of the server beside the recordings, a new server process, a new browser context; the time is from
starting the server to the page showing frame 5,000 of the long session. Warm: the same page again.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright
from recordings import make_recordings

from vcr_server.testing import TOKEN, RunningServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
COLD_STARTS = 3
SCROLL = """async () => {
  const box = document.querySelector('.scroll'), took = [];
  let last = performance.now();
  for (let n = 0; n < 150; n++) {
    box.scrollTop += 70;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    took.push(now - last);
    last = now;
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.95)];
}"""


def ready(page: Page, url: str) -> float:
    """Open a page and return the milliseconds until it shows its first frame."""
    page.goto(url)
    for _ in range(400):
        marks = page.evaluate("performance.getEntriesByName('vcr-ready').map(m => m.startTime)")
        if marks:
            return float(marks[0])
        page.wait_for_timeout(20)
    raise AssertionError("the page did not become ready")


def open_cold(browser: Browser, directory: Path) -> tuple[Page, RunningServer, float, float]:
    """Start a server that knows nothing yet and open its page; return both, and the milliseconds: all, the page's."""
    shutil.rmtree(directory / ".index", ignore_errors=True)
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    begun = time.perf_counter()
    server = RunningServer(directory)
    headers = {"authorization": f"Bearer {TOKEN}"}
    code = httpx.post(f"{server.url}/api/login-codes", headers=headers).json()["code"]
    alone = ready(page, f"{server.url}/login?code={code}#long/5000")
    return page, server, (time.perf_counter() - begun) * 1e3, alone


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        directory = Path(folder) / "vcr"
        make_recordings(directory)
        flags = [*FLAGS, "--enable-precise-memory-info"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        cold: list[tuple[float, float]] = []
        for _ in range(COLD_STARTS - 1):
            page, server, *took = open_cold(browser, directory)
            cold.append((took[0], took[1]))
            page.context.close()
            server.close()
        page, server, *took = open_cold(browser, directory)
        cold = sorted([*cold, (took[0], took[1])])
        middle = cold[len(cold) // 2]
        print(
            f"ready, cold: {middle[0]:.0f} ms from starting the server (median of {[round(each) for each, _ in cold]})"
        )
        print(f"  the page's own share: {middle[1]:.0f} ms")
        warm = sorted(ready(page, f"{server.url}/?{number}#long/5000") for number in range(5))
        print(f"ready, warm: {warm[2]:.0f} ms (median of {[round(each) for each in warm]})")
        print(f"DOM nodes: {page.evaluate('document.querySelectorAll(`*`).length')}")
        client = page.context.new_cdp_session(page)
        client.send("HeapProfiler.collectGarbage")
        print(f"heap: {page.evaluate('performance.memory.usedJSHeapSize') / 2**20:.1f} MiB")
        print(f"map scroll p95: {page.evaluate(SCROLL):.1f} ms a frame")
        print(f"DOM nodes after scrolling: {page.evaluate('document.querySelectorAll(`*`).length')}")
        browser.close()
        server.close()


if __name__ == "__main__":
    main()
