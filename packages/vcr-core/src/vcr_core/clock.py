"""The clock of a recorder, injected so that tests own the time."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache

# By name: a context that gives the agent recorded times replaces the attributes of the module.
from time import perf_counter_ns, time_ns


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """Return a second since 1970, in UTC, as ISO 8601; frames come faster than seconds pass."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()[:19]


class Clock:
    """Wall clock for timestamps and a monotonic one for latencies."""

    def timestamp(self) -> str:
        """Return the time as frames carry it: UTC, ISO 8601 with microseconds and a final Z."""
        now = time_ns()
        seconds = now // 1_000_000_000
        return f"{_second(seconds)}.{now // 1000 % 1_000_000:06d}Z"

    def ticks_ms(self) -> float:
        """Return monotonic milliseconds from an arbitrary start."""
        return perf_counter_ns() / 1e6
