"""The recorder: what an agent calls to have its run written down, step by step."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from vcr_core.frames import Frame, FrameKind, FrameMetadata, FrameRow, FrameStatus, Origin
from vcr_core.isolate import isolate
from vcr_core.session_recorder import SessionRecorder


class VCRRecorder(SessionRecorder):
    """Records a run into one `.vcr` file.

    Recording never disturbs the agent: a method of the ``record_`` family raises nothing for what a state holds or
    for what the disk does.  A recorded frame is in the kernel when the method returns, so a killed process loses
    nothing; it is on the disk within 200 ms, or at once with ``durability="fsync"``.  Threads and tasks may share a
    recorder; processes may append to one session (`attach`).

    Args:
        output_dir: Directory of the recordings; made when the first session starts.
        auto_save: Finish the recording at the end of the program if nobody else did.
        diff_mode: None writes a state whole or as a patch, whichever is smaller; True prefers patches; False writes
            every state whole.
        durability: ``kernel`` or ``fsync``.
        on_frame_recorded: Called with each frame after it was written; what it raises becomes a warning.
        redact: Replace secrets before anything is written; False writes them in clear.
        redactor: An own redactor, instead of the default one of the project.
        integrity_key: Key of the chain of hashes; without one it finds damage, but not a patient forger.
        clock: Gives timestamps and latencies.
        file_ops: The operating system calls the file stands on.
    """

    def record_step(  # noqa: PLR0913  # the documented signature
        self,
        node_name: str,
        input_state: Any,
        output_state: Any,
        metadata: FrameMetadata | dict[str, Any] | None = None,
        *,
        kind: FrameKind = "node",
        status: FrameStatus = "ok",
        latency_ms: float | None = None,
        parent: str | None = None,
        origin: Origin = "live",
    ) -> Frame:
        """Record one step.

        Args:
            node_name: Name of the step.
            input_state: The state it took.
            output_state: The state it gave.
            metadata: `FrameMetadata`, or a dict: known names become its fields, others are kept.
            kind: What sort of step it is.
            status: How it ended.
            latency_ms: Its own time in milliseconds; without it, the time since this thread recorded its last frame.
            parent: Key of the enclosing step.
            origin: Where its output came from.

        Returns:
            The frame, with its index.
        """
        row = FrameRow(-1, node_name, kind, status, parent=parent, origin=origin)
        self._time(row, latency_ms, metadata)
        return self.record_frame(row, input_state, output_state, "state", metadata)

    def record_llm_call(  # noqa: PLR0913  # the documented signature
        self,
        node_name: str,
        prompt: Any,
        response: Any,
        tokens: int | None = None,
        cost_usd: float | None = None,
        *,
        model: str | None = None,
        tokens_input: int | None = None,
        tokens_output: int | None = None,
        latency_ms: float | None = None,
        metadata: dict[str, Any] | None = None,
        parent: str | None = None,
    ) -> Frame:
        """Record one call of a model: ``{"prompt": prompt}`` and ``{"response": response}``.

        Args:
            node_name: Name of the step that made it.
            prompt: Text, messages, or the whole request.
            response: What came back.
            tokens: Tokens in all; the sum of input and output if None.
            cost_usd: Cost in US dollars; None is unknown.
            model: Name of the model.
            tokens_input: Tokens sent.
            tokens_output: Tokens received.
            latency_ms: Time of the call in milliseconds.
            metadata: Anything else.
            parent: Key of the enclosing step.
        """
        row = FrameRow(-1, node_name, "llm", model=model, tokens=tokens, cost_usd=cost_usd, parent=parent)
        row.tokens_input, row.tokens_output = tokens_input, tokens_output
        self._time(row, latency_ms, metadata)
        before, after = {"prompt": prompt}, {"response": response}
        return self.record_frame(row, before, after, style="call", metadata=metadata)

    def record_tool_call(  # noqa: PLR0913  # the documented signature
        self,
        node_name: str,
        tool_name: str,
        args: Any,
        result: Any,
        *,
        latency_ms: float | None = None,
        error: BaseException | str | None = None,
        metadata: dict[str, Any] | None = None,
        parent: str | None = None,
    ) -> Frame:
        """Record one call of a tool: ``{"tool": …, "args": …}`` and ``{"result": …}``.

        Args:
            node_name: Name of the step that made it.
            tool_name: The tool.
            args: What it was given.
            result: What came back; None where it failed.
            latency_ms: Time of the call in milliseconds.
            error: The exception, or a message, if it failed.
            metadata: Anything else.
            parent: Key of the enclosing step.
        """
        row = FrameRow(-1, node_name, "tool", label=tool_name, parent=parent)
        self._time(row, latency_ms, metadata)
        after: dict[str, Any] = {"result": result}
        if isinstance(error, str):
            row.status, row.error_type, row.error_message = "error", "ToolError", self._shorten(error)
            after["error"], error = error, None
        before = {"tool": tool_name, "args": args}
        return self.record_frame(row, before, after, style="call", metadata=metadata, error=error)

    def record_error(
        self,
        node_name: str,
        input_state: Any,
        error: BaseException,
        *,
        latency_ms: float | None = None,
        metadata: dict[str, Any] | None = None,
        parent: str | None = None,
    ) -> Frame:
        """Record a step that failed: its type, message, traceback, notes and cause; the state stays as it was."""
        row = FrameRow(-1, node_name, "error", "error", parent=parent)
        self._time(row, latency_ms, metadata)
        return self.record_frame(row, input_state, input_state, metadata=metadata, error=error)

    def record_checkpoint(
        self, state: Any, label: str = "checkpoint", *, metadata: dict[str, Any] | None = None
    ) -> Frame:
        """Record a state under a name, to come back to with ``player.goto_checkpoint(label)``."""
        row = FrameRow(-1, f"checkpoint:{label}", "checkpoint", label=label)
        return self.record_frame(row, state, state, metadata=metadata)

    @contextmanager
    def step(
        self, node_name: str, state: Any, *, kind: FrameKind = "node", metadata: dict[str, Any] | None = None
    ) -> Generator[RunningStep]:
        """Record the body of a ``with`` as one step, and time it.

        Set ``output`` of the yielded object; otherwise the state itself is recorded as output.  If the body raises,
        an error frame is recorded and the exception goes on.
        """
        running = RunningStep(state)
        before = isolate(state)
        started = self.clock.ticks_ms()
        try:
            yield running
        except BaseException as error:
            row = FrameRow(-1, node_name, "error", "error", latency_ms=self.clock.ticks_ms() - started)
            self.record_frame(row, before, before, metadata={**(metadata or {}), **running.metadata}, error=error)
            raise
        row = FrameRow(-1, node_name, kind, latency_ms=self.clock.ticks_ms() - started)
        self.record_frame(row, before, running.output, metadata={**(metadata or {}), **running.metadata})

    def _time(self, row: FrameRow, latency_ms: float | None, metadata: FrameMetadata | dict[str, Any] | None) -> None:
        now = self.clock.ticks_ms()
        last = getattr(self._last_frame, "tick", None)
        self._last_frame.tick = now
        if latency_ms is not None:
            row.latency_ms = latency_ms
        elif not metadata or _latency_of(metadata) is None:
            row.latency_ms = 0.0 if last is None else now - last

    def run(self, agent: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `agent` with the given arguments as a recorded run, and return what it returns.

        Its steps (`vcr_core.step` and relatives) are recorded; `VCRPlayer.resume` runs it again from any of them.  A
        session is started if none is open, and saved at the end, also if the agent raises.

        Raises:
            UsageError: If the agent is a coroutine function, or a run of this recorder is going on around the call.
        """
        from vcr_core.engine.entry import record_run  # noqa: PLC0415  # plain recording needs no engine

        return record_run(self, agent, *args, **kwargs)

    async def arun(self, agent: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """As `run`, for a coroutine function (or a plain one)."""
        from vcr_core.engine.entry import record_arun  # noqa: PLC0415  # plain recording needs no engine

        return await record_arun(self, agent, *args, **kwargs)


class RunningStep:
    """What ``with recorder.step(…) as s`` gives: a place for the output and for metadata.

    Attributes:
        output: The state that the step gives; the state it took until it is set.
        metadata: Recorded with the step.
    """

    def __init__(self, state: Any) -> None:
        self.output = state
        self.metadata: dict[str, Any] = {}


def _latency_of(metadata: FrameMetadata | dict[str, Any]) -> float | None:
    return metadata.latency_ms if isinstance(metadata, FrameMetadata) else metadata.get("latency_ms")
