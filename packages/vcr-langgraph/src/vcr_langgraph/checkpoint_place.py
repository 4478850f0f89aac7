"""Which checkpoint a call goes on from, told so that it is found again in the thread of a replay.

The ids of checkpoints are drawn anew each time.  What stays is a checkpoint's place among those of its thread, in the
order in which they were made; its number of super-steps is kept beside it, to see that it is the same one.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple

from vcr_core.errors import VcrError
from vcr_langgraph.compat import CONFIG_KEY_TASK_ID

PLACE = "vcr_checkpoint"
"""Where a recorded config says the place, beside the id."""
_ID = "checkpoint_id"


class LostCheckpointError(VcrError):
    """A recorded call went on from a checkpoint that the thread of the replay does not have.

    Attributes:
        thread: The thread.
        checkpoint: The id of the checkpoint, or its place in the thread.
    """

    def __init__(self, thread: str, checkpoint: str) -> None:
        self.thread = thread
        self.checkpoint = checkpoint
        super().__init__(
            f"the call goes on from checkpoint {checkpoint}, which thread {thread} does not have: when it was recorded "
            "the thread held more than the recording tells of. Cut before this call, or record the thread from its "
            "beginning."
        )


def place_of(graph: Any, config: RunnableConfig | None) -> str | None:
    """Return the place of the checkpoint that a config names; None if it names none of its thread."""
    if not _names_one(graph, config):
        return None
    return _place(config, list(graph.checkpointer.list(_whole_thread(config))))


async def aplace_of(graph: Any, config: RunnableConfig | None) -> str | None:
    """As `place_of`, in an event loop."""
    if not _names_one(graph, config):
        return None
    return _place(config, [found async for found in graph.checkpointer.alist(_whole_thread(config))])


def found_again(graph: Any, config: RunnableConfig | None) -> RunnableConfig | None:
    """Return a config that names the checkpoint of its thread that it names by place.

    Raises:
        LostCheckpointError: If the thread has no such checkpoint.
    """
    if not _names_one(graph, config):
        return config
    return _found(config, list(graph.checkpointer.list(_whole_thread(config))))


async def afound_again(graph: Any, config: RunnableConfig | None) -> RunnableConfig | None:
    """As `found_again`, in an event loop."""
    if not _names_one(graph, config):
        return config
    return _found(config, [found async for found in graph.checkpointer.alist(_whole_thread(config))])


def _names_one(graph: Any, config: RunnableConfig | None) -> bool:
    entries = (config or {}).get("configurable", {})
    named = entries.get(_ID) is not None or PLACE in entries
    return named and CONFIG_KEY_TASK_ID not in entries and isinstance(graph.checkpointer, BaseCheckpointSaver)


def _whole_thread(config: Any) -> RunnableConfig:
    return {"configurable": {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ""}}


def _id_of(saved: CheckpointTuple) -> str:
    return str(saved.config.get("configurable", {})[_ID])


def _label(place: int, saved: CheckpointTuple) -> str:
    return f"{place}:{saved.metadata.get('step')}"


def _place(config: Any, saved: list[CheckpointTuple]) -> str | None:
    every = sorted(saved, key=_id_of)
    wanted = config["configurable"][_ID]
    return next((_label(place, one) for place, one in enumerate(every) if _id_of(one) == wanted), None)


def _found(config: Any, saved: list[CheckpointTuple]) -> RunnableConfig:
    entries = dict(config["configurable"])
    place = entries.pop(PLACE, None)
    every = {_label(number, one): _id_of(one) for number, one in enumerate(sorted(saved, key=_id_of))}
    wanted = entries[_ID] if place is None else every.get(place)
    if wanted not in every.values():
        raise LostCheckpointError(str(entries["thread_id"]), str(entries.get(_ID) or place))
    found: RunnableConfig = config.copy()
    found["configurable"] = {**entries, _ID: wanted}
    return found
