"""Where sessions stand on the map: the dashboard's own module, run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import vcr_server

DASHBOARD = Path(vcr_server.__file__).parent / "dashboard"
pytestmark = [
    pytest.mark.skipif(not DASHBOARD.is_dir(), reason="the dashboard's sources are not in the wheel"),
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed; the browser tests draw the map"),
]
SCRIPT = """
const [sessions, folder] = process.argv.slice(1);
const { layout, lanesOf } = await import(`${folder}/layout.js`);
const rows = layout(JSON.parse(sessions)).rows.map((row) => ({ id: row.id, y: row.y, x0: row.x0, lanes: row.lanes,
  groups: lanesOf(row).groups.map((g) => ({ ...g, lanes: [...g.lanes] })) }));
console.log(JSON.stringify(rows));
"""


def lay_out(*sessions: dict[str, Any]) -> dict[str, dict[str, Any]]:
    command = ["node", "--input-type=module", "-e", SCRIPT, json.dumps(sessions), str(DASHBOARD)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {row["id"]: row for row in json.loads(answer.stdout)}


def session(name: str, frames: int, lanes: list[list[int]], **more: Any) -> dict[str, Any]:
    return {"id": name, "created": name, "frames": frames, "lanes": lanes, **more}


def test_branches_leave_the_main_lane_together_and_come_back_together() -> None:
    row = lay_out(session("a", 9, [[0, 3], [1, 1], [2, 2], [1, 1], [0, 1], [3, 1]]))["a"]
    assert row["lanes"] == 4
    assert row["groups"] == [
        {"x1": 2, "x2": 7, "open": False, "lanes": [1, 2]},
        {"x1": 7, "x2": 8, "open": True, "lanes": [3]},
    ]


def test_a_fork_takes_no_room_for_the_lanes_of_its_parent() -> None:
    lanes = [[0, 2], [1, 2], [2, 1], [0, 4]]
    rows = lay_out(session("a", 9, lanes), session("b", 9, lanes, parent="a", cut=6))
    assert rows["a"]["lanes"] == 3
    assert rows["b"]["lanes"] == 1
    assert rows["b"]["groups"] == []
    assert rows["b"]["x0"] == 6


def test_branches_inside_a_run_of_quiet_frames_are_not_drawn() -> None:
    lanes = [[0, 3], *([[1, 1], [2, 1], [0, 1]] * 40)]
    assert len(lay_out(session("a", 123, lanes))["a"]["groups"]) < 5
