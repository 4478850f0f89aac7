"""Nodes that LangGraph's node cache answers: they do not run, and are recorded with the status ``cached``."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from typing import Any

from langgraph.func import entrypoint

from vcr_core.engine import EndedStep, RunningStep, StepCall
from vcr_core.engine.scope import Scope
from vcr_langgraph.compat import END, PREVIOUS, PUSH, RETURN, TAG_HIDDEN, values_after
from vcr_langgraph.graph_call import GraphCall, calling_scope, current_call
from vcr_langgraph.node_step import FACTS, stable_namespace
from vcr_langgraph.state_edit import INPUT
from vcr_langgraph.step_key import step_key

_BRANCH = "branch:to:"
Writes = list[tuple[str, Any]]


def record_cached(call: GraphCall, loop: Any, task: Any, writes: Writes) -> None:
    """Record a task whose writes came from the cache."""
    if call.inside_served:
        return
    metadata = task.config["metadata"]
    facts = {
        "namespace": stable_namespace(metadata["langgraph_checkpoint_ns"]),
        "step": metadata["langgraph_step"],
        "path": list(metadata["langgraph_path"]),
        "triggers": list(metadata["langgraph_triggers"]),
    }
    if not call.state_keys or metadata["langgraph_path"][-1] is True:
        step, output = _begin_plain(call, task, writes, facts)
    else:
        step, output = _begin_with_state(call, loop.channels, task, writes, facts)
    if isinstance(step, RunningStep):
        step.succeed(output, status="cached")
    else:
        step.result()


def _begin_with_state(
    call: GraphCall, channels: Any, task: Any, writes: Writes, facts: dict[str, Any]
) -> tuple[EndedStep, Any]:
    """Begin the step of a node of a graph with state; one that was sent shows its argument too."""
    before = call.read_state(channels)
    path = task.config["metadata"]["langgraph_path"]
    facts["writes"] = [[name, value] for name, value in writes if name in call.state_keys]
    facts["goto"] = [name[len(_BRANCH) :] for name, _ in writes if name.startswith(_BRANCH)]
    shown = {**before, INPUT: task.input} if path[0] == PUSH else before
    step = _begin(call, call.scope, task, shown, "state", facts)
    return step, values_after(channels, before, writes, call.state_keys)


def _begin_plain(call: GraphCall, task: Any, writes: Writes, facts: dict[str, Any]) -> tuple[EndedStep, Any]:
    """Begin the step of a node that takes a plain value: an entrypoint, or a task that another one calls."""
    outer, given, written = calling_scope.get(), task.input, dict(writes)
    if RETURN not in written or outer is None:
        value, saved = written.get(END), written.get(PREVIOUS)
        output = value if saved is value else entrypoint.final(value=value, save=saved)
        return _begin(call, call.scope, task, {INPUT: given}, "args", facts), output
    scope = Scope(call.run, path=outer.path(None), parent=outer, step=outer.step)
    args, kwargs = given
    shown = {INPUT: {"args": list(args), "kwargs": kwargs}}
    return _begin(call, scope, task, shown, "args", facts), written[RETURN]


def _begin(
    call: GraphCall, scope: Scope, task: Any, shown: dict[str, Any], style: str, facts: dict[str, Any]
) -> EndedStep:
    key = step_key(call.path, task.config["metadata"])
    return call.run.begin(StepCall(task.name, "node", shown, style, key=key, metadata={FACTS: facts}), scope)


def tap_output_writes(plain: Any) -> Any:
    """Return ``PregelLoop.output_writes`` with each cached task recorded."""

    @functools.wraps(plain)
    def output_writes(self: Any, task_id: str, writes: Any, *, cached: bool = False) -> Any:
        call = current_call.get() if cached else None
        task = self.tasks.get(task_id) if call is not None else None
        if call is not None and task is not None and TAG_HIDDEN not in (task.config.get("tags") or ()):
            record_cached(call, self, task, list(writes))
        return plain(self, task_id, writes, cached=cached)

    return output_writes


TAPS = {"output_writes": tap_output_writes}
