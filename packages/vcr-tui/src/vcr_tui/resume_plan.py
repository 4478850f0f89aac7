"""What resume and fork are to do with the edits of a frame.  Pure.

An edited *input* runs the frame's step again with that input.  An edited *output* stands in the place of what the step
gave, and the run goes on after it.  A step that failed gave nothing: its state is its input, so it runs again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from vcr_core.diff import diff_as_patch
from vcr_core.player import VCRPlayer
from vcr_core.session_file import SessionFile
from vcr_core.session_ids import split_take
from vcr_tui.content_builder import ContentBuilder
from vcr_tui.session_view import SessionView

_LONGEST_NAME = 80


class ResumePlan(msgspec.Struct):
    """One resume, ready to be handed to another process.

    Attributes:
        path: The recording.
        agent: ``module:function``.
        from_frame: The cut, as `vcr_core.ResumeConfig` takes it.
        overrides: JSON patch of the input at the cut.
        outputs: Output of frames before the cut, in wire form.
        session_id: Name of the new session, or None for one made up.
        words: What it does, for the person.
    """

    path: str
    agent: str
    from_frame: int
    overrides: list[dict[str, Any]] = []
    outputs: dict[int, Any] = {}
    session_id: str | None = None
    words: str = ""


def fork_name(name: str, frame: int) -> str | None:
    """Return a name for a fork of a session: ``my_run@12``; None, for one made up, if it would be long."""
    session_id = split_take(name)[0]
    return f"{session_id}@{frame}" if len(session_id) < _LONGEST_NAME else None


class _RunLine(msgspec.Struct):
    """What a "run" line of a recording tells of the agent."""

    agent: str = ""


def recorded_agent(player: VCRPlayer) -> str | None:
    """Return ``module:function`` of the agent that was recorded, or None if it was recorded by hand."""
    if player.session.agent:
        return player.session.agent
    source = player.source
    if not isinstance(source, SessionFile):
        return None
    for kind, data in source.other_lines():
        if kind == "run":
            try:
                return msgspec.json.decode(data, type=_RunLine).agent or None
            except msgspec.DecodeError:
                return None
    return None


def plan_resume(view: SessionView, builder: ContentBuilder, *, agent: str, frame: int | None = None) -> ResumePlan:
    """Return what resuming at a frame does.  Reads states, so it runs in the worker.

    Args:
        view: The session, with its edits.
        builder: Reads the states.
        agent: ``module:function``.
        frame: Where; at the cursor by default.

    Raises:
        VcrError: If a state cannot be read.
    """
    index = view.cursor if frame is None else frame
    plan = ResumePlan(
        str(view.path), agent, index, session_id=fork_name(view.name, index), words=f"running again from frame {index}"
    )
    if (index, "input") in view.edits:
        plan.overrides = diff_as_patch(builder.state(index, "input"), view.edits[index, "input"])
        plan.words = f"running frame {index} again with the edited input"
    elif (index, "output") in view.edits:
        plan.from_frame = index + 1
        plan.outputs = {index: view.edits[index, "output"]}
        plan.session_id = fork_name(view.name, index + 1)
        plan.words = f"going on after frame {index} with its output edited"
    return plan
