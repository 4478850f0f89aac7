"""The recorded steps that a hybrid run may serve, found by what they were."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from vcr_core.engine import StepCall
from vcr_core.engine.tape import Tape
from vcr_core.frames import FrameRow
from vcr_golden.effects import PURE, Effect, ResourceError
from vcr_golden.manifest import Manifest
from vcr_golden.world import World, WriteEvent


def step_identity(name: str, code: str | None, given: str) -> str:
    """Return the digest of a step's name, code and input."""
    return hashlib.blake2b(f"{name}\0{code}\0{given}".encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class TapedSteps:
    """The frames of a golden run, each with its effect and what had been written before it."""

    def __init__(self, tape: Tape, manifest: Manifest) -> None:
        self._tape = tape
        self._manifest = manifest
        self._given = [frame[0] for frame in manifest.frames]
        self._effects = [self._effect_of(row) for row in tape.rows]
        self._unused: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._used: set[int] = set()
        self._world = World()
        self._events_before: list[int] = []
        for row in tape.rows:
            self._events_before.append(len(self._world.events))
            self._world.note(self._effects[row.index], self._identity(row))
            self._unused[row.node_name, self._given[row.index]].append(row.index)

    def _code(self, name: str) -> str | None:
        facts = self._manifest.steps.get(name)
        return None if facts is None else facts.code

    def _identity(self, row: FrameRow) -> str:
        return step_identity(row.node_name, self._code(row.node_name), self._given[row.index])

    def _effect_of(self, row: FrameRow) -> Effect:
        facts = self._manifest.steps.get(row.node_name)
        effect = PURE if facts is None else facts.effect
        if not any("{" in resource for resource in effect.resources):
            return effect
        try:
            return effect.bound(row.node_name, self._tape.player.state(row.index, "input"))
        except ResourceError:
            return Effect(effect.kind, ("*",))

    def find(
        self, call: StepCall, code: str | None, given: str, history: str, effect: Effect
    ) -> tuple[int | None, str]:
        """Return the frame that a step may be served from, or None and what is different."""
        if call.name not in self._manifest.steps:
            return None, "no such step was recorded"
        if code != self._code(call.name):
            return None, "its code changed" if self._code(call.name) else "what code gave it was not recorded"
        same = [index for index in self._unused.get((call.name, given), ()) if self._may_serve(index)]
        if not same:
            return None, "its input changed"
        same.sort(key=lambda index: self._tape.rows[index].key != call.key)
        for index in same:
            recorded = self._effects[index]
            if recorded == effect and self._history(index, effect) == history:
                return index, ""
        return None, "what it reads was written differently"

    def find_by_input(self, call: StepCall, given: str) -> int | None:
        """Return an unused frame of that name and input, whatever its code."""
        return next((i for i in self._unused.get((call.name, given), ()) if self._may_serve(i)), None)

    def _may_serve(self, index: int) -> bool:
        return index not in self._used and self._tape.rows[index].status != "cancelled"

    def _history(self, index: int, effect: Effect) -> str:
        inside = self._tape.subtree(self._tape.rows[index].key or "")
        first = min([*inside, index])
        return self._world.history(effect, upto=self._events_before[first])

    def use(self, index: int) -> list[WriteEvent]:
        """Take a frame and those inside it; return what they wrote, in order."""
        found: list[WriteEvent] = []
        for taken in [*self._tape.subtree(self._tape.rows[index].key or ""), index]:
            self._used.add(taken)
            if self._effects[taken].writes:
                found.append(WriteEvent(self._effects[taken], self._identity(self._tape.rows[taken])))
        return found
