"""What the API tells about recordings."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from vcr_core.frames import FrameRow, SessionInfo
from vcr_core.player import VCRPlayer
from vcr_core.recorder import VCRRecorder
from vcr_server.digest import add_rows, begin_digest
from vcr_server.service import Service

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_list_is_searched_filtered_sorted_and_paged(client: httpx.AsyncClient) -> None:
    whole = (await client.get("/api/sessions", params={"sort": "name"})).json()
    assert [item["id"] for item in whole["items"]] == ["first", "long", "second"]
    assert (await client.get("/api/sessions", params={"q": "CRITIC"})).json()["items"][0]["id"] == "first"
    assert (await client.get("/api/sessions", params={"tag": "nightly"})).json()["total"] == 1
    assert (await client.get("/api/sessions", params={"errors": "true"})).json()["total"] == 1
    page = (await client.get("/api/sessions", params={"sort": "frames", "limit": 1, "offset": 1})).json()
    assert page["total"] == 3
    assert [item["id"] for item in page["items"]] == ["first"]


async def test_the_map_counts_what_a_fork_shares_at_its_parent(client: httpx.AsyncClient) -> None:
    sessions = {item["id"]: item for item in (await client.get("/api/map")).json()["sessions"]}
    assert sessions["second"]["parent"] == "first"
    assert sessions["second"]["cut"] == 2
    assert sessions["second"]["frames"] == 3
    assert sessions["first"]["errors"] == [5]
    assert sessions["first"]["cost"] == 0.01
    assert sessions["first"]["tokens"] == 15
    assert sessions["first"]["status"] == "ok"


async def test_a_frame_is_served_as_it_stands_in_the_file(client: httpx.AsyncClient, recordings: Path) -> None:
    answer = await client.get("/api/sessions/first/frames/2")
    assert answer.content == VCRPlayer.load(recordings / "first.vcr").raw_line(2)
    again = await client.get("/api/sessions/first/frames/2", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_states_equal_those_of_the_player(client: httpx.AsyncClient, recordings: Path) -> None:
    for name in ("first", "second"):
        player = VCRPlayer.load(recordings / f"{name}.vcr")
        for index in range(len(player)):
            state = await client.get(f"/api/sessions/{name}/frames/{index}/state")
            before = await client.get(f"/api/sessions/{name}/frames/{index}/input")
            assert state.json() == player.wire_state(index)
            assert before.json() == player.wire_state(index, "input")
        player.close()


async def test_long_texts_come_back_from_their_blobs(client: httpx.AsyncClient, recordings: Path) -> None:
    with VCRRecorder(recordings) as recorder:
        recorder.start_session("blobs")
        recorder.record_step("n", {}, {"text": "x" * 40_000, "plain": 1})
        recorder.save()
    assert (await client.get("/api/sessions/blobs/frames/0/state")).json() == {"text": "x" * 40_000, "plain": 1}


async def test_columns_unpack_to_the_rows(client: httpx.AsyncClient, recordings: Path) -> None:
    columns = (await client.get("/api/sessions/first/columns")).json()
    rows = VCRPlayer.load(recordings / "first.vcr").rows
    assert [columns["steps"][number][:2] for number in columns["step"]] == [[row.node_name, row.kind] for row in rows]
    assert columns["status"] == {"at": [5], "of": ["error"]}
    assert columns["latency"][:4] == [10.0, 11.0, 12.0, 13.0]


async def test_two_frames_of_two_sessions_are_compared(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/diff", params={"a": "first/3", "b": "second/2"})
    ops = answer.json()["ops"]
    assert {"op": "replace", "path": "/step", "old": 4, "new": 99} in ops


async def test_blame_names_the_frames_that_changed_a_value(client: httpx.AsyncClient) -> None:
    rows = (await client.get("/api/sessions/first/blame", params={"pointer": "/step"})).json()["rows"]
    assert [row["index"] for row in rows] == [3, 2, 1, 0]


async def test_statistics_add_up(client: httpx.AsyncClient) -> None:
    stats = (await client.get("/api/stats")).json()
    assert stats["sessions"] == 3
    assert stats["frames"] == 6 + 3 + 60
    nodes = (await client.get("/api/sessions/long/stats")).json()["nodes"]
    assert nodes[0]["node"] == "loop"
    assert nodes[0]["frames"] == 60


async def test_one_damaged_session_keeps_no_other_from_being_shown(
    client: httpx.AsyncClient, service: Service, recordings: Path
) -> None:
    (recordings / "broken.vcr").write_bytes(b"\x00\xff not a recording\n")
    (recordings / "empty.vcr").write_bytes(b"")
    service.catalog.refresh()
    sessions = {item["id"]: item for item in (await client.get("/api/map")).json()["sessions"]}
    assert sessions["broken"]["problem"]
    assert sessions["first"]["frames"] == 6
    answer = await client.get("/api/sessions/broken/frames/0")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/sessions/none", 404),
        ("/api/sessions/first/frames/6", 404),
        ("/api/sessions/first/frames/-1", 400),
        ("/api/sessions/first/frames/1_0", 400),
        ("/api/sessions/first/frames/%D9%A3", 400),
        ("/api/sessions/first/frames/99999999999999999999999", 400),
        ("/api/sessions/first/frames?from=x", 400),
        ("/api/sessions/first/frames?limit=0", 400),
        ("/api/sessions/first/blame?pointer=step", 400),
        ("/api/diff?a=first&b=second/1", 400),
        ("/api/sessions?sort=size", 400),
        ("/api/sessions/con/columns", 400),
        ("/api/sessions/a%00b", 400),
        ("/api/sessions/first%0A", 400),
        ("/api/sessions/.index", 400),
        ("/api/nothing", 404),
    ],
)
async def test_what_is_not_understood_is_a_problem_document(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    problem = answer.json()
    assert problem["status"] == status
    assert problem["detail"]


async def test_a_session_that_grew_is_read_on_and_not_anew(service: Service, recordings: Path) -> None:
    with VCRRecorder(recordings) as recorder:
        recorder.start_session("growing")
        for number in range(50):
            recorder.record_step("n", {"n": number}, {"n": number + 1})
        service.catalog.refresh()
        before = service.catalog.get("growing")
        recorder.record_step("n", {}, {})
        assert service.catalog.refresh_one("growing") is True
        after = service.catalog.get("growing")
    assert before is not None
    assert after is not None
    assert (before.frames, after.frames) == (50, 51)


def record_over(path: Path, name: str, *, frames: int) -> None:
    """Put another recording of its name in the place of a file, which stays the same file."""
    with VCRRecorder(path.parent / "elsewhere") as recorder:
        recorder.start_session(path.stem)
        for number in range(frames):
            recorder.record_step(name, {"n": number}, {"who": name})
        made = recorder.save()
    path.write_bytes(made.read_bytes())


async def test_a_recording_in_the_place_of_another_is_read_anew(
    client: httpx.AsyncClient, service: Service, recordings: Path
) -> None:
    inode = (recordings / "first.vcr").stat().st_ino
    assert (await client.get("/api/sessions/first/frames/0/state")).json()["goal"] == "tea"
    record_over(recordings / "first.vcr", "other", frames=90)
    assert (recordings / "first.vcr").stat().st_ino == inode
    service.catalog.refresh()
    digest = service.catalog.get("first")
    assert digest is not None
    assert (digest.frames, digest.errors, digest.nodes, digest.tags) == (90, [], ["other"], [])
    assert (await client.get("/api/sessions/first/frames/0/state")).json() == {"who": "other"}
    columns = (await client.get("/api/sessions/first/columns")).json()
    assert (columns["frames"], columns["steps"]) == (90, [["other", "node"]])


async def test_a_recording_that_was_replaced_between_two_starts_is_read_anew(
    service: Service, recordings: Path
) -> None:
    service.catalog.save()
    record_over(recordings / "first.vcr", "other", frames=90)
    again = Service(recordings, service.access)
    again.catalog.refresh()
    digest = again.catalog.get("first")
    assert digest is not None
    assert (digest.frames, digest.errors, digest.nodes) == (90, [], ["other"])


async def test_the_catalog_is_kept_between_two_starts(service: Service, recordings: Path) -> None:
    service.catalog.save()
    again = Service(recordings, service.access)
    assert {digest.name for digest in again.catalog.digests()} == {"first", "second", "long"}
    assert again.catalog.refresh() == ([], [])


async def test_lanes_come_from_the_branches_of_the_keys() -> None:
    digest = begin_digest("x", SessionInfo("x"))
    keys = ["0:a#0", "0/0:tool:b#0", "0/1:b#0", "0/0:outer#1:inner#0", "0:a#0/1:b#2", None]
    add_rows(digest, [FrameRow(index, "n", key=key) for index, key in enumerate(keys)])
    assert digest.lane_names == ["0", "0/0", "0/1"]
    assert digest.lanes == [[0, 1], [1, 1], [2, 1], [1, 1], [2, 1], [0, 1]]
