"""Steps that do not run: served from the tape, mocked, or skipped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec

from vcr_core.engine.order import StalledError
from vcr_core.engine.scope import Scope
from vcr_core.frames import FrameRow
from vcr_core.runtime_types import type_of
from vcr_core.values import Tagged

if TYPE_CHECKING:
    from vcr_core.engine.plan import Mock, StepCall
    from vcr_core.engine.run import Run


_GRACE = 0.05
"""Seconds that an unexpected step in a branch is given to be cancelled."""


class EndedStep:
    """A step as `Run.begin` returns it: to be waited for, then run if it is live, else asked for its result.

    Attributes:
        run: The run it belongs to.
        scope: Where it was asked for.
        call: What was asked for.
        index: The taped frame it is, or None.
        live: True if its body is to run.
    """

    live = False

    def __init__(self, run: Run, scope: Scope, call: StepCall, *, index: int | None) -> None:
        self.run = run
        self.scope = scope
        self.call = call
        self.index = index

    def _event(self) -> int | None:
        return self.index

    def wait(self) -> None:
        """Return when it is this step's turn; blocks a thread, never an event loop.

        Raises:
            DivergenceError: If its turn does not come, or the run diverged meanwhile.
        """
        try:
            self.run.order.wait(self._event(), self.scope)
        except StalledError as error:
            raise self._stalled() from error
        self._check()

    async def wait_async(self) -> None:
        """As `wait`, in an event loop."""
        try:
            await self.run.order.wait_async(self._event(), self.scope)
        except StalledError as error:
            raise self._stalled() from error
        self._check()

    def wait_to_begin(self) -> None:
        """Return when a step that gives a stream may begin: at once, since its frame stands where it ended."""
        self._check()

    async def wait_to_begin_async(self) -> None:
        """As `wait_to_begin`, in an event loop."""
        self._check()

    def _check(self) -> None:
        if self.run.error is not None:
            raise self.run.error

    def _stalled(self) -> Exception:
        left = self.run.order.pending()
        return self.run.diverged("stalled", self.call.key or "", name=self.call.name, frame=left[0] if left else None)

    def result(self) -> Any:
        """Return what the step gives, or raise what it raises; a step that is ``live`` gives what its body does."""
        raise NotImplementedError(f"{self.call.name} is live: run it, it has no result to be asked for")

    def abandon(self) -> None:
        """End a step that nobody asked for its result."""
        self.run.step_over(self, live=False)


class ServedStep(EndedStep):
    """A step whose output stands on the tape."""

    def __init__(self, run: Run, scope: Scope, call: StepCall, *, index: int, edit: tuple[Any] | None) -> None:
        super().__init__(run, scope, call, index=index)
        self._edit = edit

    def result(self) -> Any:
        """Return the recorded output, restored; raise it, if the step raised.

        Raises:
            DivergenceError: If its type cannot be restored here.
        """
        tape, index = self.run.tape, self.index
        assert tape is not None
        assert index is not None
        row, player = tape.rows[index], tape.player
        changed = {name: player.decode(value) for name, value in player.wire_mutated(index).items()}
        frame = self._record(row, changed)
        for name, value in changed.items():  # what the body did to its arguments in place, also before it raised
            _replace_content(self._argument(name), value)
        self.run.step_over(self, live=False, index=index)
        if self._edit is not None:
            return self._edit[0]
        output = player.state(index)
        if row.status == "error" and isinstance(output, BaseException):
            if frame is not None:
                self.run.recorded_error(output, self.call.key or "", frame)
            raise output
        if isinstance(output, Tagged):
            raise self.run.diverged(
                "unrestorable", self.call.key or "", name=self.call.name, frame=index, actual=output.type_name, path=""
            )
        returned = player.written_states(index).returned
        if returned is None:
            return output
        argument = self._argument(returned)
        return argument if _replace_content(argument, output) else output

    def _argument(self, name: str) -> Any:
        live = self.call.input
        return live if name == "" and self.call.call == "state" else live.get(name)

    def _record(self, row: FrameRow, changed: dict[str, Any]) -> int | None:
        """Record the step, and those inside it; return its frame in the new session."""
        recorder, tape = self.run.recorder, self.run.tape
        if recorder is None or tape is None or self.index is None:
            return None
        session = tape.player.name
        for inner in tape.subtree(row.key or ""):
            recorder.writer.write_reference(_served(tape.rows[inner]), session, inner)
        if self._edit is None:
            return recorder.writer.write_reference(_served(row), session, self.index).index
        edited = msgspec.structs.replace(row, origin="edit")
        frame = recorder.record_frame(edited, self.call.input, self._edit[0], style="call", mutated=changed)
        return frame.index


class CancelledStep(EndedStep):
    """A step that was cancelled when it was recorded: it waits to be cancelled again."""

    async def wait_async(self) -> None:
        """Never return; a cancellation ends it. If it ended the run, there is nobody to cancel it: raise it."""
        tape = self.run.tape
        assert tape is not None
        if tape.player.end is not None and tape.player.end.failed_at == self.index:
            self.result()
        self._record()
        await asyncio.get_running_loop().create_future()

    def wait(self) -> None:
        """Return at once; the result is the cancellation."""

    def taped(self) -> Any:
        """Return what the tape holds: the exception that ended it, or a stream up to there with the exception."""
        assert self.run.tape is not None
        assert self.index is not None
        return self.run.tape.player.state(self.index)

    def result(self) -> Any:
        """Raise what ended it: the cancellation, or the interrupt of a person."""
        taped = self.taped()
        ended_by = cast("dict[str, Any]", taped).get("error") if isinstance(taped, dict) else taped
        error = ended_by if isinstance(ended_by, BaseException) else asyncio.CancelledError()
        frame = self._record()
        if frame is not None:
            self.run.recorded_error(error, self.call.key or "", frame)
        raise error

    def _record(self) -> int | None:
        """Record it and end it; return its frame in the new session."""
        run, index = self.run, self.index
        assert run.tape is not None
        assert index is not None
        row: FrameRow | None = None
        if run.recorder is not None:
            row = run.recorder.writer.write_reference(_served(run.tape.rows[index]), run.tape.player.name, index)
        run.step_over(self, live=False)
        return None if row is None else row.index


class UnexpectedStep(EndedStep):
    """A step that the tape does not hold, in a branch that may have been cancelled before it came so far.

    It waits for everything that the tape holds; if nobody has cancelled it then, the run has diverged.
    """

    def _event(self) -> int | None:
        return None

    def wait(self) -> None:
        """Wait for the end of the tape, then raise the divergence."""
        super().wait()
        raise self.run.diverged("unexpected", self.call.key or "", name=self.call.name)

    async def wait_async(self) -> None:
        """As `wait`; a cancellation ends it before."""
        await super().wait_async()
        await asyncio.sleep(_GRACE)
        raise self.run.diverged("unexpected", self.call.key or "", name=self.call.name)

    def wait_to_begin(self) -> None:
        """As `wait`."""
        self.wait()

    async def wait_to_begin_async(self) -> None:
        """As `wait_async`."""
        await self.wait_async()


class MockedStep(EndedStep):
    """A step that is answered by a mock."""

    def __init__(self, run: Run, scope: Scope, call: StepCall, mock: Mock, *, index: int | None) -> None:
        super().__init__(run, scope, call, index=index)
        self._mock = mock

    def wait(self) -> None:
        """Return at once: a mock waits for nobody."""

    async def wait_async(self) -> None:
        """Return at once: a mock waits for nobody."""

    def result(self) -> Any:
        """Return what the mock gives, or raise what it raises."""
        mock, call, recorder = self._mock, self.call, self.run.recorder
        error = mock.raises() if isinstance(mock.raises, type) else mock.raises
        output = mock.call(call.input) if error is None and mock.call is not None else mock.value
        if recorder is not None:
            row = _row_of(call, self.scope, origin="mock")
            recorder.record_frame(row, call.input, error or output, style="call", metadata=call.metadata, error=error)
        self.run.step_over(self, live=False, index=self.index)
        if error is not None:
            raise error
        return output


class SkippedStep(EndedStep):
    """A step that is not run: it gives the state it took, or None."""

    def wait(self) -> None:
        """Return at once."""

    async def wait_async(self) -> None:
        """Return at once."""

    def result(self) -> Any:
        """Return the state that the step took; None for a step that takes arguments."""
        call, recorder = self.call, self.run.recorder
        output = call.input if call.call == "state" else None
        if recorder is not None:
            row = _row_of(call, self.scope, origin="mock")
            recorder.record_frame(row, call.input, output, style="call", metadata={"skipped": True})
        self.run.step_over(self, live=False, index=self.index)
        return output


def _row_of(call: StepCall, scope: Scope, *, origin: str) -> FrameRow:
    row = FrameRow(-1, call.name, call.kind, key=call.key, parent=scope.step, origin=origin)
    row.call, row.label, row.model = call.call, call.label, call.model
    return row


def _served(row: FrameRow) -> FrameRow:
    """The row of a frame that is served; that it was edited once stays known."""
    return msgspec.structs.replace(row, origin="edit" if row.origin == "edit" else "tape")


def _replace_content(target: Any, value: Any) -> bool:
    """Make a live dict or list hold what `value` holds; False if they are not of one kind."""
    kinds = (type_of(target), type_of(value))
    if kinds == (dict, dict):
        target.clear()
        target.update(value)
    elif kinds == (list, list):
        target[:] = value
    else:
        return False
    return True
