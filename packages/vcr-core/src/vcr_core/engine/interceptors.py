"""Has what recorded calls from below the agent's code be there again when they are to be served.

A recording may hold calls that no decorator made, but an interceptor that stood below a client library.  Replayed in a
process that has not set that interceptor up, the agent would call out for real.  So each distribution that intercepts
names, in the entry point group ``vcr.interceptors``, a function that is given the rows of a recording about to be run
again, and gets ready if some of them are its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from vcr_core.frames import FrameRow
from vcr_core.plugins import INTERCEPTORS, load_plugins

Prepare = Callable[[Sequence[FrameRow]], None]


def prepare_interceptors(rows: Sequence[FrameRow]) -> None:
    """Tell every interceptor which frames are about to be served; asks nobody for a recording of plain steps."""
    if any(row.kind in ("llm", "tool") for row in rows):
        for prepare in _interceptors():
            prepare(rows)


@functools.cache
def _interceptors() -> list[Prepare]:
    return [prepare for _, prepare in load_plugins(INTERCEPTORS)]
