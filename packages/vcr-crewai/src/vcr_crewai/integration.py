"""`VCRCrewAI`: kicks crews and flows off so that they record themselves."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from crewai.events import crewai_event_bus

from vcr_core import VCRRecorder
from vcr_crewai.run_opening import open_run, recorder_here
from vcr_crewai.taps import install_taps

C = TypeVar("C")


class VCRCrewAI:
    """Records crews and flows with `recorder`.

    Every frame is there, in order, when a kickoff returns or raises: CrewAI's calls are recorded where they are made,
    not from its event bus.

    Example::

        result = VCRCrewAI(recorder).kickoff(crew, inputs={"topic": "tides"})
        VCRPlayer.load(recorder.path).resume(crew, ResumeConfig(from_frame=5))

    Args:
        recorder: Where the runs are recorded.
    """

    def __init__(self, recorder: VCRRecorder) -> None:
        self.recorder = recorder

    def kickoff(self, crew: Any, inputs: dict[str, Any] | None = None) -> Any:
        """Record ``crew.kickoff(inputs)`` and return its output; `crew` may be a flow.

        Raises:
            Exception: What the crew raises; the recording is saved before.
        """
        return self._open(crew, "kickoff", inputs)

    async def akickoff(self, crew: Any, inputs: dict[str, Any] | None = None) -> Any:
        """As `kickoff`, for CrewAI's native ``akickoff``."""
        return await self._open(crew, "akickoff", inputs)

    async def kickoff_async(self, crew: Any, inputs: dict[str, Any] | None = None) -> Any:
        """As `kickoff`, for CrewAI's ``kickoff_async``, which runs a crew in a thread."""
        return await self._open(crew, "kickoff_async", inputs)

    def kickoff_for_each(self, crew: Any, inputs: Sequence[dict[str, Any]]) -> list[Any]:
        """Record ``crew.kickoff_for_each(inputs)`` as one run: a crew frame for each input."""
        results: list[Any] = self._open(crew, "kickoff_for_each", list(inputs))
        return results

    @contextmanager
    def session(self, crew: C) -> Generator[C]:
        """Record every kickoff that is made inside the block, each as a run.

        Kickoffs of other crews inside the block are recorded too; those in other threads are not.
        """
        install_taps()
        token = recorder_here.set(self.recorder)
        try:
            yield crew
        finally:
            recorder_here.reset(token)
            crewai_event_bus.flush()

    def _open(self, crew: Any, method: str, inputs: Any) -> Any:
        install_taps()
        return open_run(self.recorder, crew, method, {"inputs": inputs})
