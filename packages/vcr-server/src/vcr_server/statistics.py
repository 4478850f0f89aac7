"""Time, tokens and cost by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vcr_core.frames import FrameRow


def node_statistics(rows: Sequence[FrameRow]) -> list[dict[str, Any]]:
    """Return one entry for each step's name and kind, the slowest in all first; percentiles are nearest-rank."""
    grouped: dict[tuple[str, str], list[FrameRow]] = {}
    for row in rows:
        grouped.setdefault((row.node_name, row.kind), []).append(row)
    entries = [_entry(name, kind, group) for (name, kind), group in grouped.items()]
    return sorted(entries, key=lambda entry: -entry["latency_ms"])


def _entry(name: str, kind: str, rows: list[FrameRow]) -> dict[str, Any]:
    latencies = sorted(row.latency_ms for row in rows)
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    return {
        "node": name,
        "kind": kind,
        "frames": len(rows),
        "errors": sum(row.status == "error" for row in rows),
        "latency_ms": round(sum(latencies), 3),
        "p50_ms": _percentile(latencies, 50),
        "p95_ms": _percentile(latencies, 95),
        "tokens": sum(row.tokens or 0 for row in rows),
        "cost_usd": round(sum(costs), 6) if costs else None,
    }


def _percentile(ordered: list[float], percent: int) -> float:
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]
