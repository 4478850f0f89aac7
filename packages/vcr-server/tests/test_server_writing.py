"""Forks, runs and notes from the browser."""

from __future__ import annotations

import asyncio
import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from vcr_core.player import VCRPlayer
from vcr_core.recorder import VCRRecorder
from vcr_server.service import Service

pytestmark = pytest.mark.anyio
WHEN = datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)

AGENT = """
import time
from vcr_core import step

@step
def fill(state):
    return {**state, "water": True}

@step
def boil(state):
    if state.get("slow"):
        time.sleep(60)
    if state.get("heat", 0) < 90:
        raise ValueError("too cold")
    return {**state, "tea": True}

def run(state):
    print("making tea")
    return boil(fill(state))
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


RECORD = """
import sys, tea_agent
from vcr_core import VCRRecorder
with VCRRecorder(sys.argv[1]) as recorder:
    recorder.start_session("cold")
    try:
        recorder.run(tea_agent.run, {"heat": 20})
    except ValueError:
        pass
"""


@pytest.fixture
def failed_run(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run of an agent, recorded in a process of its own, that failed at its second step."""
    (tmp_path / "tea_agent.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    subprocess.run([sys.executable, "-c", RECORD, str(recordings)], check=True, timeout=60)
    return "cold"


async def wait_for_job(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    for _ in range(300):
        job: dict[str, Any] = (await client.get(f"/api/jobs/{number}")).json()
        if job["status"] != "running":
            return job
        await asyncio.sleep(0.05)
    raise AssertionError("the job did not end")


async def test_an_edited_run_goes_on_to_its_end(client: httpx.AsyncClient, failed_run: str, recordings: Path) -> None:
    rows = VCRPlayer.load_by_id(failed_run, recordings).rows
    boil = next(row.index for row in rows if row.node_name == "boil")
    changes = [{"op": "replace", "path": "/heat", "value": 95}]
    order = {"agent": "tea", "from_frame": boil, "state_overrides": changes, "new_session_id": "hot"}
    answer = await client.post(f"/api/sessions/{failed_run}/resume", json=order)
    assert answer.status_code == 202
    job = await wait_for_job(client, answer.json()["id"])
    assert job["status"] == "done", job
    assert "making tea" in job["log"]
    player = VCRPlayer.load_by_id(job["new_session"], recordings)
    assert player.session.parent_session_id == failed_run
    assert any(isinstance(player.state(row.index), dict) and player.state(row.index).get("tea") for row in player.rows)


async def test_a_run_goes_on_from_the_take_that_is_named(
    client: httpx.AsyncClient, failed_run: str, recordings: Path, tmp_path: Path
) -> None:
    later = RECORD.replace('"heat": 20', '"heat": 30')
    subprocess.run([sys.executable, "-c", later, str(recordings)], check=True, timeout=60)
    assert (recordings / f"{failed_run}~2.vcr").is_file()
    order = {"agent": "tea", "from_frame": 1, "new_session_id": "again"}
    answer = await client.post(f"/api/sessions/{failed_run}/resume", json=order)
    await wait_for_job(client, answer.json()["id"])
    player = VCRPlayer.load_by_id("again", recordings)
    assert player.session.parent_session_id == failed_run
    assert player.state(0, "input")["heat"] == 20


async def test_a_run_into_a_name_that_is_taken_tells_the_name_it_made(
    client: httpx.AsyncClient, failed_run: str, recordings: Path
) -> None:
    before = (recordings / "first.vcr").read_bytes()
    order = {"agent": "tea", "from_frame": 1, "new_session_id": "first"}
    answer = (await client.post(f"/api/sessions/{failed_run}/resume", json=order)).json()
    assert answer["begun"] is False
    job = await wait_for_job(client, answer["id"])
    assert (job["begun"], job["new_session"]) == (True, "first~2")
    assert VCRPlayer.load(recordings / "first~2.vcr").session.parent_session_id == failed_run
    assert (recordings / "first.vcr").read_bytes() == before


async def test_a_run_restores_the_typed_values_of_an_edited_output(
    client: httpx.AsyncClient, failed_run: str, recordings: Path
) -> None:
    output = {"heat": 95, "when": {"$vcr": "datetime", "v": "2024-01-02T00:00:00+00:00"}}
    order = {"agent": "tea", "from_frame": 1, "output_overrides": {"0": output}, "new_session_id": "warm"}
    job = await wait_for_job(client, (await client.post(f"/api/sessions/{failed_run}/resume", json=order)).json()["id"])
    assert job["status"] == "done", job
    assert VCRPlayer.load_by_id("warm", recordings).state(1) == {"heat": 95, "when": WHEN, "tea": True}


async def test_a_run_that_begins_no_session_names_none(client: httpx.AsyncClient, recordings: Path) -> None:
    order = {"agent": "tea", "new_session_id": "first"}
    job = await wait_for_job(client, (await client.post("/api/sessions/second/resume", json=order)).json()["id"])
    assert "cannot be imported" in job["error"]
    assert (job["status"], job["begun"], job["frames"]) == ("failed", False, 0)


async def test_a_run_that_fails_says_why(client: httpx.AsyncClient, failed_run: str) -> None:
    answer = await client.post(f"/api/sessions/{failed_run}/resume", json={"agent": "tea"})
    job = await wait_for_job(client, answer.json()["id"])
    assert job["status"] == "failed"
    assert "too cold" in job["error"]


async def test_a_run_can_be_cancelled(client: httpx.AsyncClient, failed_run: str, recordings: Path) -> None:
    rows = VCRPlayer.load_by_id(failed_run, recordings).rows
    boil = next(row.index for row in rows if row.node_name == "boil")
    order = {"agent": "tea", "from_frame": boil, "state_overrides": {"slow": True}}
    number = (await client.post(f"/api/sessions/{failed_run}/resume", json=order)).json()["id"]
    await asyncio.sleep(0.5)
    assert (await client.delete(f"/api/jobs/{number}")).json()["status"] == "cancelled"
    assert (await client.delete(f"/api/jobs/{number}")).json()["status"] == "cancelled"


async def test_only_named_agents_run(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/sessions/first/resume", json={"agent": "os:system"})
    assert answer.status_code == 404
    assert "tea" in answer.json()["detail"]


async def test_a_fork_shares_the_frames_and_holds_the_edit(client: httpx.AsyncClient, recordings: Path) -> None:
    before = (recordings / "first.vcr").read_bytes()
    changes = [{"op": "replace", "path": "/step", "value": 7}]
    order = {"from_frame": 2, "state_overrides": changes, "new_session_id": "edited"}
    answer = await client.post("/api/sessions/first/fork", json=order)
    assert answer.status_code == 201
    player = VCRPlayer.load_by_id(answer.json()["session"], recordings)
    assert len(player) == 3
    assert player.state(1) == VCRPlayer.load_by_id("first", recordings).state(1)
    assert player.state(2)["step"] == 7
    assert (recordings / "first.vcr").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"path": "/pair/v/0", "value": 9}, {"pair": (9, 2)}),
        ({"path": "/when/v", "value": "2030-01-02T00:00:00+00:00"}, {"when": WHEN.replace(year=2030)}),
        (
            {"path": "/box", "value": {"when": {"$vcr": "datetime", "v": "2024-01-02T00:00:00+00:00"}, "k": 2}},
            {"box": {"when": WHEN, "k": 2}},
        ),
    ],
)
async def test_a_fork_restores_the_typed_values_of_a_patch(
    client: httpx.AsyncClient, recordings: Path, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    state = {"when": WHEN, "pair": (1, 2), "box": {"when": WHEN, "k": 1}}
    with VCRRecorder(recordings) as recorder:
        recorder.start_session("typed")
        recorder.record_step("n", state, state)
    order = {"from_frame": 1, "state_overrides": [{"op": "replace", **change}], "new_session_id": "forked"}
    answer = await client.post("/api/sessions/typed/fork", json=order)
    assert answer.status_code == 201, answer.text
    assert VCRPlayer.load_by_id("forked", recordings).state(1) == {**state, **expected}


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"from_frame": 99}, 404),
        ({"from_frame": -1}, 404),
        ({"from_frame": "2"}, 400),
        ({"from_frame": 1, "typo": 1}, 400),
        ({"from_frame": 1, "new_session_id": "../x"}, 400),
        ({"from_frame": 1, "state_overrides": [{"op": "replace", "path": "/nope/deep", "value": 1}]}, 422),
        ({"from_frame": 1, "state_overrides": [{"op": "fly", "path": "/step"}]}, 422),
    ],
)
async def test_a_fork_that_cannot_be_is_refused(client: httpx.AsyncClient, order: dict[str, Any], status: int) -> None:
    answer = await client.post("/api/sessions/first/fork", json=order)
    assert answer.status_code == status


