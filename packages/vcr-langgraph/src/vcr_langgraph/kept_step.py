"""A step inside of a served one: it gives what the tape holds, and is recorded with the step around it."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from langgraph.errors import GraphBubbleUp

from vcr_core.engine import EndedStep, Run, StepCall
from vcr_core.engine.scope import Scope
from vcr_langgraph.step_key import KeyParts

LEFT = ("interrupt", "error", "cancelled")
"""Statuses of steps that a later call of the thread makes again."""

inside_served: ContextVar[bool] = ContextVar("vcr_langgraph_inside_served", default=False)
"""True where a subgraph is called only for what it leaves behind."""


class CutOff(GraphBubbleUp):
    """Leaves a step that had not ended when the step around it did; LangGraph keeps nothing of it."""


class KeptStep(EndedStep):
    """A step of the tape inside of a served one.  Its frame is written with that of the one around it."""

    def result(self) -> Any:
        """Return the recorded output, or raise what the step raised."""
        tape, index = self.run.tape, self.index
        assert tape is not None
        assert index is not None
        output = tape.player.state(index)
        if tape.rows[index].status == "error" and isinstance(output, BaseException):
            raise output
        return output


def kept_step(run: Run, scope: Scope, asked: StepCall) -> KeptStep:
    """Return a step that is asked for inside of a served one.

    Raises:
        CutOff: If it had not ended when its super-step was left.
        DivergenceError: If the tape holds nothing of it.
    """
    if run.error is not None:
        raise run.error
    tape, key = run.tape, asked.key or ""
    assert tape is not None
    index = tape.by_key.get(key)
    if index is not None and tape.serves(index) and tape.rows[index].status != "cancelled":
        return KeptStep(run, scope, asked, index=index)
    if index is None and not _was_left(run, KeyParts.of(key, asked.name)):
        raise run.diverged("unexpected", key, name=asked.name)
    raise CutOff


def _was_left(run: Run, parts: KeyParts | None) -> bool:
    """True if the super-step of a step was left by another one, which did not wait for it."""
    assert run.tape is not None
    for row in run.tape.rows if parts is not None else ():
        other = KeyParts.of(row.key, row.node_name) if row.status in LEFT else None
        if other is not None and parts is not None and (other.call, other.step) == (parts.call, parts.step):
            return True
    return False
