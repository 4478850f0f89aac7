"""Finds the first step whose replacement makes a failed run pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from vcr_core.engine.plan import ResumeConfig
from vcr_core.engine.resume import Resumption, run_again
from vcr_core.frames import FrameRow

if TYPE_CHECKING:
    from vcr_core.player import VCRPlayer

Oracle = Callable[[FrameRow, Any, Any], Any]
"""Given a frame's row, its input and its recorded output, returns what the output should have been."""
Passes = Callable[[Resumption], bool]
KEEP = object()
"""What an oracle returns for a step that it has nothing better for."""


class BisectResult(msgspec.Struct):
    """What was found.

    Attributes:
        frame: The first step whose replacement makes the run pass, or None if no single one does.
        name: Its name.
        tried: Frames that were tried, in order.
        resumption: The run that passed.
    """

    frame: int | None
    name: str | None
    tried: list[int]
    resumption: Resumption | None


def bisect_run(
    player: VCRPlayer,
    agent: Any,
    oracle: Oracle,
    *,
    passes: Passes | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BisectResult:
    """Replace one step's output after the other by what an oracle says, and go on live, until the run passes.

    Unlike a search by halves this makes no assumption that a run which is mended once stays mended; each trial runs
    live only the steps behind the replaced one, and steps for which the oracle agrees with the recording cost nothing.

    Args:
        player: The recording of the run that failed.
        agent: The agent.
        oracle: Says what a step should have given; `KEEP` where it does not know.
        passes: Judges a run; by default it passes if it raises nothing.
        progress: Called with the frame that is tried and the number of frames.
    """
    judge = passes if passes is not None else _raised_nothing
    tried: list[int] = []
    for row in player.rows:
        if row.key is None:
            continue
        recorded = player.state(row.index)
        better = oracle(row, player.state(row.index, "input"), recorded)
        if better is KEEP or better == recorded:
            continue
        tried.append(row.index)
        if progress is not None:
            progress(row.index, len(player))
        config = ResumeConfig(from_frame=row.index + 1, output_overrides={row.index: better})
        resumption = run_again(player, agent, config, record=False)
        if judge(resumption):
            return BisectResult(row.index, row.node_name, tried, resumption)
    return BisectResult(None, None, tried, None)


def _raised_nothing(resumption: Resumption) -> bool:
    return resumption.error is None
