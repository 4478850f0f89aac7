"""Print how fast the dashboard is with 1,000 sessions and one of 10,000 frames: ``python page.py``. Needs Chromium."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright
from recordings import make_recordings

from vcr_server.testing import TOKEN, RunningServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
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


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        directory = Path(folder) / "vcr"
        make_recordings(directory)
        flags = [*FLAGS, "--enable-precise-memory-info"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        headers = {"authorization": f"Bearer {TOKEN}"}
        begun = time.perf_counter()
        server = RunningServer(directory)
        code = httpx.post(f"{server.url}/api/login-codes", headers=headers).json()["code"]
        alone = ready(page, f"{server.url}/login?code={code}#long/5000")
        cold = (time.perf_counter() - begun) * 1e3
        print(f"ready, cold: {cold:.0f} ms from the server's first start (the page's own share {alone:.0f} ms)")
        warm = sorted(ready(page, f"{server.url}/?{number}#long/5000") for number in range(5))
        print(f"ready, warm: {warm[2]:.0f} ms (median of {[round(each) for each in warm]})")
        print(f"DOM nodes: {page.evaluate('document.querySelectorAll(`*`).length')}")
        client = context.new_cdp_session(page)
        client.send("HeapProfiler.collectGarbage")
        print(f"heap: {page.evaluate('performance.memory.usedJSHeapSize') / 2**20:.1f} MiB")
        print(f"map scroll p95: {page.evaluate(SCROLL):.1f} ms")
        print(f"DOM nodes after scrolling: {page.evaluate('document.querySelectorAll(`*`).length')}")
        browser.close()
        server.close()


if __name__ == "__main__":
    main()
