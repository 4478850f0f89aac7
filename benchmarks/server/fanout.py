"""Print how live the live view is: ``python fanout.py [SECONDS]``.

A recorder in a process of its own appends 100 frames a second, rows of 1 KB; 100 clients follow, two more never read.
The time is from the frame's own timestamp to the client's hand.
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

import httpx
from websockets.asyncio.client import connect

from vcr_server.testing import TOKEN, RunningServer, record_runs

CLIENTS, RATE = 100, 100
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


async def follow(url: str, frames: int, late: list[float]) -> tuple[set[int], int]:
    """Follow the session to its end; return the frames that came, and the number of gaps."""
    seen: set[int] = set()
    gaps = 0
    async with connect(url, additional_headers=HEADERS, compression=None, proxy=None, max_size=None) as socket:
        await socket.send(json.dumps({"follow": "live", "from": 0}))
        while len(seen) < frames:
            events = json.loads(await asyncio.wait_for(socket.recv(), 15))
            now = time.time()
            for event in events:
                gaps += event["type"] == "gap"
                if event["type"] == "frames":
                    for row in event["rows"]:
                        if row["index"] not in seen:
                            seen.add(row["index"])
                            late.append(
                                now - datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).timestamp()
                            )
    return seen, gaps


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
        deaf = [asyncio.create_task(never_read(url)) for _ in range(2)]
        clients = [asyncio.create_task(follow(url, frames, late)) for _ in range(CLIENTS)]
        await asyncio.sleep(2)
        recorder.stdin.write(b"\n")
        recorder.stdin.flush()
        results = await asyncio.gather(*clients)
        complete = sum(seen == set(range(frames)) for seen, _ in results)
        late.sort()
        at = [late[int(len(late) * share)] * 1e3 for share in (0.5, 0.95, 0.99)]
        print(f"{CLIENTS} clients x {RATE} rows/s x 1 KB for {seconds} s beside 2 that never read:")
        print(f"  {complete} clients got all {frames}; gaps {sum(gaps for _, gaps in results)}")
        print(f"  append to client: p50 {at[0]:.0f} ms, p95 {at[1]:.0f} ms, p99 {at[2]:.0f} ms")
        for task in deaf:
            task.cancel()
        rows: list[dict[str, object]] = []
        async with httpx.AsyncClient(headers=HEADERS) as client:
            while len(rows) < frames:
                page = await client.get(f"{server.url}/api/sessions/live/frames?from={len(rows)}&limit=1000")
                rows += page.json()["rows"]
        same = [row["index"] for row in rows] == list(range(frames))
        print(f"  one that comes back reads {len(rows)} rows over HTTP, all and in order: {same}")
        recorder.wait(10)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
