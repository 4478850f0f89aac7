"""What a recording says of its run beside the frames: who was called with what, and what came of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from vcr_core import VCRPlayer
from vcr_core.session_file import SessionFile
from vcr_core.wire_format import decode


@dataclasses.dataclass(frozen=True)
class RunLines:
    """The first run of a recording.

    Attributes:
        agent: ``module:function``, or None for a recording made by hand.
        input: ``{"args": […], "kwargs": {…}}`` in wire form, or None.
        has_result: True if the run returned.
        result: What it returned, in wire form.
    """

    agent: str | None = None
    input: Any = None
    has_result: bool = False
    result: Any = None


def read_run_lines(player: VCRPlayer) -> RunLines:
    """Return what a recording says of its run."""
    source = player.source
    agent: str | None = None
    given: Any = None
    has_result = False
    result: Any = None
    if isinstance(source, SessionFile):
        for kind, data in source.other_lines():
            if kind == "run" and agent is None:
                line = decode(data)
                agent, given = line["agent"], player.expand(line.get("input"))
            elif kind == "result" and not has_result:
                has_result, result = True, player.expand(decode(data).get("output"))
    return RunLines(agent, given, has_result, result)
