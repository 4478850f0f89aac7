"""Runs one call of CrewAI's as a step of the current run: served, or run live and recorded.

All taps share this.  What differs between them (the input that is recorded, what a served output has to restore) is a
`Recorded`, made by the tap for each call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall


class Recorded:
    """One call of the framework's.

    Args:
        call: What the run is asked for.
    """

    def __init__(self, call: StepCall) -> None:
        self.call = call

    def begin(self, run: Run) -> EndedStep:
        """Ask the run what becomes of the call."""
        return run.begin(self.call)

    def edit(self) -> None:
        """Apply what was edited in ``call.input`` to the arguments of the live call."""

    def describe(self, output: Any) -> tuple[Any, dict[str, Any] | None]:
        """Return what the frame keeps of the output, and its metadata."""
        return output, None

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Return what a served call gives, after doing to the framework's objects what the call would have done."""
        return output


def run_recorded(run: Run, recorded: Recorded, body: Callable[[], Any]) -> Any:
    """Have the run serve `recorded`, or call `body` and record it."""
    step = recorded.begin(run)
    step.wait()
    if not isinstance(step, RunningStep):
        return recorded.restore(step, step.result())
    recorded.edit()
    with step:
        output = body()
    return _record(step, recorded, output)


async def arun_recorded(run: Run, recorded: Recorded, body: Callable[[], Awaitable[Any]]) -> Any:
    """As `run_recorded`, in an event loop."""
    step = recorded.begin(run)
    await step.wait_async()
    if not isinstance(step, RunningStep):
        return recorded.restore(step, step.result())
    recorded.edit()
    with step:
        output = await body()
    return _record(step, recorded, output)


def _record(step: RunningStep, recorded: Recorded, output: Any) -> Any:
    kept, metadata = recorded.describe(output)
    step.succeed(kept, metadata=metadata)
    return output
