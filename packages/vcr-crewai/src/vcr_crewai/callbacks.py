"""`VCRCrewCallback`: for crews that take callbacks and are kicked off by code that is not one's own."""

from __future__ import annotations

from typing import Any

from vcr_core import Frame, VCRRecorder


class VCRCrewCallback:
    """Records what CrewAI tells its callbacks: each step of an agent, and each finished task.

    Callbacks see no inputs, no latencies and no errors; `VCRCrewAI` records all of them, and can replay.

    Example::

        callback = VCRCrewCallback(recorder)
        Crew(agents=…, tasks=…, step_callback=callback.on_step, task_callback=callback.on_task)

    Args:
        recorder: Where the frames go.
    """

    def __init__(self, recorder: VCRRecorder) -> None:
        self.recorder = recorder

    def __call__(self, output: Any) -> Frame:
        """Record either; so that the object itself can be passed for both callbacks."""
        return self.on_task(output) if hasattr(output, "expected_output") else self.on_step(output)

    def on_task(self, output: Any) -> Frame:
        """Record a finished task from its ``TaskOutput``."""
        given = {"description": output.description, "expected_output": output.expected_output, "agent": output.agent}
        return self.recorder.record_step(
            output.name or "task", given, {"raw": output.raw}, {"what": "task", "agent": output.agent}
        )

    def on_step(self, step: Any) -> Frame:
        """Record a step of an agent: a use of a tool, or an answer."""
        tool = getattr(step, "tool", None)
        if tool:
            given = {"input": getattr(step, "tool_input", None)}
            return self.recorder.record_tool_call("agent step", tool, given, getattr(step, "result", None))
        text = getattr(step, "output", None)
        thought = {"thought": getattr(step, "thought", None)}
        return self.recorder.record_step("agent step", thought, {"output": str(step if text is None else text)})
