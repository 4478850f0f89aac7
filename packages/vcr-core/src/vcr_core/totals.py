"""What the frames of a recording add up to."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from vcr_core.frames import FrameRow, Totals


def sum_rows(rows: Iterable[FrameRow]) -> Totals:
    """Return the totals of some frames.

    Costs are added as decimals of what is written, so that a hundred cents are a dollar.  The latency of a frame
    inside another is part of that one's.
    """
    totals = Totals()
    cost: Decimal | None = None
    for row in rows:
        totals.frames += 1
        totals.errors += row.status == "error"
        totals.latency_ms += row.latency_ms if row.parent is None else 0.0
        totals.tokens += row.tokens or 0
        if row.cost_usd is not None:
            cost = (cost or Decimal(0)) + Decimal(str(row.cost_usd))
    totals.cost_usd = None if cost is None else float(cost)
    return totals


def read_totals(path: Path) -> Totals:
    """Return the totals of all frames of a recording."""
    from vcr_core.session_file import SessionFile  # noqa: PLC0415  # only for sessions that are continued

    source = SessionFile(path)
    try:
        return sum_rows(source.rows())
    finally:
        source.close()
