"""A recording as something to serve from: steps by key, what is before the cut, and in which order things happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from vcr_core.engine.order import Event
from vcr_core.frames import FrameRow
from vcr_core.session_file import SessionFile

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer


class RunLine(msgspec.Struct, omit_defaults=True):
    """What the engine was asked to run; the data of a ``run`` line."""

    root: str
    agent: str
    input: Any = None
    kind: str | None = None


class BeginLine(msgspec.Struct, omit_defaults=True):
    """A step with outside effects that is about to run; the data of a ``begin`` line."""

    key: str
    name: str
    idempotency_key: str | None = None


class RaceLine(msgspec.Struct):
    """The end of a branch in a thread, behind so many frames; the data of a ``race`` line."""

    branch: str
    after: int


class Tape:
    """The frames of a recording, with the cut.

    Args:
        player: The recording.
        cut: Frames from this index on are not served, nor are the steps inside the frame of that index.
        all_runs: Of a session of several runs, serve all of them; else only that of the cut, or the last.

    Attributes:
        player: The recording.
        cut: As given.
        rows: The small fields of all frames.
        run: What was run, the run of the cut or else the last; None for a recording made by hand.
        begun: Steps with outside effects that had begun, by key.
    """

    def __init__(self, player: VCRPlayer, *, cut: int, all_runs: bool = False) -> None:
        self.player = player
        self.cut = cut
        self.rows: list[FrameRow] = list(player.rows)
        self._runs: list[RunLine] = []
        self.begun: dict[str, BeginLine] = {}
        self._races: list[RaceLine] = []
        self._read_lines()
        self.run = self._run_at(cut)
        self._root = self.run.root if self.run is not None and len(self._runs) > 1 and not all_runs else None
        self.by_key = {row.key: row.index for row in self.rows if row.key is not None}
        self._children: dict[str, list[int]] = defaultdict(list)
        for row in self.rows:
            if row.parent is not None:
                self._children[row.parent].append(row.index)
        self._inside_cut: set[int] = self._descendants(self.rows[cut].key) if cut < len(self.rows) else set()
        self._firsts, self._siblings = self._branch_starts()
        self._taken: set[str] = set()

    def _read_lines(self) -> None:
        source = self.player.source
        if not isinstance(source, SessionFile):
            return
        for kind, data in source.other_lines():
            if kind == "run":
                self._runs.append(msgspec.json.decode(data, type=RunLine))
            elif kind == "begin":
                line = msgspec.json.decode(data, type=BeginLine)
                self.begun[line.key] = line
            elif kind == "race":
                self._races.append(msgspec.json.decode(data, type=RaceLine))

    def _run_at(self, cut: int) -> RunLine | None:
        root = root_of(self.rows[cut]) if cut < len(self.rows) else None
        there = [line for line in self._runs if line.root == root] or self._runs
        return there[-1] if there else None

    def _descendants(self, key: str | None) -> set[int]:
        found: set[int] = set()
        stack = list(self._children.get(key, ())) if key is not None else []
        while stack:
            index = stack.pop()
            found.add(index)
            stack.extend(self._children.get(self.rows[index].key or "", ()))
        return found

    def _branch_starts(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """Return the first frame of each branch, and the branches spawned from each."""
        firsts: dict[str, int] = {}
        siblings: dict[str, list[str]] = defaultdict(list)
        for row in self.rows:
            path = branch_of(row)
            if path is not None and path not in firsts:
                firsts[path] = row.index
                above, slash, _ = path.rpartition("/")
                if slash:
                    siblings[above].append(path)
        return firsts, siblings

    def serves(self, index: int) -> bool:
        """True if that frame is before the cut, and not inside the step at the cut."""
        return index < self.cut and index not in self._inside_cut

    def holds_inside(self, key: str) -> bool:
        """True if steps inside `key` are to be served, so that its body has to run for them."""
        return any(map(self.serves, self._descendants(key)))

    def subtree(self, key: str) -> list[int]:
        """Return the frames inside the step `key`, in order."""
        return sorted(self._descendants(key))

    def events(self) -> list[Event]:
        """Return what happened before the cut, in order: completed steps and ends of thread branches."""
        served = [row.index for row in self.rows if row.key is not None and self._is_event(row)]
        races = [race for race in self._races if race.after <= self.cut and self._runs_again(race.branch)]
        events: list[Event] = []
        for index in served:
            while races and races[0].after <= index:
                events.append(f"end:{races.pop(0).branch}")
            events.append(index)
        events.extend(f"end:{race.branch}" for race in races)
        return events

    def _runs_again(self, branch: str) -> bool:
        """True if the steps of a branch are asked for again; those inside a served or live step are not waited for."""
        first = self._firsts.get(branch)
        return first is not None and self._is_event(self.rows[first])

    def _is_event(self, row: FrameRow) -> bool:
        if not self.serves(row.index) or row.status == "cancelled":
            return False
        if self._root is not None and root_of(row) != self._root:
            return False
        above = self.by_key.get(row.parent) if row.parent is not None else None
        return above is None or not self.serves(above)

    def gaps(self) -> dict[int, int]:
        """Return the gap of each frame that has one."""
        return {row.index: row.gap for row in self.rows if row.gap is not None}

    def companions(self) -> dict[int, list[int]]:
        """Return, for a frame that others followed within a few iterations, those that did not wait for it.

        They are the frames of other branches whose steps had been asked for before it was over.  Whoever reacted to
        the first one saw them too, so on replay they have to be there before it is served.
        """
        found: dict[int, list[int]] = {}
        for row in self.rows:
            # Only frames that came within a few iterations of the one before carry a gap: most runs have none.
            followers = self._followers(row.index - 1) if row.gap is not None and row.index else None
            if followers:
                found[row.index - 1] = followers
        return found

    def _followers(self, first: int) -> list[int]:
        seen = {branch_of(self.rows[first])}
        found: list[int] = []
        for index in range(first + 1, len(self.rows)):
            row = self.rows[index]
            if row.gap is None or not self._is_event(row):
                break
            path = branch_of(row)
            if path not in seen and row.asked is not None and row.asked <= first:
                found.append(row.index)
            seen.add(path)
        return found

    def bind(self, above: str, own: str, name: str, spawned_with: str | None, agrees: Callable[[int], bool]) -> str:
        """Choose the taped branch that a spawned scope is, at its first step.

        Of the siblings that are still free and begin with a step of that name and input, it is the one that was created
        with the same arguments; else the one of the same ordinal; else the lowest of which it is not known what it was
        created with.  If none fits it is its own ordinal, and the step will diverge there, or run live.

        Args:
            above: Path of the parent.
            own: The path by own ordinal.
            name: Name of the first step.
            spawned_with: Digest of what the task or thread was created with.
            agrees: Called with a frame's index; tells whether its input is that of the first step.
        """
        ranked: list[tuple[int, int, str]] = []
        for place, path in enumerate(sorted(self._siblings.get(above, ()), key=_branch_order)):
            first = self.rows[self._firsts[path]]
            if path in self._taken or first.node_name != name:
                continue
            if first.spawn == spawned_with:
                ranked.append((0 if path == own else 1, place, path))
            elif path == own or first.spawn is None:
                ranked.append((2 if path == own else 3, place, path))
        found = next((path for _, _, path in sorted(ranked) if agrees(self._firsts[path])), own)
        self._taken.add(found)
        return found

    def nearest(self, key: str, name: str, served: set[int]) -> list[tuple[int, str, str]]:
        """Return up to three taped steps that a diverging one may have been meant to be."""
        path = key.rpartition(":")[0]
        ranked: list[tuple[int, int, str]] = []
        for row in self.rows:
            if row.key is None or row.index in served or self._root not in (None, root_of(row)):
                continue
            same_branch = row.key.startswith(f"{path}:")
            rank = (0 if row.node_name == name else 2) + (0 if same_branch else 1)
            why = "same name" if row.node_name == name else "next in this branch" if same_branch else "next on the tape"
            ranked.append((rank, row.index, why))
        return [(index, self.rows[index].key or "", why) for _, index, why in sorted(ranked)[:3]]


def branch_of(row: FrameRow) -> str | None:
    """Return the branch path in a frame's key."""
    if row.key is None:
        return None
    end = row.key.rfind(f":{row.node_name}#")
    return row.key[:end] if end >= 0 else None


def root_of(row: FrameRow) -> str | None:
    """Return the root of the run that a frame belongs to: the first part of its branch path."""
    path = branch_of(row)
    return None if path is None else path.partition("/")[0].partition(":")[0]


def _branch_order(path: str) -> tuple[int, str]:
    last = path.rpartition("/")[2]
    return (int(last), "") if last.isdecimal() else (1 << 30, last)
