"""The root of Sentinel's errors. Leaves are defined beside what raises them."""

from __future__ import annotations

from vcr_core.errors import VcrError


class SentinelError(VcrError):
    """Anything Sentinel raises."""
