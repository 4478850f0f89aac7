"""Steps that do not run: served from the tape, mocked, or skipped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

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
        row = tape.rows[index]
        self._record(row)
        self.run.step_over(self, live=False, index=index)
        if self._edit is not None:
            return self._edit[0]
        player = tape.player
        output = player.state(index)
        if row.status == "error" and isinstance(output, BaseException):
            raise output
        if isinstance(output, Tagged):
            raise self.run.diverged(
                "unrestorable", self.call.key or "", name=self.call.name, frame=index, actual=output.type_name, path=""
            )
        return self._as_it_was(output)

    def _as_it_was(self, output: Any) -> Any:
        """Repeat what the body did to its arguments in place."""
        tape = self.run.tape
        assert tape is not None
        assert self.index is not None
        for name, value in tape.player.wire_mutated(self.index).items():
            _replace_content(self._argument(name), tape.player.decode(value))
        returned = tape.player.written_states(self.index).returned
        if returned is not None:
            argument = self._argument(returned)
            if _replace_content(argument, output):
                return argument
        return output

    def _argument(self, name: str) -> Any:
        live = self.call.input
        return live if name == "" and self.call.call == "state" else live.get(name)

    def _record(self, row: FrameRow) -> None:
        recorder, tape = self.run.recorder, self.run.tape
        if recorder is None or tape is None or self.index is None:
            return
        session = tape.player.name
        for inner in tape.subtree(row.key or ""):
            recorder.writer.write_reference(_served(tape.rows[inner]), session, inner)
        if self._edit is None:
            recorder.writer.write_reference(_served(row), session, self.index)
        else:
            edited = msgspec.structs.replace(row, origin="edit")
            recorder.record_frame(edited, self.call.input, self._edit[0], style="call")


class CancelledStep(EndedStep):
    """A step that was cancelled when it was recorded: it waits to be cancelled again."""

    async def wait_async(self) -> None:
        """Never return; a cancellation ends it."""
        assert self.run.tape is not None
        assert self.index is not None
        if self.run.recorder is not None:
            row = _served(self.run.tape.rows[self.index])
            self.run.recorder.writer.write_reference(row, self.run.tape.player.name, self.index)
        self.run.step_over(self, live=False)
        await asyncio.get_running_loop().create_future()

    async def wait_to_begin_async(self) -> None:
        """As `wait_async`."""
        await self.wait_async()

    def wait(self) -> None:
        """Return at once; the result is the cancellation."""

    def result(self) -> Any:
        """Raise the cancellation."""
        raise asyncio.CancelledError


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
    return msgspec.structs.replace(row, origin="tape")


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
