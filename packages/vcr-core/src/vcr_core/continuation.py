"""Whether a state goes on from another: the test by which states of several agents are told apart.

Agents that take turns have states of their own, which are recorded one after the other.  Each is to be written after
its own last one, so a few looks at the lists in it, which are the histories that grow, must tell whose it is.
"""

from __future__ import annotations

from typing import Any

from vcr_core.runtime_types import type_of
from vcr_core.snapshot import LONG_TEXT, Parts

_DEPTH = 4
_TELLING = frozenset({dict, list, str, Parts})


def goes_on(live: Any, snapshot: Any, depth: int = 0) -> bool | None:
    """Tell whether `live` looks like what a snapshot became; None if there is nothing to tell it by.

    Looks at a bounded number of places, and compares what is there.  A wrong answer costs space, nothing else.
    """
    kind = type_of(snapshot)
    if kind is str:
        same = live is snapshot or (type_of(live) is str and live.startswith(snapshot[:LONG_TEXT]))
        return same if len(snapshot) >= LONG_TEXT else None
    if kind is list:
        return _list_goes_on(live, snapshot)
    if kind is Parts:
        parts = snapshot.parts(live)
        return None if parts is None else goes_on(parts, snapshot.inner, depth)
    if kind is not dict or type_of(live) is not dict or depth >= _DEPTH:
        return None
    told: bool | None = None
    for key, part in snapshot.items():
        if type_of(part) in _TELLING:
            found = goes_on(live.get(key), part, depth + 1)
            if found:
                return True
            told = told if found is None else False
    return told


def _list_goes_on(live: Any, snapshot: list[Any]) -> bool | None:
    old = len(snapshot)
    if old < 2:
        return None
    if type_of(live) is not list:
        return False
    if not live:
        return None
    places = [place for place in (0, old // 2, old - 1) if place < len(live)]
    if 2 * sum(bool(snapshot[place] == live[place]) for place in places) > len(places):
        return True
    first = live[0]
    return snapshot[0] != first and any(known == first for known in snapshot)  # a window that moved on
