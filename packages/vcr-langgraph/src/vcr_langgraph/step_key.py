"""The keys of steps in graphs: made of what stays the same when a run is replayed.

The key of a node's step is ``<call>|<super-step>[|<task>]:<node>#<attempt>``.  ``<call>`` is the path of the scope that
called the graph, with the graph's name; for a subgraph that scope is the step of the node that holds it.  So a key
holds no task id.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def task_name(path: Any) -> str:
    """Return the part of a task's path that tells it from others of its node and step; "" for the usual one.

    LangGraph's paths are tuples such as ``("__pregel_pull", node)`` and ``("__pregel_push", 2, False)``; those of tasks
    called from tasks hold the path of the caller.
    """
    if not isinstance(path, (tuple, list)):
        return "" if isinstance(path, bool) else str(path)
    if path[0] != "__pregel_push":
        return ""
    parts = [task_name(part) for part in path[1:]]
    return ".".join(part for part in parts if part)


def step_key(call_path: str, metadata: Mapping[str, Any], *, attempt: int = 1) -> str:
    """Return the key of the step that a task is, in the call of a graph with that path.

    Args:
        call_path: Path of the call.
        metadata: That of the task's config.
        attempt: Which attempt of its node it is, from 1.
    """
    task = task_name(metadata["langgraph_path"])
    where = f"{metadata['langgraph_step']}|{task}" if task else metadata["langgraph_step"]
    return f"{call_path}|{where}:{metadata['langgraph_node']}#{attempt - 1}"


class KeyParts:
    """What a key says: the call, the super-step and the task."""

    __slots__ = ("call", "step", "task")

    def __init__(self, call: str, step: int, task: str) -> None:
        self.call = call
        self.step = step
        self.task = task

    @classmethod
    def of(cls, key: str | None, node: str) -> KeyParts | None:
        """Return the parts of a key, or None if it is not that of a graph's task."""
        found = re.fullmatch(rf"(.*?)\|(-?\d+)(?:\|([^|]*))?:{re.escape(node)}#\d+", key or "", re.DOTALL)
        return None if found is None else cls(found[1], int(found[2]), found[3] or "")
