"""The WebSocket: what is recorded by another process arrives, whole and in order."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from vcr_core.recorder import VCRRecorder
from vcr_server.testing import TOKEN, RunningServer, record_runs

BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[RunningServer, Path]]:
    record_runs(tmp_path / "vcr")
    server = RunningServer(tmp_path / "vcr")
    yield server, tmp_path / "vcr"
    server.close()


def open_socket(server: RunningServer) -> ClientConnection:
    url = server.url.replace("http", "ws") + "/api/live"
    return connect(url, additional_headers=BEARER, compression=None, proxy=None)


def events_until(socket: ClientConnection, done: Any, *, seconds: float = 10) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    end = time.monotonic() + seconds
    while not done(events):
        events += json.loads(socket.recv(timeout=max(0.01, end - time.monotonic())))
    return events


def frames_of(events: list[dict[str, Any]], session: str) -> list[int]:
    found: list[int] = []
    for event in events:
        if event["type"] == "frames" and event["session"] == session:
            found += [row["index"] for row in event["rows"]]
    return found


def test_a_run_arrives_frame_by_frame_and_completely(served: tuple[RunningServer, Path]) -> None:
    server, directory = served
    with open_socket(server) as socket, VCRRecorder(directory) as recorder:
        events_until(socket, lambda events: any(event["type"] == "hello" for event in events))
        recorder.start_session("live")
        events_until(
            socket, lambda events: any(e["type"] == "session" and e["session"]["id"] == "live" for e in events)
        )
        socket.send(json.dumps({"follow": "live", "from": 0}))
        seen: set[int] = set()
        for number in range(40):
            recorder.record_step("n", {"n": number}, {"n": number + 1})
            time.sleep(0.01)
        end = time.monotonic() + 10
        while len(seen) < 40 and time.monotonic() < end:
            seen |= set(frames_of(json.loads(socket.recv(timeout=5)), "live"))
        assert seen == set(range(40))


def test_a_torn_line_is_never_sent(served: tuple[RunningServer, Path]) -> None:
    server, directory = served
    with VCRRecorder(directory) as recorder:
        recorder.start_session("torn")
        recorder.record_step("n", {}, {})
        path = recorder.save()
    whole = path.read_bytes()
    copy = directory / "halves.vcr"
    lines = whole.splitlines(keepends=True)
    copy.write_bytes(lines[0])
    with open_socket(server) as socket:
        socket.send(json.dumps({"follow": "halves", "from": 0}))
        time.sleep(0.3)
        with copy.open("ab", buffering=0) as file:
            file.write(lines[1][:-20])
            time.sleep(0.4)
            before = httpx.get(f"{server.url}/api/sessions/halves/frames", headers=BEARER).json()
            file.write(lines[1][-20:])
        events = events_until(socket, lambda events: frames_of(events, "halves"))
    assert before["frames"] == 0
    assert set(frames_of(events, "halves")) == {0}


def test_a_client_that_comes_back_catches_up_to_identical_frames(served: tuple[RunningServer, Path]) -> None:
    server, directory = served
    with VCRRecorder(directory) as recorder:
        recorder.start_session("away")
        for number in range(700):
            recorder.record_step("n", {"n": number}, {"n": number + 1})
        with open_socket(server) as socket:
            socket.send(json.dumps({"follow": "away", "from": 0}))
            events_until(socket, lambda events: any(e["type"] == "gap" and e.get("session") == "away" for e in events))
        rows: list[dict[str, Any]] = []
        while True:
            url = f"{server.url}/api/sessions/away/frames?from={len(rows)}&limit=300"
            page = httpx.get(url, headers=BEARER).json()
            rows += page["rows"]
            if len(rows) >= page["frames"]:
                break
    assert [row["index"] for row in rows] == list(range(700))


def test_a_session_that_was_recorded_anew_is_gone_and_comes_again(served: tuple[RunningServer, Path]) -> None:
    server, directory = served
    with VCRRecorder(directory / "elsewhere") as recorder:
        recorder.start_session("first")
        for number in range(30):
            recorder.record_step("n", {"n": number}, {"n": number + 1})
        made = recorder.save()
    with open_socket(server) as socket:
        socket.send(json.dumps({"follow": "first", "from": 0}))
        events_until(socket, lambda events: frames_of(events, "first"))
        made.replace(directory / "first.vcr")
        events = events_until(socket, lambda events: any(event["type"] == "gap" for event in events))
    told = [event["type"] for event in events]
    assert told[told.index("gone") :] == ["gone", "session", "gap"]
    assert events[-2]["session"]["frames"] == 30


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"follow": "../x"}', '{"follow": "none"}', '{"follow": 1}', '{"x": 1}']
)
def test_a_wish_that_is_not_understood_is_told_and_ends_nothing(server: RunningServer, text: str) -> None:
    with open_socket(server) as socket:
        socket.send(text)
        events = events_until(socket, lambda events: any(event["type"] == "problem" for event in events))
        assert all(event["detail"] for event in events if event["type"] == "problem")
        socket.send(json.dumps({"follow": "first", "from": 0}))
        more = events_until(socket, lambda events: frames_of(events, "first"))
    assert set(frames_of(more, "first")) == set(range(6))


def test_a_message_that_is_too_large_ends_that_client_only(server: RunningServer) -> None:
    with open_socket(server) as socket:
        socket.send("x" * 100_000)
        with pytest.raises(ConnectionClosed):
            events_until(socket, lambda events: False)
    assert httpx.get(f"{server.url}/api/health", headers=BEARER).status_code == 200
