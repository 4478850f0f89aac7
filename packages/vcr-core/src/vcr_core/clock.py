"""The clock of a recorder, injected so that tests own the time."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Wall clock for timestamps and a monotonic one for latencies."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(timezone.utc)

    def timestamp(self) -> str:
        """Return the time as frames carry it: ISO 8601 with microseconds and a final Z."""
        return f"{self.now().isoformat(timespec='microseconds')[:26]}Z"

    def ticks_ms(self) -> float:
        """Return monotonic milliseconds from an arbitrary start."""
        return time.perf_counter_ns() / 1e6
