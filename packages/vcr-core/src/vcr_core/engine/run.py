"""A run: what decides, for each step the agent takes, whether it is recorded live or served from a tape.

The same code records and serves.  A recording run has no tape; a replayed one has a tape, a plan and, unless nothing is
to be written, a recorder for the new session.  Once a run has diverged it is spoilt: every further step raises the same
error, so that an agent that catches everything cannot turn a divergence into live calls.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from vcr_core.clock import Clock
from vcr_core.diff import first_difference
from vcr_core.engine.divergence import DivergenceError, InDoubtError, find_call_site
from vcr_core.engine.loop_ticks import LoopTicks
from vcr_core.engine.order import Order
from vcr_core.engine.plan import Mock, ResumeConfig, ResumeMode, StepCall, names_step
from vcr_core.engine.running_step import RunningStep
from vcr_core.engine.scope import ROOT, Scope, current_scope
from vcr_core.engine.served_step import CancelledStep, EndedStep, MockedStep, ServedStep, SkippedStep, UnexpectedStep
from vcr_core.engine.tape import BeginLine, RaceLine, Tape
from vcr_core.engine.wire_input import WireInputs
from vcr_core.error_info import text_of
from vcr_core.json_patch import apply

if TYPE_CHECKING:
    from vcr_core.recorder import VCRRecorder


class Run:
    """One execution of an agent, recorded, replayed, or both.

    Args:
        recorder: Records the steps; None records nothing.
        tape: Serves them; None for a plain recording.
        config: What is asked of a replay.
        root: Path of the main line.

    Attributes:
        error: The divergence that spoilt this run, or None.
        live_steps: Number of steps that ran live.
        served_steps: Number of steps that were served, mocked or skipped.
        on_step: Called with each step's key when it is over; for progress.
    """

    def __init__(
        self,
        recorder: VCRRecorder | None,
        *,
        tape: Tape | None = None,
        config: ResumeConfig | None = None,
        root: str = ROOT,
    ) -> None:
        self.recorder = recorder
        self.tape = tape
        self.config = config or ResumeConfig()
        self.clock = recorder.clock if recorder is not None else Clock()
        self.order = Order()
        if tape is not None:
            patience = self.config.patience
            self.order = Order(tape.events(), gaps=tape.gaps(), companions=tape.companions(), patience=patience)
        self.order.on_branch_end = self._record_race
        self.inputs = WireInputs(recorder)
        self.error: DivergenceError | None = None
        self.live_steps = 0
        self.served_steps = 0
        self.on_step: Callable[[str], None] | None = None
        self.scope = Scope(self, path=root)
        self._mocks = self.config.mocks()
        self._used_mocks: set[int] = set()
        self._used_edits: set[Any] = set()
        self._unmet: list[str] = []
        self._served: set[int] = set()
        self._open: set[EndedStep] = set()
        self._last_error: BaseException | None = None
        self._errors: dict[tuple[int, str], tuple[str, int]] = {}
        self._branches = 0
        self._ticks = LoopTicks()
        self._lane = None if recorder is None else recorder.take_lane()
        self._lock = threading.Lock()

    def begin(self, call: StepCall, scope: Scope | None = None) -> EndedStep:
        """Decide what becomes of a step that is asked for in `scope`; by default that of the calling code.

        Returns:
            A step to be waited for (`wait` or `wait_async`), and then either run, if it is ``live``, or asked for its
            result.

        Raises:
            DivergenceError: If the tape holds something else there, or the run has diverged before.
            InDoubtError: If its effect may have happened already and nothing says what to do.
        """
        if self.error is not None:
            raise self.error
        scope = self.scope_here() if scope is None else scope
        if call.key is None:
            path = scope.bound
            if path is None:
                path = scope.path(lambda above, own: self._bind(above, own, call, scope.spawned_with))
            call.key = f"{path}:{call.name}#{scope.next_ordinal(call.name)}"
        if call.function is not None and self.recorder is not None:
            self.recorder.functions[call.name] = call.function
        step = self.decide(call, scope)
        with self._lock:
            self._open.add(step)
        return step

    def scope_here(self) -> Scope:
        """Return the scope of the calling code in this run."""
        scope = current_scope.get()
        return scope if scope is not None and scope.run is self else self.scope

    def chain_of(self, scope: Scope) -> str:
        """Return the name of the line of states that the frames of a scope belong to, in this run and the next."""
        if scope.chain is None:
            scope.chain = f"{self._lane}/{scope.path(None).partition('/')[2]}"
        return scope.chain

    def _bind(self, above: str, own: str, call: StepCall, spawned_with: str | None) -> str:
        tape = self.tape
        if tape is None:
            return own

        def agrees(index: int) -> bool:
            return self.input_difference(index, call.input) is None

        with self._lock:
            return tape.bind(above, own, call.name, spawned_with, agrees)

    def decide(self, call: StepCall, scope: Scope) -> EndedStep:
        """Choose between running, serving, mocking and skipping a step whose key is known.

        Other policies than those of `ResumeMode` override this; see `run_again(make_run=…)`.
        """
        mock = self._mock_for(call) if self._mocks else None
        tape = self.tape
        if tape is None:
            return RunningStep(self, scope, call)
        assert call.key is not None
        config = self.config
        index = tape.by_key.get(call.key)
        served = index is not None and tape.serves(index)
        if mock is not None and (config.mode is ResumeMode.MOCK or not served):
            return MockedStep(self, scope, call, mock, index=index)
        if config.mode is ResumeMode.MOCK and (names_step(config.live, call) or self._replaces_inside(call.key)):
            return self._live(call, scope, index)
        if index is not None and served:
            return self.serve(call, scope, index)
        if config.mode is not ResumeMode.FORK:
            if self._branches > 0 and scope.line is not self.scope:
                return UnexpectedStep(self, scope, call, index=None)
            raise self.diverged("unexpected", call.key, name=call.name)
        if names_step(config.skip_nodes, call):
            return SkippedStep(self, scope, call, index=index)
        return self._live(call, scope, index)

    def _live(self, call: StepCall, scope: Scope, index: int | None) -> RunningStep:
        tape = self.tape
        assert tape is not None
        assert call.key is not None
        begun = tape.begun.get(call.key)
        holds = tape.holds_inside(call.key)
        edited = index is not None and index == tape.cut and self._edit_input(call)
        after_tape = not holds and self.config.mode is ResumeMode.FORK
        step = RunningStep(self, scope, call, index=index, after_tape=after_tape, edited=edited)
        if begun is not None and index is None and begun.idempotency_key is None:
            policy = self.config.in_doubt.get(call.name) or self.config.in_doubt.get("*")
            if policy is None:
                raise InDoubtError(call.key, call.name)
            if policy == "skip":
                return SkippedStep(self, scope, call, index=index)  # type: ignore[return-value]  # asked like a step
        if not holds and not self.order.finished and self._branches == 0 and self.config.mode is ResumeMode.FORK:
            raise self.diverged("unexpected", call.key, name=call.name)
        return step

    def serve(self, call: StepCall, scope: Scope, index: int) -> EndedStep:
        """Return the step as the tape holds it at `index`.

        Raises:
            DivergenceError: If its input is another one now.
        """
        tape = self.tape
        assert tape is not None
        difference = self.input_difference(index, call.input)
        if difference is not None:
            path, expected, actual = difference
            raise self.diverged(
                "input", call.key or "", name=call.name, path=path, expected=expected, actual=actual, frame=index
            )
        with self._lock:
            self._served.add(index)
        row = tape.rows[index]
        if row.status == "cancelled":
            return CancelledStep(self, scope, call, index=index)
        return ServedStep(self, scope, call, index=index, edit=self._output_edit(call, index))

    def input_difference(self, index: int, live: Any) -> tuple[str, Any, Any] | None:
        """Return the first difference between a taped input and a live one as pointer, recorded, now; None if equal.

        None for a step whose input or output was edited: what the agent asks for is not what is on the tape.
        """
        assert self.tape is not None
        if self.tape.rows[index].origin == "edit":
            return None
        recorded = self.tape.player.wire_state(index, "input")
        if self.inputs.same(recorded, live):
            return None
        now = self.inputs.wire_like(recorded, live)
        return None if self.inputs.equal(recorded, now) else first_difference(recorded, now)

    def _replaces_inside(self, key: str) -> bool:
        """True if a step inside `key` is to be mocked or to run live, so that the body around it has to run."""
        tape, config = self.tape, self.config
        assert tape is not None
        for index in tape.subtree(key):
            row = tape.rows[index]
            inner = StepCall(row.node_name, row.kind, key=row.key, label=row.label, model=row.model)
            if any(callable(mock.match) for mock in self._mocks):
                inner.input = tape.player.state(index, "input")
            if names_step(config.live, inner) or any(mock.accepts(inner) for mock in self._mocks):
                return True
        return False

    def _mock_for(self, call: StepCall) -> Mock | None:
        for number, mock in enumerate(self._mocks):
            if mock.accepts(call):
                self._used_mocks.add(number)
                return mock
        return None

    def _edit_input(self, call: StepCall) -> bool:
        """Apply the state overrides to the input of the step at the cut."""
        overrides = self.config.state_overrides
        if not overrides:
            return False
        self._used_edits.add("state")
        before: Any = call.input
        given = cast("dict[str, Any]", before) if isinstance(before, dict) else {}
        if isinstance(overrides, dict):
            edited: Any = {**given, **cast("dict[str, Any]", overrides)}
        else:
            assert self.tape is not None
            edited = self.tape.player.decode(apply(self.inputs.wire(before), overrides))
        call.input = self._without_strangers(call, edited)
        return True

    def _without_strangers(self, call: StepCall, edited: Any) -> Any:
        """Take out of edited arguments what the step's function does not take, and remember to tell of it."""
        if call.call != "args" or call.function is None or not isinstance(edited, dict):
            return edited
        taken, arguments = inspect.signature(call.function).parameters, cast("dict[str, Any]", edited)
        self._unmet = [
            f"state_overrides: {call.name} has no argument {name!r} (it has {', '.join(taken) or 'none'})"
            for name in arguments
            if name not in taken
        ]
        return {name: value for name, value in arguments.items() if name in taken}

    def _output_edit(self, call: StepCall, index: int) -> tuple[Any] | None:
        for name, value in self.config.output_overrides.items():
            if name == index or (isinstance(name, str) and names_step([name], call)):
                self._used_edits.add(name)
                return (value,)
        return None

    def step_over(self, step: EndedStep, *, live: bool, index: int | None = None) -> None:
        """Note that a step is over."""
        with self._lock:
            self._open.discard(step)
            if live:
                self.live_steps += 1
            else:
                self.served_steps += 1
        if index is not None:
            self.order.happened(index, step.scope)
        if self.on_step is not None:
            self.on_step(step.call.key or "")

    def branch_begun(self) -> None:
        """Note that a task or thread was created."""
        with self._lock:
            self._branches += 1

    def branch_over(self) -> None:
        """Note that a task or thread has ended."""
        with self._lock:
            self._branches -= 1

    def _record_race(self, scope: Scope) -> None:
        if self.recorder is not None and scope.bound is not None:
            self.recorder.writer.write_line("race", RaceLine(scope.bound, self.recorder.frame_count))

    def record_begin(self, call: StepCall) -> None:
        """Write, before a step with outside effects runs, that it is about to."""
        if self.recorder is not None:
            line = BeginLine(call.key or "", call.name, call.idempotency_key)
            self.recorder.writer.write_line("begin", line, sync=True)

    def gap(self) -> int | None:
        """Note that a step ended, and return its distance from the last one in iterations of the event loop."""
        return self._ticks.mark()

    def diverged(
        self, kind: Any, key: str, *, name: str = "", frame: int | None = None, **facts: Any
    ) -> DivergenceError:
        """Spoil the run, and return the error that says why."""
        tape = self.tape
        nearest = tape.nearest(key, name, self._served) if tape is not None else []
        error = DivergenceError(kind, key, candidates=nearest, call_site=find_call_site(), frame=frame, **facts)
        if self.error is None:
            self.error = error
            self.order.abandon()
        return self.error

    def unused(self) -> list[str]:
        """Return what was asked for and never met: mocks and edits, in words."""
        found = [
            f"mock for {mock.match!r} was never used"
            for number, mock in enumerate(self._mocks)
            if number not in self._used_mocks
        ]
        if self.config.state_overrides and self.tape and self.tape.run and "state" not in self._used_edits:
            found.append("state_overrides were never applied: the step at the cut was not reached")
        found += self._unmet
        found += [
            f"output override {n!r} was never used" for n in self.config.output_overrides if n not in self._used_edits
        ]
        return found

    def recorded_error(self, error: BaseException, key: str, index: int) -> None:
        """Note that the frame of the step `key`, at `index`, holds this very exception."""
        self._last_error = error
        identity = _identity(error)
        known = self._errors.get(identity)
        if known is None or not _is_inside(known[0], key):
            self._errors[identity] = key, index

    def origin_of(self, error: BaseException) -> int | None:
        """Return the frame of the innermost step that an exception comes from, or None if it comes from no step.

        That is a step it left, or one that an exception left which it groups or was raised from.
        """
        found = self._origin(error, depth=8)
        return None if found is None else found[1]

    def _origin(self, error: BaseException, depth: int) -> tuple[str, int] | None:
        own = self._errors.get(_identity(error))
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        parts: list[BaseException] = [*getattr(error, "exceptions", ()), *([] if cause is None else [cause])]
        found = [self._origin(part, depth - 1) for part in parts if depth]
        inner = [each for each in found if each is not None and (own is None or _is_inside(each[0], own[0]))]
        return min(inner, key=lambda each: each[1], default=own)

    def knows(self, error: BaseException) -> bool:
        """True if a step recorded this exception already, on its way out."""
        return error is self._last_error

    def close(self) -> None:
        """End the steps that nobody ended."""
        for step in list(self._open):
            step.abandon()
        if self.recorder is not None and self._lane is not None:
            self.recorder.free_lane(self._lane)
            self._lane = None

    def finish(self) -> None:
        """End the run: close what is open, and see that nothing on the tape was left over.

        Raises:
            DivergenceError: If the run diverged, also if the agent swallowed it, or left taped steps over.
        """
        self.close()
        if self.error is not None:
            raise self.error
        if self.tape is not None and self.config.mode is not ResumeMode.MOCK:
            left = self.order.pending()
            if left:
                row = self.tape.rows[left[0]]
                raise self.diverged("leftover", row.key or "", name=row.node_name, frame=row.index)

    @contextmanager
    def entered(self) -> Generator[Run]:
        """Make this the run of the code inside the block."""
        token = current_scope.set(self.scope)
        try:
            yield self
        finally:
            current_scope.reset(token)


def _identity(error: BaseException) -> tuple[int, str]:
    """Return what an exception is known by: it is not kept, for with it everything would live that it passed."""
    return id(error), f"{type(error).__name__}: {text_of(error)[:500]}"


def _is_inside(key: str, around: str) -> bool:
    """True if the step `key` is inside the step `around`."""
    return key.startswith((f"{around}:", f"{around}/"))
