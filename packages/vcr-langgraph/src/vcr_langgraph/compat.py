"""The private names of LangGraph and LangChain that this package stands on, and nothing else of them.

Whoever supports a new version of LangGraph looks here first.  Everything else in this package uses documented names.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import (
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_READ,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
)
from langgraph._internal._runnable import RunnableCallable
from langgraph.channels.base import BaseChannel
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.channels.last_value import LastValue
from langgraph.constants import TAG_HIDDEN
from langgraph.errors import ParentCommand
from langgraph.graph.message import add_messages
from langgraph.pregel._loop import PregelLoop
from langgraph.pregel._read import PregelNode
from langgraph.pregel._write import PASSTHROUGH, SKIP_WRITE, ChannelWrite, ChannelWriteEntry, ChannelWriteTupleEntry
from langgraph.types import Overwrite

__all__ = [
    "CONFIG_KEY_CALL",
    "CONFIG_KEY_CHECKPOINT_NS",
    "CONFIG_KEY_SEND",
    "CONFIG_KEY_TASK_ID",
    "TAG_HIDDEN",
    "ChannelWrite",
    "ParentCommand",
    "PregelLoop",
    "PregelNode",
    "StaticWriters",
    "execution_of",
    "gathers_messages",
    "live_channels",
    "value_after",
    "with_last_writer",
]

Update = tuple[str, Any]


def live_channels(config: RunnableConfig) -> Mapping[str, BaseChannel[Any, Any, Any]] | None:
    """Return the channels of the graph that a task runs in, as they are before its step; None outside of a task."""
    read = config.get("configurable", {}).get(CONFIG_KEY_READ)
    if isinstance(read, functools.partial) and len(read.args) > 1:
        channels: Mapping[str, BaseChannel[Any, Any, Any]] = read.args[1]
        return channels
    return None


def execution_of(config: RunnableConfig) -> tuple[int, str | None]:
    """Return which attempt of its node a task is, from 1, and the thread that it belongs to, if it has one."""
    runtime = config.get("configurable", {}).get(CONFIG_KEY_RUNTIME)
    info = getattr(runtime, "execution_info", None)
    if info is None:
        return 1, None
    return int(getattr(info, "node_attempt", 1) or 1), getattr(info, "thread_id", None)


class StaticWriters:
    """What a node's static writers make of its output; routers are not asked.

    Args:
        node: The node.
    """

    def __init__(self, node: PregelNode) -> None:
        every = (entry for writer in node.writers if isinstance(writer, ChannelWrite) for entry in writer.writes)
        self._entries = [entry for entry in every if isinstance(entry, (ChannelWriteTupleEntry, ChannelWriteEntry))]

    def updates(self, output: Any) -> list[Update]:
        """Return what is written for an output, as (channel, value)."""
        found: list[Update] = []
        for entry in self._entries:
            if isinstance(entry, ChannelWriteTupleEntry):
                value = output if entry.value is PASSTHROUGH else entry.value
                found += entry.mapper(value) or ()
            elif entry.value is PASSTHROUGH:
                value = entry.mapper(output) if entry.mapper is not None else output
                if value is not SKIP_WRITE and not (entry.skip_none and value is None):
                    found.append((entry.channel, value))
        return found


_NOTHING: Any = object()


def value_after(channel: BaseChannel[Any, Any, Any], values: Sequence[Any], *, default: Any = _NOTHING) -> Any:
    """Return what a channel holds once it is given values in one super-step; `default` if that is nothing.

    The channel stays as it is.  The two usual kinds are not copied for it.
    """
    kind = type(channel)
    if len(values) == 1:
        value = values[0]
        if kind is LastValue:
            return value
        if kind is BinaryOperatorAggregate and channel.is_available() and not isinstance(value, (dict, Overwrite)):
            aggregate: Any = channel  # a dict may stand for an Overwrite, too
            return aggregate.operator(channel.get(), value)
    changed = channel.copy()
    changed.update(values)
    return changed.get() if default is _NOTHING or changed.is_available() else default


def with_last_writer(node: PregelNode, write: Callable[[RunnableConfig, deque[Update]], None]) -> PregelNode:
    """Return a copy of a node that calls `write` with its task's config and writes, after its routers have run."""

    def change(given: Any, config: RunnableConfig) -> Any:
        write(config, config.get("configurable", {})[CONFIG_KEY_SEND].__self__)
        return given

    async def achange(given: Any, config: RunnableConfig) -> Any:
        return change(given, config)

    writer = RunnableCallable(change, achange, name="vcr_edit", trace=False)
    return node.copy({"writers": [*node.writers, writer], "subgraphs": node.subgraphs})


def gathers_messages(channel: Any) -> bool:
    """True if a channel's reducer is LangGraph's own for messages, which gives ids to those that have none."""
    reducer = getattr(channel, "operator", None) or getattr(channel, "reducer", None)
    reducer = reducer.func if isinstance(reducer, functools.partial) else reducer
    return getattr(reducer, "__module__", None) == add_messages.__module__


def model_name_of(model: Any) -> str | None:
    """Return the name of the model that a chat model object calls, if it says so."""
    try:
        found = model._get_ls_params().get("ls_model_name")
    except Exception:  # noqa: BLE001  # a provider's own code; the name is only for people
        return None
    return found if isinstance(found, str) else None


def will_stream(model: Any, *, async_api: bool, options: dict[str, Any]) -> bool:
    """True if a chat model's ``stream`` streams; else it falls back to ``invoke``."""
    return bool(model._should_stream(async_api=async_api, **{**options, "stream": True}))


def messages_of(model: Any, given: Any) -> list[Any]:
    """Return what a chat model is given, as messages."""
    return list(model._convert_input(given).to_messages())


def shown_arguments(tool: Any, given: Any) -> Any:
    """Return what a model gave to a tool, without what the graph injects."""
    keep = getattr(tool, "_filter_injected_args", None)
    return keep(given) if keep is not None and isinstance(given, dict) else given


GENERATE = "_generate_with_cache"
AGENERATE = "_agenerate_with_cache"
