"""The small fields of all frames of a session, by column: what the tape and the totals of a range need.

10,000 frames are about 100 KB of JSON. Latencies are rounded to three digits; the exact row of a frame is served with
the frame.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from vcr_core.frames import FrameRow
from vcr_core.player import VCRPlayer
from vcr_server.digest import MAIN, lane_path

_KEPT = 16


class SessionColumns:
    """The columns of one session; they grow with it.

    ``steps`` names each distinct ``[name, kind]`` or ``[name, kind, label]`` once and ``step`` refers to it. Columns
    that most frames lack are sparse: ``at`` holds the distance from the frame before, ``of`` the value.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._steps: dict[tuple[str, ...], int] = {}
        self._lanes: dict[str, int] = {MAIN: 0}
        self._step: list[int] = []
        self._latency: list[float | int] = []
        self._lane: list[list[int]] = []
        self._sparse: dict[str, _Sparse] = {}

    def add(self, rows: Sequence[FrameRow]) -> None:
        """Take more rows in."""
        for row in rows:
            index = self.frames
            step = (row.node_name, row.kind, row.label) if row.label else (row.node_name, row.kind)
            self._step.append(self._steps.setdefault(step, len(self._steps)))
            self._latency.append(round_latency(row.latency_ms))
            lane = self._lanes.setdefault(lane_path(row), len(self._lanes))
            if self._lane and self._lane[-1][0] == lane:
                self._lane[-1][1] += 1
            else:
                self._lane.append([lane, 1])
            self._put("status", index, row.status, "ok")
            self._put("origin", index, row.origin, "live")
            self._put("tokens", index, row.tokens, None)
            self._put("cost", index, row.cost_usd, None)
            self._put("inside", index, 1 if row.parent else 0, 0)
            self.frames += 1

    def _put(self, column: str, index: int, value: Any, usual: Any) -> None:
        if value != usual:
            self._sparse.setdefault(column, _Sparse()).put(index, value)

    def encode(self) -> bytes:
        """Return the columns as JSON."""
        document: dict[str, Any] = {
            "frames": self.frames,
            "steps": list(self._steps),
            "step": self._step,
            "latency": self._latency,
        }
        if len(self._lanes) > 1:
            document |= {"lanes": list(self._lanes), "lane": self._lane}
        document |= {name: {"at": sparse.at, "of": sparse.of} for name, sparse in self._sparse.items()}
        return msgspec.json.encode(document)


class _Sparse:
    """One sparse column."""

    def __init__(self) -> None:
        self.at: list[int] = []
        self.of: list[Any] = []
        self._last = 0

    def put(self, index: int, value: Any) -> None:
        self.at.append(index - self._last)
        self.of.append(value)
        self._last = index


def round_latency(milliseconds: float) -> float | int:
    """Round to three significant digits, at most three of them behind the point."""
    if milliseconds >= 100:
        return round(milliseconds)
    return round(milliseconds, 1 if milliseconds >= 10 else 2 if milliseconds >= 1 else 3)


class ColumnCache:
    """The columns of the sessions that were asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[VCRPlayer, SessionColumns]] = OrderedDict()
        self._lock = threading.Lock()

    def encode(self, name: str, player: VCRPlayer) -> tuple[bytes, int]:
        """Return the columns of a session as JSON, and how many frames they cover."""
        with self._lock:
            kept = self._kept.pop(name, None)
            columns = kept[1] if kept is not None and kept[0] is player else SessionColumns()
            if columns.frames > len(player):
                columns = SessionColumns()
            columns.add(player.rows[columns.frames : len(player)])
            self._kept[name] = (player, columns)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return columns.encode(), columns.frames
