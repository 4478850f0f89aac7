"""A replay that notes in which order steps were asked for, so that a change is told by its right name.

The engine alone waits for the step that the tape holds first, and then says that nothing moves.  Here a step that the
tape holds later, with the same input, is served at once; whether steps changed places, were left out or were added is
told afterwards, from the two sequences.
"""

from __future__ import annotations

import inspect
from typing import Any

from vcr_core import ResumeConfig
from vcr_core.engine import EndedStep, Run, StepCall
from vcr_core.engine.order import Order
from vcr_core.engine.scope import ROOT, Scope
from vcr_core.engine.served_step import CancelledStep, ServedStep
from vcr_core.engine.tape import Tape, branch_of
from vcr_core.recorder import VCRRecorder
from vcr_golden.wire import PackedInputs


class ReplayRun(Run):
    """A replay of a packed recording, by the rules of the engine."""

    def __init__(
        self,
        recorder: VCRRecorder | None,
        *,
        tape: Tape | None = None,
        config: ResumeConfig | None = None,
        root: str = ROOT,
    ) -> None:
        super().__init__(recorder, tape=tape, config=config, root=root)
        self.inputs = PackedInputs()


class ObservedRun(ReplayRun):
    """A replay that serves steps in whatever order they are asked for, and keeps that order.

    Where branches ran in parallel, the engine's own order is kept: the winner of a race is part of the recording.

    Attributes:
        asked: The frames that were served, in the order in which they were asked for.
        refused: The step that could not be served, or None.
    """

    def __init__(self, recorder: VCRRecorder | None, **options: Any) -> None:
        super().__init__(recorder, **options)
        self._in_order = self.tape is not None and any("/" in (branch_of(row) or "") for row in self.tape.rows)
        if not self._in_order:
            self.order = Order()
        self.asked: list[int] = []
        self.refused: StepCall | None = None
        self._functions: set[Any] = set()
        self._streams = False

    def served_order(self) -> list[int]:
        """Return the frames that were served, in order; of parallel branches in the recorded one."""
        return sorted(self.asked) if self._in_order else self.asked

    def serve(self, call: StepCall, scope: Scope, index: int) -> EndedStep:
        """Serve a step whose input is known to be the taped one, or that the engine is to compare; note it."""
        step = super().serve(call, scope, index)
        self._note(call, index)
        return step

    def _note(self, call: StepCall, index: int) -> None:
        self.asked.append(index)
        function = call.function
        if function not in self._functions:
            self._functions.add(function)
            self._streams |= inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)

    def check_all(self) -> None:
        """See that everything was served that the tape holds, in its order.

        A stream's frame stands where it ended, so the order of runs that hold streams is not looked at.

        Raises:
            DivergenceError: If not.
        """
        if self._in_order or self.tape is None:
            return
        seen = set(self.asked)
        for event in self.tape.events():
            if isinstance(event, int) and event not in seen:
                row = self.tape.rows[event]
                raise self.diverged("leftover", row.key or "", name=row.node_name, frame=event)
        late = (
            next((b for a, b in zip(self.asked, self.asked[1:], strict=False) if b < a), None)
            if not self._streams
            else None
        )
        if late is not None:
            row = self.tape.rows[late]
            raise self.diverged("stalled", row.key or "", name=row.node_name, frame=late)

    def decide(self, call: StepCall, scope: Scope) -> EndedStep:
        """Serve a step by its key, else by name and input."""
        tape = self.tape
        if tape is None or self._in_order:
            return super().decide(call, scope)
        assert call.key is not None
        index = tape.by_key.get(call.key)
        if index is None or index in self._served or self.input_difference(index, call.input) is not None:
            index = self._elsewhere(call)
        if index is not None:
            return self._take(call, scope, index)
        self.refused = self.refused or call
        taped = tape.by_key.get(call.key)
        if taped is not None:
            return super().serve(call, scope, taped)  # tells how the inputs differ
        raise self.diverged("unexpected", call.key, name=call.name)

    def _take(self, call: StepCall, scope: Scope, index: int) -> EndedStep:
        assert self.tape is not None
        self._served.add(index)
        self._note(call, index)
        if self.tape.rows[index].status == "cancelled":
            return CancelledStep(self, scope, call, index=index)
        return ServedStep(self, scope, call, index=index, edit=None)

    def _elsewhere(self, call: StepCall) -> int | None:
        """Return a frame of that name and input that was not served and that no step of its own key waits for."""
        assert self.tape is not None
        for row in self.tape.rows:
            free = row.node_name == call.name and row.index not in self._served and row.status != "cancelled"
            if free and self.input_difference(row.index, call.input) is None:
                return row.index
        return None
