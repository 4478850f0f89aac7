"""A step that runs live."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from vcr_core.engine.divergence import DivergenceError, StepError
from vcr_core.engine.loop_ticks import running_loop
from vcr_core.engine.scope import Scope, current_scope
from vcr_core.engine.served_step import EndedStep
from vcr_core.frames import FrameRow
from vcr_core.isolate import isolate
from vcr_core.session_writer import FrameStyle
from vcr_core.values import Stream

if TYPE_CHECKING:
    from vcr_core.engine.plan import StepCall
    from vcr_core.engine.run import Run

_MUTABLE = (dict, list)


class RunningStep(EndedStep):
    """A step whose body runs now, and is recorded when it is over.

    Use it as a context manager around the body; then call `succeed` with the output.  An exception that leaves the
    block is recorded as the step's.

    Attributes:
        on_abandon: Called if the run ends before the step does, to record how far it came.
    """

    live = True

    def __init__(
        self,
        run: Run,
        scope: Scope,
        call: StepCall,
        *,
        index: int | None = None,
        after_tape: bool = False,
        edited: bool = False,
    ) -> None:
        super().__init__(run, scope, call, index=index)
        self._after_tape = after_tape
        self._edited = edited
        self._inner = scope.inside(call.key or "", call)
        self._tokens: list[Any] = []
        self._spent = 0.0
        self._entered_at = 0.0
        self._over = False
        self.on_abandon: Callable[[], None] | None = None
        recorder = run.recorder
        # Where nothing is recorded, nobody asks what the body changed.
        self._before: Any = None if recorder is None else isolate(call.input)
        # Asked for with a distance in iterations only, and so in an event loop only.
        self._asked = 0 if recorder is None or running_loop() is None else recorder.frame_count

    def _event(self) -> int | None:
        return None  # behind all events of the tape

    def wait(self) -> None:
        """Wait until everything before the cut was served."""
        if self._after_tape:
            super().wait()
        self._prepare()

    async def wait_async(self) -> None:
        """As `wait`, in an event loop."""
        if self._after_tape:
            await super().wait_async()
        self._prepare()

    def wait_to_begin(self) -> None:
        """Wait until everything before the cut was served: a live stream begins after the tape."""
        self.wait()

    async def wait_to_begin_async(self) -> None:
        """As `wait_to_begin`, in an event loop."""
        await self.wait_async()

    def _prepare(self) -> None:
        if self.call.effect is not None:
            self.run.record_begin(self.call)

    # The body may be left and entered again (a generator between two chunks): only the time inside is the step's.

    def __enter__(self) -> RunningStep:
        self._tokens.append(current_scope.set(self._inner))
        self._entered_at = self.run.clock.ticks_ms()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._spent += self.run.clock.ticks_ms() - self._entered_at
        current_scope.reset(self._tokens.pop())
        if error is not None and not isinstance(error, (GeneratorExit, StopIteration, StopAsyncIteration)):
            self.fail(error)

    @contextmanager
    def entered(self) -> Generator[None]:
        """Be inside the body until its next chunk; what is raised there is for whoever drives it to record."""
        self.__enter__()
        try:
            yield
        finally:
            self.__exit__(None, None, None)

    def succeed(self, output: Any, *, metadata: dict[str, Any] | None = None, status: str = "ok") -> Any:
        """Record the output and return it."""
        self._record(output, status=status, metadata=metadata)
        return output

    def fail(self, error: BaseException, *, output: Any = None, status: str | None = None) -> None:
        """Record that the step raised; a divergence inside it is nobody's step."""
        if isinstance(error, (DivergenceError, StepError)) or self._over:
            self._close()
            return
        if status is None:
            status = "cancelled" if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt)) else "error"
        self._record(error if output is None else output, status=status, error=error)

    def abandon(self) -> None:
        """End a step that nobody ended: a generator that was never exhausted, a task that was never awaited."""
        if self.on_abandon is not None:
            self.on_abandon()
        self._close()

    def _close(self) -> None:
        if not self._over:
            self._over = True
            self.run.step_over(self, live=True, index=self.index)

    def _record(
        self,
        output: Any,
        *,
        status: str,
        error: BaseException | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        if self._over:
            return
        recorder = self.run.recorder
        call = self.call
        if recorder is not None:
            row = FrameRow(-1, call.name, call.kind, status, latency_ms=self._spent, key=call.key)
            row.parent, row.call, row.gap = self.scope.step, call.call, self.run.gap()
            row.asked = None if row.gap is None else self._asked
            row.spawn = self.scope.take_spawned_with()
            row.label, row.model, row.effect = call.label, call.model, call.effect
            row.origin = "edit" if self._edited else "live"
            style: FrameStyle = "state" if call.call == "state" and isinstance(output, dict) else "call"
            returned, mutated = self._changes(output)
            frame = recorder.record_frame(
                row,
                self._before,
                output,
                style=style,
                metadata={**call.metadata, **metadata} if call.metadata and metadata else metadata or call.metadata,
                error=error,
                chain=self.run.chain_of(self.scope),
                extra=None if returned is None else {"returned": returned},
                mutated=mutated,
            )
            if error is not None:
                self.run.recorded_error(error, call.key or "", frame.index)
        self._over = True
        self.run.step_over(self, live=True, index=self.index)

    def _changes(self, output: Any) -> tuple[str | None, dict[str, Any]]:
        """Return the argument that the output is, and those that the body changed: serving it does the same to them."""
        live: Any = self.call.input
        returned: str | None = None
        mutated: dict[str, Any] = {}
        if self.call.call == "state":
            if output is live:
                returned = ""
            elif _differs(live, self._before):
                mutated[""] = live
        elif isinstance(live, dict):
            arguments = cast("dict[str, Any]", live)
            for name, value in arguments.items():
                if output is value and isinstance(value, _MUTABLE):
                    returned = name
                elif isinstance(value, _MUTABLE) and _differs(value, self._before.get(name)):
                    mutated[name] = value
        return returned, mutated


def _differs(now: Any, before: Any) -> bool:
    try:
        return bool(now != before)
    except Exception:  # noqa: BLE001  # the agent's own __eq__; what cannot be compared is not restored
        return False


def stream_of(chunks: list[Any], offsets: list[float], end: str, value: Any = None) -> Stream:
    """Return what a frame keeps of a generator."""
    return Stream(chunks, [round(offset, 3) for offset in offsets], end, value)
