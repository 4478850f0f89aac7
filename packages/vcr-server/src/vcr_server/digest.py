"""What the map and the lists need to know about one session, taken from its rows; it grows with the recording.

No state is read for it. Where the digests are kept and refreshed is `vcr_server.catalog`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from vcr_core.frames import FrameRow, SessionInfo
from vcr_core.player import VCRPlayer

MAX_NODES = 64
MAIN = "0"
_STEPS = re.compile(r":[^#]*#[0-9]+")


class SessionDigest(msgspec.Struct, omit_defaults=True):
    """One session as the map shows it.

    Attributes:
        name: File name without suffix: the id, with ``~2`` for a second take.
        mark: Inode, mtime in ns and size of the file as it was read.
        session_id: The id.
        created: When it began, ISO 8601.
        take: Number of the take.
        parent: Session that it was forked from, as recorded.
        cut: Number of frames shared with the parent.
        tags: The recording's tags.
        agent: ``module:function`` of the agent, where known.
        frames: Number of frames, shared ones included.
        errors: Indexes of the frames that failed; those shared with the parent are counted there.
        checkpoints: Indexes of named frames.
        odd: Indexes of frames with another status than ok and error.
        nodes: Distinct names of steps, the first 64.
        lanes: Branch of each frame as runs ``[lane, count]``; empty when all are on one.
        lane_names: Branch paths by lane.
        latency_ms: Sum over its own frames that are not inside another one.
        tokens: Sum of the known tokens of its own frames.
        cost_usd: Sum of the known costs of its own frames, None if none is known.
        status: ``ok`` or ``error`` as the end line says; None while there is none.
        problem: Why the file cannot be read.
        torn: True if it ends in a torn line.
    """

    name: str
    mark: tuple[int, int, int] = (0, 0, 0)
    session_id: str = ""
    created: str = ""
    take: int = 1
    parent: str | None = None
    cut: int = 0
    tags: list[str] = []
    agent: str | None = None
    frames: int = 0
    errors: list[int] = []
    checkpoints: list[int] = []
    odd: list[int] = []
    nodes: list[str] = []
    lanes: list[list[int]] = []
    lane_names: list[str] = []
    latency_ms: float = 0.0
    tokens: int = 0
    cost_usd: float | None = None
    status: str | None = None
    problem: str | None = None
    torn: bool = False


def lane_path(row: FrameRow) -> str:
    """Return the branch that a step ran on: its key without the names of steps; ``0`` is the main one."""
    return (_STEPS.sub("", row.key) if row.key else MAIN) or MAIN


def begin_digest(name: str, info: SessionInfo) -> SessionDigest:
    """Return the digest of a session without frames."""
    return SessionDigest(
        name,
        lane_names=[MAIN],
        session_id=info.session_id,
        created=info.created_at,
        take=info.take,
        parent=info.parent_session_id,
        cut=info.forked_from_frame or 0,
        tags=list(info.tags),
        agent=info.agent,
    )


def add_rows(digest: SessionDigest, rows: Sequence[FrameRow]) -> None:
    """Take more rows into a digest."""
    lane_of = {path: lane for lane, path in enumerate(digest.lane_names)}
    nodes = dict.fromkeys(digest.nodes)
    for row in rows:
        own = row.index >= digest.cut
        if row.status == "error" and own:
            digest.errors.append(row.index)
        elif row.status not in ("ok", "error"):
            digest.odd.append(row.index)
        if row.kind == "checkpoint":
            digest.checkpoints.append(row.index)
        if len(nodes) < MAX_NODES:
            nodes[row.node_name] = None
        lane = lane_of.setdefault(lane_path(row), len(lane_of))
        if digest.lanes and digest.lanes[-1][0] == lane:
            digest.lanes[-1][1] += 1
        else:
            digest.lanes.append([lane, 1])
        if not own:
            continue
        digest.latency_ms += row.latency_ms if row.parent is None else 0.0
        digest.tokens += row.tokens or 0
        if row.cost_usd is not None:
            digest.cost_usd = (digest.cost_usd or 0.0) + row.cost_usd
    digest.frames += len(rows)
    digest.nodes = list(nodes)
    digest.lane_names = list(lane_of)


def is_same_recording(known: SessionDigest, now: SessionDigest) -> bool:
    """Tell whether two digests of one name are of the same recording, and not of one that took its place."""
    return (known.session_id, known.created) == (now.session_id, now.created)


def digest_of(name: str, player: VCRPlayer, known: SessionDigest | None = None) -> SessionDigest:
    """Return the digest of a session, going on from what is known of it if it is the same recording and only grew."""
    digest = begin_digest(name, player.session)
    if known is not None and known.frames <= len(player) and is_same_recording(known, digest):
        digest = msgspec.convert(msgspec.to_builtins(known), SessionDigest)
    add_rows(digest, player.rows[digest.frames : len(player)])
    digest.status = player.end.status if player.end else None
    digest.torn = bool(player.torn)
    return digest


def public_digest(digest: SessionDigest, parent: str | None) -> dict[str, Any]:
    """Return a digest as JSON shows it.

    Args:
        digest: The digest.
        parent: Name of the parent among the sessions that are there.
    """
    shown: dict[str, Any] = {
        "id": digest.name,
        "created": digest.created,
        "frames": digest.frames,
        "ms": round(digest.latency_ms, 1),
    }
    optional = {
        "take": digest.take if digest.take > 1 else None,
        "parent": parent,
        "orphan_of": digest.parent if parent is None else None,
        "cut": digest.cut or None,
        "errors": digest.errors,
        "checkpoints": digest.checkpoints,
        "odd": digest.odd,
        "tags": digest.tags,
        "nodes": digest.nodes,
        "lanes": digest.lanes if len(digest.lane_names) > 1 else None,
        "lane_names": digest.lane_names if len(digest.lane_names) > 1 else None,
        "tokens": digest.tokens,
        "cost": None if digest.cost_usd is None else round(digest.cost_usd, 6),
        "status": digest.status,
        "agent": digest.agent,
        "problem": digest.problem,
        "torn": digest.torn,
    }
    return shown | {name: value for name, value in optional.items() if value or (value == 0.0 and name == "cost")}