async def test_notes_stand_beside_the_recording(client: httpx.AsyncClient, service: Service, recordings: Path) -> None:
    before = (recordings / "first.vcr").read_bytes()
    await client.post("/api/sessions/first/notes", json={"frame": 5, "text": "why?", "bookmark": True})
    await client.post("/api/sessions/first/notes", json={"frame": 2, "bookmark": True})
    with (recordings / "notes" / "first.jsonl").open("ab") as file:
        file.write(b'{"frame": 3, "te')
    await client.post("/api/sessions/first/notes", json={"frame": 2})
    notes = (await client.get("/api/sessions/first/notes")).json()["notes"]
    assert [(note["frame"], note["text"]) for note in notes] == [(5, "why?")]
    assert (recordings / "first.vcr").read_bytes() == before


async def test_bodies_must_be_json_and_small(client: httpx.AsyncClient) -> None:
    url = "/api/sessions/first/notes"
    assert (await client.post(url, content=b"frame=1", headers={"content-type": "text/plain"})).status_code == 415
    assert (await client.post(url, content=b"{", headers={"content-type": "application/json"})).status_code == 400
    big = b'{"frame": 1, "text": "' + b"x" * 70_000 + b'"}'
    assert (await client.post(url, content=big, headers={"content-type": "application/json"})).status_code == 413


async def test_the_export_holds_everything(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/sessions/second/export")
    assert answer.headers["content-type"].startswith("text/html")
    assert 'filename="second.html"' in answer.headers["content-disposition"]
    page = answer.text
    assert 'id="vcr-data"' in page
    assert "http-equiv" in page
    for outside in ('src="http', 'href="http', "url(http"):
        assert outside not in page
    raw = await client.get("/api/sessions/second/export", params={"format": "vcr"})
    assert raw.content.startswith(b'{"type":"session"')
