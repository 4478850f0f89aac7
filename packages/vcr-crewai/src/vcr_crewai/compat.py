"""What this package uses of CrewAI that CrewAI does not promise to keep, and the shapes it has there."""

from __future__ import annotations

from typing import Any, cast

from crewai import Agent, Crew, Flow, Task
from crewai.agents.agent_executor import AgentExecutor
from crewai.events.event_bus import CrewAIEventsBus

__all__ = [
    "ATTEMPTS",
    "FLOW_METHOD",
    "TASK_BODIES",
    "Agent",
    "CrewAIEventsBus",
    "Flow",
    "Task",
    "add_usage",
    "count_tool_use",
    "is_executor",
    "position_of",
    "usage_of",
]

TASK_BODIES = ("_execute_core", "_aexecute_core")
"""What ``execute_sync``, ``execute_async`` and ``aexecute_sync`` all end in, synchronous and not."""
ATTEMPTS = (
    "_execute_without_timeout",
    "_execute_with_timeout",
    "_aexecute_without_timeout",
    "_aexecute_with_timeout",
)
"""One attempt of an agent at a task; a retry calls it again."""
FLOW_METHOD = "_execute_method"
_USAGE = ("prompt_tokens", "completion_tokens", "total_tokens")


def is_executor(flow: Any) -> bool:
    """True for the flow that CrewAI itself runs an agent's loop with."""
    return isinstance(flow, AgentExecutor)


def position_of(task: Any, agent: Any) -> tuple[int | None, bool]:
    """Return a task's place in its crew, and whether another task there has the same name."""
    crew = getattr(agent, "crew", None)
    if not isinstance(crew, Crew):
        return None, False
    tasks = list(crew.tasks)
    place = next((n for n, other in enumerate(tasks) if other is task), None)
    return place, sum(other.name == task.name for other in tasks) > 1


def usage_of(model: Any) -> dict[str, int]:
    """Return the tokens that a model has counted so far."""
    counted = cast("dict[str, int]", getattr(model, "_token_usage", None) or {})
    return {name: counted.get(name, 0) for name in _USAGE}


def add_usage(model: Any, tokens: dict[str, int]) -> None:
    """Count the tokens of an answer that was served."""
    if tokens.get("total_tokens"):
        model._track_token_usage_internal(tokens)


def count_tool_use(tool: Any) -> None:
    """Count a use of a tool that was served, so that its limit is met when it was met."""
    count = getattr(tool, "_claim_usage", None) or getattr(tool, "_increment_usage_count", None)
    if count is not None:
        count()
