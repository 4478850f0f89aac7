"""Print how live the live view is: ``python fanout.py [SECONDS]``.

A recorder in a process of its own appends 100 frames a second, rows of 1 KB; 100 clients follow, two more never read,
and one leaves early and comes back at the end. The time is from the frame's own timestamp to the parsed message in the
client's hand; all clients share this one process, so their own work is part of it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from vcr_server.testing import TOKEN, RunningServer, record_runs

CLIENTS, RATE = 100, 100
Row = dict[str, Any]
HEADERS = {"authorization": f"Bearer {TOKEN}"}
RECORD = """
import sys, time
from vcr_core import VCRRecorder
with VCRRecorder(sys.argv[1]) as recorder:
    recorder.start_session("live")
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    for number in range(int(sys.argv[2])):
        recorder.record_step("n", {}, {"n": number}, {"error_message": "x" * 900})
        time.sleep(max(0, begun + (number + 1) / 100 - time.perf_counter()))
    recorder.save()
"""


async def follow(url: str, start: int, end: int, late: list[float]) -> tuple[dict[int, Row], int]:
    """Follow the session from one frame up to another; return the rows that came by index, and the number of gaps."""
    rows: dict[int, Row] = {}
    gaps = 0
    async with connect(url, additional_headers=HEADERS, compression=None, proxy=None, max_size=None) as socket:
        await socket.send(json.dumps({"follow": "live", "from": start}))
        while len(rows) < end - start and not gaps:
            events = json.loads(await asyncio.wait_for(socket.recv(), 15))
            now = time.time()
            for event in events:
                gaps += event["type"] == "gap"
                for row in event["rows"] if event["type"] == "frames" else ():
                    if row["index"] not in rows:
                        rows[row["index"]] = row
                        late.append(now - datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).timestamp())
    return rows, gaps


async def come_back(url: str, server: RunningServer, frames: int, ended: asyncio.Event) -> tuple[dict[int, Row], int]:
    """Follow the first 50 frames, leave, come back when all is recorded; catch up as `gap` says."""
    rows, _ = await follow(url, 0, 50, [])
    await ended.wait()
    more, gaps = await follow(url, len(rows), frames, [])
    rows |= more
    async with httpx.AsyncClient(headers=HEADERS) as client:
        while gaps and len(rows) < frames:
            page = await client.get(f"{server.url}/api/sessions/live/frames?from={len(rows)}&limit=1000")
            rows |= {row["index"]: row for row in page.json()["rows"]}
    return rows, gaps


async def never_read(url: str) -> None:
    """Follow the session and read nothing."""
    async with connect(url, additional_headers=HEADERS, compression=None, proxy=None, max_queue=1) as socket:
        await socket.send(json.dumps({"follow": "live", "from": 0}))
        socket.transport.pause_reading()
        await asyncio.sleep(3600)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def main(seconds: int) -> None:
    """Measure and print."""
    frames = seconds * RATE
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "vcr"
        record_runs(directory)
        for number in range(1_000):
            (directory / f"idle-{number}.vcr").write_bytes((directory / "second.vcr").read_bytes())
        recorder = subprocess.Popen(
            [sys.executable, "-c", RECORD, str(directory), str(frames)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert recorder.stdin is not None
        assert recorder.stdout is not None
        recorder.stdout.readline()
        server = RunningServer(directory)
        url = server.url.replace("http", "ws") + "/api/live"
        time.sleep(1.5)
        before = cpu_seconds(server.process.pid)
        time.sleep(10)
        print(f"idle with 1,003 sessions: {(cpu_seconds(server.process.pid) - before) * 10:.1f} % CPU")
        late: list[float] = []
        ended = asyncio.Event()
        deaf = [asyncio.create_task(never_read(url)) for _ in range(2)]
        clients = [asyncio.create_task(follow(url, 0, frames, late)) for _ in range(CLIENTS)]
        returning = asyncio.create_task(come_back(url, server, frames, ended))
        await asyncio.sleep(2)
        before, own = cpu_seconds(server.process.pid), time.process_time()
        recorder.stdin.write(b"\n")
        recorder.stdin.flush()
        results = await asyncio.gather(*clients)
        spent = cpu_seconds(server.process.pid) - before, time.process_time() - own
        complete = sum(set(rows) == set(range(frames)) for rows, _ in results)
        late.sort()
        at = [late[int(len(late) * share)] * 1e3 for share in (0.5, 0.95, 0.99)]
        print(f"{CLIENTS} clients x {RATE} rows/s x 1 KB for {seconds} s beside 2 that never read:")
        print(f"  {complete} clients got all {frames}; gaps {sum(gaps for _, gaps in results)}")
        print(f"  append to client: p50 {at[0]:.0f} ms, p95 {at[1]:.0f} ms, p99 {at[2]:.0f} ms")
        each = spent[0] / (CLIENTS * frames) * 1e6
        print(f"  processor: server {spent[0]:.1f} s ({each:.0f} us a delivered row), clients {spent[1]:.1f} s")
        ended.set()
        rows, gaps = await returning
        print(f"  one that left after 50 frames and came back: gaps {gaps}, identical rows {rows == results[0][0]}")
        for task in deaf:
            task.cancel()
        recorder.wait(10)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
