"""Print what reading costs: one frame of 10,000, an appended frame, the columns. ``python reading.py``."""

from __future__ import annotations

import http.client
import random
import statistics
import tempfile
import time
from pathlib import Path

from recordings import make_recordings, record

from vcr_core.recorder import VCRRecorder
from vcr_server.catalog import Catalog
from vcr_server.player_pool import PlayerPool
from vcr_server.testing import TOKEN, RunningServer

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def read_chars() -> int:
    """Return how many bytes this process has asked the system for."""
    return int(Path("/proc/self/io").read_text().split()[1])


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "vcr"
        make_recordings(directory, sessions=20)
        server = RunningServer(directory)
        connection = http.client.HTTPConnection("127.0.0.1", server.port)

        def get(path: str, **headers: str) -> bytes:
            connection.request("GET", path, headers={**HEADERS, **headers})
            return connection.getresponse().read()

        for kind in ("", "/state", "/input"):
            took = []
            for _ in range(300):
                begun = time.perf_counter()
                get(f"/api/sessions/long/frames/{random.randrange(10_000)}{kind}")
                took.append((time.perf_counter() - begun) * 1e3)
            print(f"one frame of 10,000{kind}: p50 {statistics.median(took):.2f} ms, p99 {sorted(took)[296]:.2f} ms")
        plain = len(get("/api/sessions/long/columns"))
        packed = len(get("/api/sessions/long/columns", **{"Accept-Encoding": "gzip"}))
        print(f"columns of 10,000 frames: {plain / 1e3:.0f} KB plain, {packed / 1e3:.0f} KB as sent to a browser")
        connection.close()
        server.close()

        pool = PlayerPool(directory)
        catalog = Catalog(directory, pool)
        catalog.refresh()
        with VCRRecorder(directory) as recorder:
            recorder.attach("long")
            costs = []
            for _ in range(20):
                record(recorder, 1, random.Random(1))
                before = read_chars()
                catalog.refresh_one("long")
                with pool.use("long") as player:
                    player.wire_state(len(player) - 1)
                costs.append(read_chars() - before)
            opening, later = costs[0], costs[1:]
            print(f"appending one frame reads {max(later) / 1024:.1f} KiB at most")
            print(f"  (opening the file for the first time: {opening / 1024:.0f} KiB)")
        pool.close()


if __name__ == "__main__":
    main()
