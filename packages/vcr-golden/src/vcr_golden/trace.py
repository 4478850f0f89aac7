"""What a run did, step by step, in the form in which two runs are compared: read from a recording, or from a replay."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from vcr_core import FrameRow, VCRPlayer
from vcr_golden.ledger import Usage
from vcr_golden.run_lines import read_run_lines
from vcr_golden.wire import digest_of, masked


@dataclasses.dataclass(frozen=True)
class TraceStep:
    """One step.

    Attributes:
        name: Its name; of a tool that was recorded under another one, the tool's.
        kind: node, llm, tool, value, error or checkpoint.
        input: In wire form.
        output: In wire form; None for a step that was refused.
        row: The small fields of its frame.
        input_digest: Of the input.
        output_digest: Of the output.
    """

    name: str
    kind: str
    input: Any
    output: Any
    row: FrameRow
    input_digest: str
    output_digest: str

    @property
    def call(self) -> tuple[str, str]:
        """Name and input: two steps with an equal one are the same call."""
        return self.name, self.input_digest


@dataclasses.dataclass(frozen=True)
class Trace:
    """A run.

    Attributes:
        steps: All of them, in order.
        output: What the run returned, else the output of its last step; wire form.
        returned: True if the run ended well.
        error: How it ended otherwise.
        cut_short: True if it was ended where it left the recording, so that steps after that are not missing.
    """

    steps: list[TraceStep]
    output: Any
    returned: bool = True
    error: str | None = None
    cut_short: bool = False

    @property
    def tools(self) -> list[TraceStep]:
        """The tool calls."""
        return [step for step in self.steps if step.kind == "tool"]

    @property
    def usage(self) -> Usage:
        """What all steps used."""
        return Usage.of(step.row for step in self.steps)


def step_of(player: VCRPlayer, row: FrameRow) -> TraceStep:
    """Return one frame as a step of a trace."""
    given = masked(player.wire_state(row.index, "input"))
    output = masked(player.wire_state(row.index))
    name = row.label if row.kind == "tool" and row.label else row.node_name
    return TraceStep(name, row.kind, given, output, row, digest_of(given), digest_of(output))


def read_trace(recording: Path) -> Trace:
    """Return what the recording in a file did."""
    player = VCRPlayer.load(recording)
    try:
        return trace_of(player)
    finally:
        player.close()


def trace_of(player: VCRPlayer) -> Trace:
    """Return what a recording did."""
    steps = [step_of(player, player.rows[index]) for index in range(len(player))]
    lines = read_run_lines(player)
    last = steps[-1].output if steps else None
    output = masked(lines.result) if lines.has_result else last
    failed = player.end is not None and player.end.status != "ok"
    error = next((step.row.error_message for step in reversed(steps) if step.row.status == "error"), None)
    return Trace(steps, output, not failed, (error or "the run failed") if failed else None)
