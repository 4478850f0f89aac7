"""The operations from a snapshot to the live state, for storage: RFC 6902's, and ``append`` for a text that grew.

Only places that differ are visited; the rest is compared at C speed (see `vcr_core.snapshot`).  The operations are
cheap rather than minimal: lists are aligned by common head and tail.  The diff that people read is `vcr_core.diff`.
"""

from __future__ import annotations

from bisect import bisect_left
from operator import is_
from typing import Any

from vcr_core.json_pointer import escape_token
from vcr_core.runtime_types import type_of
from vcr_core.snapshot import LONG_TEXT, Members, Numbers, Parts, Probe, encode_member, holds_members
from vcr_core.values.encode import BLOB_SIZE, MAX_DEPTH

Op = dict[str, Any]
_CHUNK = 64
_SEAM = 64
"""Characters before what is added that are written again, so that a search in lines finds what lies across the seam."""
_CONTAINERS = frozenset({dict, list})
_NONE: dict[str, Any] = {}


class Delta:
    """Collects the operations from one snapshot to one live state.

    Attributes:
        ops: The operations so far; their values are live objects, not copies.
        only_adds: True while each of them adds something.
        announced: True once a place was changed that a name around it, and not within the operation's value, announces
            as a secret.
        hidden_keys: The keys on the way to what changed that do not stand in a pointer as they are.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.hidden_keys: list[str] = []
        self.ops: list[Op] = []
        self.only_adds = True
        self.announced = False

    def run(self, live: Any, snapshot: Any, twin: Any = None) -> Any:
        """Collect the operations that turn the recorded state into `live`; return the snapshot of `live`.

        Args:
            live: The state as it is now.
            snapshot: What is recorded.  It is used up: its containers are changed in place.
            twin: A live state that is equal to `snapshot`, if there is one.  Objects that it shares with `live` need
                no comparison: a step's output shares most of its input.
        """
        if type_of(live) not in _CONTAINERS and snapshot == live:
            return snapshot
        return self._visit(live, snapshot, twin, "", 0)

    def _visit(self, live: Any, snap: Any, twin: Any, path: str, depth: int) -> Any:
        """Go into a place; if it is no container, it is known to differ."""
        if depth < MAX_DEPTH:
            cls = type_of(live)
            if cls is dict and type_of(snap) is dict and self._probe.has_plain_keys(live):
                return self._visit_dict(live, snap, twin, path, depth + 1)
            if cls is list and type_of(snap) is list:
                return self._visit_list(live, snap, twin, path, depth + 1)
            if cls is list and type_of(snap) is Numbers:
                return self._visit_numbers(live, snap, path, depth + 1)
            if cls is str and type_of(snap) is str and len(snap) >= LONG_TEXT and self._probe.is_longer(live, snap):
                self.ops.append({"op": "append", "path": path, "cut": _SEAM, "value": live[len(snap) - _SEAM :]})
                return live
            if type_of(snap) is Members and cls is snap.cls:
                return self._visit_members(live, snap, path, depth)
            if type_of(snap) is Parts and (parts := snap.parts(live)) is not None:
                known = len(self.ops)
                snap.inner = self._visit(parts, snap.inner, None, path + snap.split.place, depth + 1)
                if cls is dict and len(self.ops) > known:  # in a patch, its items are lists without their dict
                    self.announced = self.announced or self._probe.items_secret(parts)
                return snap
        return self._replace(live, path, depth)

    def _replace(self, live: Any, path: str, depth: int) -> Any:
        self.ops.append({"op": "replace", "path": path, "value": live})
        self.only_adds = False
        return self._probe.take(live, depth)

    def _remove(self, path: str) -> None:
        self.ops.append({"op": "remove", "path": path})
        self.only_adds = False

    def _append(self, items: list[Any], path: str) -> None:
        target = f"{path}/-"
        self.ops += [{"op": "add", "path": target, "value": item} for item in items]

    def _visit_dict(self, live: dict[str, Any], snap: dict[str, Any], twin: Any, path: str, depth: int) -> Any:
        probe = self._probe
        same = twin if type_of(twin) is dict else _NONE
        if not snap.keys() <= live.keys():
            for key in [key for key in snap if key not in live]:
                del snap[key]
                self._remove(self._place(path, key))
            self.announced = self.announced or any(map(probe.announces, live))  # what is gone may have excused it
        for key, item in live.items():
            if key not in snap:
                self.ops.append({"op": "add", "path": self._place(path, key), "value": item})
                snap[key] = probe.take(item, depth)
            elif item is not (shared := same.get(key, same)) and snap[key] != item:
                snap[key] = self._visit(item, snap[key], shared, self._place(path, key), depth)
            else:
                continue
            self.announced = self.announced or probe.announces(key)
        self.announced = self.announced or probe.names_secret(live)
        return snap

    def _place(self, path: str, key: str) -> str:
        """Return the pointer of a member of the dict at `path`."""
        token = escape_token(key)
        if token != key:
            self.hidden_keys.append(key)
        return f"{path}/{token}"

    def _visit_numbers(self, live: list[Any], snap: Numbers, path: str, depth: int) -> Any:
        if not snap.starts(live):
            return self._visit_list(live, snap.as_list(), None, path, depth)
        self._append(live[len(snap) :], path)
        return self._probe.take(live, depth)

    def _visit_members(self, live: Any, snap: Members, path: str, depth: int) -> Any:
        """Go into a set; it is written as a list, in the order of the encodings of its items."""
        if not holds_members(live):
            return self._replace(live, path, depth)
        gone, added = snap.items - live, live - snap.items
        new = {encode_member(item): item for item in added}
        if len(gone) + len(added) > len(live) or any(len(item) >= BLOB_SIZE for item in new):
            return self._replace(live, path, depth)
        encoded = snap.encoded.copy()
        for item in sorted(map(encode_member, gone)):
            at = bisect_left(encoded, item)
            del encoded[at]
            self._remove(f"{path}/v/{at}")
        for item in sorted(new):
            at = bisect_left(encoded, item)
            encoded.insert(at, item)
            self.ops.append({"op": "add", "path": f"{path}/v/{at}", "value": new[item]})
            self._probe.take(new[item], depth)
        return Members(snap.cls, snap.items - gone | added, encoded)

    def _shares(self, twin: list[Any], live: list[Any]) -> bool:
        """True if `live` certainly is what `twin` is.  Of text alone, equal lists are; and C skips identical items."""
        return twin == live if self._probe.only_text else all(map(is_, twin, live))

    def _visit_list(self, live: list[Any], snap: list[Any], twin: Any, path: str, depth: int) -> list[Any]:
        old, new = len(snap), len(live)
        shared = type_of(twin) is list and len(twin) == old <= new and self._shares(twin, live[:old])
        head = old if shared or (new > old and snap == live[:old]) else _common_head(live, snap)
        self.announced = self.announced or self._probe.pairs_secret(live)
        if head < old and (gone := _count_gone(live, snap, head)):
            for _ in range(gone):
                self._remove(f"{path}/{head}")
            del snap[head : head + gone]
            head = old = len(snap)
        if head == old:
            added = live[old:]
            self._append(added, path)
            snap += [self._probe.take(item, depth) for item in added]
            return snap
        tail = _common_tail(live, snap, min(old, new) - head)
        paired = min(old, new) - tail - head
        middle = [
            self._visit(live[i], snap[i], None, f"{path}/{i}", depth) if snap[i] != live[i] else snap[i]
            for i in range(head, head + paired)
        ]
        first = head + paired
        for i in range(old - tail - 1, first - 1, -1):
            self._remove(f"{path}/{i}")
        added = live[first : new - tail]
        if tail:
            self.ops += [{"op": "add", "path": f"{path}/{first + n}", "value": item} for n, item in enumerate(added)]
        else:
            self._append(added, path)
        snap[head : old - tail] = [*middle, *(self._probe.take(item, depth) for item in added)]
        return snap


def _common_head(live: list[Any], snap: list[Any]) -> int:
    limit = min(len(live), len(snap))
    at = 0
    while at + _CHUNK <= limit and snap[at : at + _CHUNK] == live[at : at + _CHUNK]:
        at += _CHUNK
    while at < limit and snap[at] == live[at]:
        at += 1
    return at


def _count_gone(live: list[Any], snap: list[Any], head: int) -> int:
    """Return how many items from `head` on are gone, if all behind them are still there, followed by new ones only.

    So a window over a history moves: the oldest leave it, new ones come in.
    """
    if head == len(live):
        return 0
    first = live[head]
    at = next((at for at in range(head + 1, len(snap)) if snap[at] == first), 0)
    return at - head if at and snap[at:] == live[head : head + len(snap) - at] else 0


def _common_tail(live: list[Any], snap: list[Any], limit: int) -> int:
    new, old = len(live), len(snap)
    at = 0
    while at + _CHUNK <= limit and snap[old - at - _CHUNK : old - at] == live[new - at - _CHUNK : new - at]:
        at += _CHUNK
    while at < limit and snap[old - at - 1] == live[new - at - 1]:
        at += 1
    return at
