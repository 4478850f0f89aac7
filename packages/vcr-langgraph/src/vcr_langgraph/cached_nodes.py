"""Nodes that LangGraph's node cache answers: they do not run, and are recorded with the status ``cached``."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from typing import Any

from vcr_core.engine import RunningStep, StepCall
from vcr_langgraph.compat import TAG_HIDDEN, values_after
from vcr_langgraph.graph_call import GraphCall, current_call
from vcr_langgraph.node_step import FACTS, stable_namespace
from vcr_langgraph.step_key import step_key

_BRANCH = "branch:to:"


def record_cached(call: GraphCall, loop: Any, task: Any, writes: Any) -> None:
    """Record a task whose writes came from the cache."""
    config = task.config
    metadata = config["metadata"]
    before = call.read_state(loop.channels)
    facts = {
        "namespace": stable_namespace(metadata["langgraph_checkpoint_ns"]),
        "step": metadata["langgraph_step"],
        "path": list(metadata["langgraph_path"]),
        "triggers": list(metadata["langgraph_triggers"]),
        "writes": [[name, value] for name, value in writes if name in call.state_keys],
        "goto": [name[len(_BRANCH) :] for name, _ in writes if name.startswith(_BRANCH)],
    }
    asked = StepCall(task.name, "node", before, "state", key=step_key(call.path, metadata), metadata={FACTS: facts})
    step = call.run.begin(asked, call.scope)
    if isinstance(step, RunningStep):
        step.succeed(values_after(loop.channels, before, writes, call.state_keys), status="cached")
    else:
        step.result()


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
