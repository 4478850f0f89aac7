"""One call of a recorded graph inside a run: where its frames belong, and which edits it takes.

While LangGraph drives the graph, the engine's scope is hidden: tasks and threads that LangGraph spawns are no branches
of the agent, since a super-step joins them in the order of their paths.  Inside a node the scope is that of its step.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from vcr_core.engine import ResumeMode, Run
from vcr_core.engine.scope import Scope, current_scope
from vcr_core.frames import FrameRow
from vcr_langgraph.kept_step import inside_served
from vcr_langgraph.message_ids import InputIds, state_message_channels
from vcr_langgraph.state_edit import StateEdit, edits_of
from vcr_langgraph.step_key import KeyParts

current_call: ContextVar[GraphCall | None] = ContextVar("vcr_langgraph_call", default=None)

calling_scope: ContextVar[Scope | None] = ContextVar("vcr_langgraph_calling_scope", default=None)
"""The engine's scope of the task that calls another one, while LangGraph looks for what it wrote before."""


class Driven:
    """The block in which LangGraph drives a call; a stream enters one for each chunk, so it is no generator."""

    __slots__ = ("_call", "_call_token", "_scope_token")

    def __init__(self, call: GraphCall) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._call_token = current_call.set(self._call)
        self._scope_token = current_scope.set(None)

    def __exit__(self, *_: object) -> None:
        current_scope.reset(self._scope_token)
        current_call.reset(self._call_token)


class GraphCall:
    """One call of a graph.

    Args:
        run: The run it is part of.
        name: The graph's name.
        channels: The graph's channels.
        state_keys: The channels that make up its state; empty for graphs whose nodes take plain values.

    Attributes:
        run: As given.
        path: Path of this call; keys of its steps begin with it.
        scope: The engine's scope of its steps.
        state_keys: As given.
        message_channels: The channels that gather messages.
        input_ids: Gives ids to the messages of the input.
        edits: State edits that this call is to apply, by the super-step they come before.
        inside_served: True if it is made only for what LangGraph is to keep of it: its steps are on the tape.
    """

    def __init__(self, run: Run, *, name: str, channels: Mapping[str, Any], state_keys: Sequence[str]) -> None:
        self.run = run
        self.scope: Scope = run.scope_here().named(name)
        self.path = self.scope.path(None)
        self.state_keys = list(state_keys)
        self.message_channels = state_message_channels(channels, state_keys)
        self.input_ids = InputIds(run, self.path)
        self.edits: dict[int, StateEdit] = edits_of(run, self.path, channels)
        self.inside_served = inside_served.get()
        opening = opening_step(run)
        in_here = opening is not None and (opening.key or "").startswith(f"{self.path}|")
        self._opening: FrameRow | None = opening if in_here else None
        self._opened = False
        self._whole: object = None

    def driven(self, whole: object = None) -> Driven:
        """Have LangGraph's own code run for this call, outside of any of the engine's scopes.

        Args:
            whole: The graph, if the block is all of the call: the next stream of it then needs no blocks of its own.
        """
        self._whole = whole
        return Driven(self)

    def take_whole(self, graph: object) -> bool:
        """True, once, if a block around all of the call was opened for this very graph."""
        if self._whole is not graph:
            return False
        self._whole = None
        return True

    def read_state(self, channels: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state of the graph, of the channels that hold something."""
        found: dict[str, Any] = {}
        for key in self.state_keys:
            channel = channels.get(key)
            if channel is not None and channel.is_available():
                found[key] = channel.get()
        return found

    def check_live(self, key: str, step: int, name: str) -> None:
        """See that a step may run live: that no other super-step of this call is still to be served.

        Raises:
            DivergenceError: If the tape holds steps of this call before it that were not asked for, or after it.
        """
        tape = self.run.tape
        if tape is None or self.run.config.mode is not ResumeMode.FORK or self.run.order.finished:
            return
        for index in self.run.order.pending():
            row = tape.rows[index]
            parts = KeyParts.of(row.key, row.node_name)
            if parts is not None and parts.call == self.path and parts.step != step:
                raise self.run.diverged("unexpected", key, name=name)

    def check_opening(self, key: str, step: int, name: str, shown: dict[str, Any]) -> None:
        """See that the call begins as it did when it was recorded, if it is the cut that it begins with.

        Nothing of the call is served then, so nothing else would tell that its thread holds something else.

        Raises:
            DivergenceError: If it begins with another super-step, or its first step is given something else.
        """
        row, run = self._opening, self.run
        if row is None or run.tape is None:
            return
        parts = KeyParts.of(row.key, row.node_name)
        if parts is None or parts.step != step:
            self._opening = None
            if not self._opened:
                raise run.diverged("unexpected", key, name=name)
            return
        self._opened = True
        if row.key != key or run.config.output_overrides:
            return
        edit = self.edits.get(step)
        given = shown if edit is None else edit.taken_back(shown, run.tape.player.state(row.index, "input"))
        difference = run.input_difference(row.index, given)
        if difference is not None:
            path, expected, actual = difference
            facts = {"path": path, "expected": expected, "actual": actual}
            raise run.diverged("input", key, name=name, frame=row.index, **facts)


def opening_step(run: Run) -> FrameRow | None:
    """Return the step at the cut, or the one around it, if a call that is not the first begins with it; else None."""
    tape = run.tape
    if tape is None or run.config.mode is not ResumeMode.FORK or not 0 < tape.cut < len(tape.rows):
        return None
    found: FrameRow | None = None
    row: FrameRow | None = tape.rows[tape.cut]
    while row is not None:
        found = found if KeyParts.of(row.key, row.node_name) is None else row
        above = tape.by_key.get(row.parent) if row.parent is not None else None
        row = None if above is None else tape.rows[above]
    parts = None if found is None else KeyParts.of(found.key, found.node_name)
    if found is None or parts is None:
        return None
    before = [other.key or "" for other in tape.rows[: tape.cut]]
    inside = (f"{found.key}/", f"{found.key}:")
    served = (key for key in before if key.startswith(f"{parts.call}|") and not key.startswith(inside))
    return None if any(served) or not any(not key.startswith(inside) for key in before) else found
