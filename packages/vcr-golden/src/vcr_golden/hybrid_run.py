"""HYBRID: serve each step that is what it was, run each that is not.

A step is served if its code, its input and, where it depends on resources, what was written to them before are equal
to those of a recorded step that was not used yet.  A step that runs live and gives what it gave leaves everything after
it as it was, so that is served again (early cutoff, as in build systems).  No order is imposed.

A served write did not happen in this run.  Before a step that depends on the same resource runs live, such writes are
therefore done after all, in order; a write that nobody depends on stays served.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Mapping
from typing import Any, Literal

from vcr_core import ResumeConfig
from vcr_core.engine import EndedStep, RunningStep, StepCall
from vcr_core.engine.order import Order
from vcr_core.engine.scope import ROOT, Scope
from vcr_core.engine.served_step import ServedStep
from vcr_core.engine.tape import Tape
from vcr_core.frames import FrameRow
from vcr_core.recorder import VCRRecorder
from vcr_golden.code_fingerprint import fingerprint
from vcr_golden.effects import Effect, Effects
from vcr_golden.errors import GoldenError
from vcr_golden.manifest import Manifest
from vcr_golden.observed_run import ReplayRun
from vcr_golden.taped_steps import TapedSteps, step_identity
from vcr_golden.wire import digest_of
from vcr_golden.world import World, touches

Policy = Mapping[str, Literal["run", "serve"]]
"""What to do with an irreversible step that changed, by its name or ``*``."""


class IrreversibleStepError(GoldenError):
    """An irreversible step would have to run again, and no policy allows it; it did not run.

    Attributes:
        key: The step.
        name: Its name.
        why: What changed.
    """

    def __init__(self, key: str, name: str, why: str) -> None:
        self.key = key
        self.name = name
        self.why = why
        super().__init__(
            f"step {key} is irreversible, and {why}: it was not run. Pass policy={{'{name}': 'run'}} to repeat it, or "
            "'serve' to go on with what it gave when it was recorded (its input has to be the recorded one)."
        )


class UnappliedWriteError(GoldenError):
    """A step that runs live depends on a write that was served, and that cannot be done after all.

    Attributes:
        key: The step that was to run.
        write: The step that was served.
    """

    def __init__(self, key: str, write: str) -> None:
        self.key = key
        self.write = write
        super().__init__(
            f"step {key} has to run, and depends on what {write} wrote, which was served from the recording. Only a "
            "plain function whose arguments are recorded can be done after all: run this task with mode='live'."
        )


class HybridRun(ReplayRun):
    """A run that serves what did not change; see the module.

    Attributes:
        reasons: Why each live step ran, by key.
        caught_up: Keys of the served writes that were done after all.
    """

    def __init__(
        self,
        recorder: VCRRecorder | None,
        *,
        manifest: Manifest,
        effects: Effects,
        policy: Policy | None = None,
        tape: Tape | None = None,
        config: ResumeConfig | None = None,
        root: str = ROOT,
    ) -> None:
        super().__init__(recorder, tape=tape, config=config, root=root)
        assert tape is not None
        self.order = Order()
        self.reasons: dict[str, str] = {}
        self.caught_up: list[str] = []
        self._effects = effects
        self._policy: Policy = policy or {}
        self._steps = TapedSteps(tape, manifest)
        self._world = World()
        self._unapplied: list[tuple[StepCall, Effect, int]] = []
        self._codes: dict[Any, str | None] = {}
        self._policy_lock = threading.RLock()

    def decide(self, call: StepCall, scope: Scope) -> EndedStep:
        """Serve a step that is what it was, else run it.

        Raises:
            IrreversibleStepError: If it must not run without a policy.
        """
        with self._policy_lock:
            effect = self._effects.of_call(call)
            code, given = self._code_of(call), digest_of(self.inputs.wire(call.input))
            identity = step_identity(call.name, code, given)
            history = self._world.history(effect)
            index, reason = self._steps.find(call, code, given, history, effect)
            if index is None and effect.kind == "irreversible":
                index = self._by_policy(call, given, reason)
            if index is not None:
                return self._served_step(call, scope, index, effect)
            self.reasons[call.key or ""] = reason
            return _HybridStep(self, scope, call, effect, identity)

    def _code_of(self, call: StepCall) -> str | None:
        function = call.function
        if function is None:
            return None
        if function not in self._codes:
            self._codes[function] = fingerprint(function)
        return self._codes[function]

    def _by_policy(self, call: StepCall, given: str, reason: str) -> int | None:
        policy = self._policy.get(call.name) or self._policy.get("*")
        if policy == "run":
            return None
        index = self._steps.find_by_input(call, given) if policy == "serve" else None
        if index is None:
            raise IrreversibleStepError(call.key or "", call.name, reason)
        return index

    def _served_step(self, call: StepCall, scope: Scope, index: int, effect: Effect) -> EndedStep:
        assert self.tape is not None
        self._served.add(index)
        for event in self._steps.use(index):
            self._world.events.append(event)
        if effect.kind == "write":
            self._unapplied.append((call, effect, index))
        return _HybridServed(self, scope, call, index=index, edit=None)

    def ran(self, effect: Effect, identity: str) -> None:
        """Note that a step ran live."""
        with self._policy_lock:
            self._world.note(effect, identity)

    def writes_needed_by(self, call: StepCall, effect: Effect) -> list[tuple[StepCall, int]]:
        """Take the served writes that a step depends on, in order.

        Raises:
            UnappliedWriteError: If one of them cannot be done after all.
        """
        if effect.kind not in ("read", "write"):
            return []
        with self._policy_lock:
            needed: list[tuple[StepCall, Effect, int]] = []
            for entry in reversed(self._unapplied):
                # Of what a needed write touches, everything written before it is needed too.
                if any(touches(entry[1], later.resources) for later in (effect, *(e for _, e, _ in needed))):
                    needed.insert(0, entry)
            for write, _, _ in needed:
                if write.function is None or _hides_receiver(write.function):
                    raise UnappliedWriteError(call.key or "", write.key or write.name)
            self._unapplied = [entry for entry in self._unapplied if entry not in needed]
        self.caught_up += [write.key or "" for write, _, _ in needed]
        return [(write, index) for write, _, index in needed]


def _hides_receiver(function: Any) -> bool:
    first = next(iter(inspect.signature(function).parameters), None)
    return first in ("self", "cls")


class _HybridStep(RunningStep):
    """A live step of a hybrid run: served writes that it depends on are done before it."""

    def __init__(self, run: HybridRun, scope: Scope, call: StepCall, effect: Effect, identity: str) -> None:
        super().__init__(run, scope, call)
        self._hybrid = run
        self._effect = effect
        self._identity = identity
        self._noted = False

    def wait(self) -> None:
        for write, _ in self._hybrid.writes_needed_by(self.call, self._effect):
            outcome = _do_again(write)
            if inspect.isawaitable(outcome):
                _discard(outcome)
                raise UnappliedWriteError(self.call.key or "", write.key or write.name)
        super().wait()

    async def wait_async(self) -> None:
        for write, _ in self._hybrid.writes_needed_by(self.call, self._effect):
            outcome = _do_again(write)
            if inspect.isawaitable(outcome):
                await outcome
        await super().wait_async()

    def _close(self) -> None:
        self._note()
        super()._close()

    def succeed(self, output: Any, *, metadata: dict[str, Any] | None = None, status: str = "ok") -> Any:
        self._note()
        return super().succeed(output, metadata=metadata, status=status)

    def fail(self, error: BaseException, *, output: Any = None, status: str | None = None) -> None:
        self._note()
        super().fail(error, output=output, status=status)

    def _note(self) -> None:
        if not self._noted:
            self._noted = True
            self._hybrid.ran(self._effect, self._identity)


def _do_again(write: StepCall) -> Any:
    signature = inspect.signature(write.function)
    bound = signature.bind_partial()
    named = {next(iter(signature.parameters)): write.input} if write.call == "state" else write.input
    bound.arguments.update(named)
    return write.function(*bound.args, **bound.kwargs)


def _discard(outcome: Any) -> None:
    close = getattr(outcome, "close", None)
    if close is not None:
        close()


class _HybridServed(ServedStep):
    """A served step that may have been recorded under another key."""

    def _record(self, row: FrameRow, changed: dict[str, Any]) -> int | None:
        recorder, tape = self.run.recorder, self.run.tape
        assert tape is not None
        if recorder is None or self.index is None:
            return None
        frame = None
        old, new = row.key or "", self.call.key or ""
        for inner in (*tape.subtree(old), self.index):
            copied = _copy(tape.rows[inner], old, new)
            if inner == self.index:
                copied.parent = self.scope.step
            frame = recorder.writer.write_reference(copied, tape.player.name, inner).index
        return frame


def _copy(row: FrameRow, old: str, new: str) -> FrameRow:
    """Return the row of a served frame, its keys moved from below `old` to below `new`."""
    copied = copy.copy(row)
    copied.origin = "tape"
    copied.key, copied.parent = _moved(row.key, old, new), _moved(row.parent, old, new)
    return copied


def _moved(key: str | None, old: str, new: str) -> str | None:
    return new + key[len(old) :] if key is not None and key.startswith(old) else key
