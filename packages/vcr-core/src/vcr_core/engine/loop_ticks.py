"""Counts the iterations of an event loop, for a short while after each mark."""

from __future__ import annotations

import asyncio

LIMIT = 8
"""Iterations that are counted; whoever reacts to a completed task has done so by then."""


class LoopTicks:
    """How many iterations ago something happened in an event loop.

    Counting keeps the loop turning, so it stops after `LIMIT` iterations; from then on the answer is None: long ago.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._count = LIMIT
        self._next: asyncio.Handle | None = None

    def mark(self) -> int | None:
        """Note that something happens now; return the iterations since the last time, None if they were many."""
        loop = running_loop()
        if loop is None and self._loop is None:
            return None
        since = self.since()
        self._loop = loop
        if self._next is not None:
            self._next.cancel()  # it may stand later in this very iteration
        if loop is not None:
            self._count = 0
            self._next = loop.call_soon(self._tick, loop)
        return since

    def since(self) -> int | None:
        """Return the iterations since the last mark in the running loop; None if many, or in another loop."""
        if self._count >= LIMIT or self._loop is None or self._loop is not running_loop():
            return None
        return self._count

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._count += 1
        going_on = self._count < LIMIT and loop is self._loop
        self._next = loop.call_soon(self._tick, loop) if going_on else None


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread, or None."""
    # The public function raises where there is none, which is most of the time, and costs ten times as much.
    return asyncio._get_running_loop()  # in asyncio.events.__all__ since Python 3.5.3
