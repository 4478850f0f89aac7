"""Checks that the code between an agent's steps is deterministic, so that its recordings can be replayed."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from vcr_core.engine.entry import is_async
from vcr_core.engine.plan import ResumeConfig, ResumeMode
from vcr_core.engine.resume import run_again
from vcr_core.errors import VcrError
from vcr_core.player import VCRPlayer
from vcr_core.recorder import VCRRecorder
from vcr_core.values import to_wire


class NotDeterministicError(VcrError, AssertionError):
    """An agent that does not repeat itself when its steps do.

    Attributes:
        repeat: The first replay that differed, from 1.
        repeats: How many were to be made.
    """

    def __init__(self, repeat: int, repeats: int, reason: str) -> None:
        self.repeat = repeat
        self.repeats = repeats
        super().__init__(
            f"replay {repeat} of {repeats} differs from the recorded run: {reason.rstrip('.')}. Something between the "
            "steps depends on the clock, on chance, on the order of a set or on the world: make it a step, or read it "
            "through vcr_core.session."
        )


def assert_deterministic(agent: Any, *args: Any, repeats: int = 50, **kwargs: Any) -> Any:
    """Record one run of `agent`, replay it, and see that each replay takes the same steps to the same result.

    Args:
        agent: The agent; it runs live once.
        args: Its arguments.
        repeats: Number of replays.
        kwargs: Its keyword arguments.

    Returns:
        What the agent returned.

    Raises:
        NotDeterministicError: At the first replay that differs.
    """
    with tempfile.TemporaryDirectory(prefix="vcr-") as directory:
        recorder = VCRRecorder(directory)
        recorder.start_session("run")
        if is_async(agent):
            result = asyncio.run(recorder.arun(agent, *args, **kwargs))
        else:
            result = recorder.run(agent, *args, **kwargs)
        recorder.close()
        player = VCRPlayer.load_by_id("run", directory)
        expected = to_wire(result)
        for repeat in range(1, repeats + 1):
            again = run_again(player, agent, ResumeConfig(mode=ResumeMode.REPLAY, call="agent"), record=False)
            if again.error is not None:
                raise NotDeterministicError(repeat, repeats, str(again.error)) from again.error
            if to_wire(again.result) != expected:
                raise NotDeterministicError(repeat, repeats, f"it returned {again.result!r}, then {result!r}")
        player.close()
    return result
