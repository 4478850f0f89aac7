"""The private names of LangGraph and LangChain that this package stands on, and nothing else of them.

Whoever supports a new version of LangGraph looks here first.  Everything else in this package uses documented names.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
import inspect
import types
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import (
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_READ,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
    PREVIOUS,
    PUSH,
    RESUME,
    RETURN,
)
from langgraph._internal._runnable import RunnableCallable
from langgraph.channels.base import BaseChannel
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.channels.last_value import LastValue
from langgraph.constants import END, TAG_HIDDEN
from langgraph.errors import ParentCommand
from langgraph.graph.message import add_messages
from langgraph.graph.state import _control_branch  # pyright: ignore[reportPrivateUsage]  # what this module is for
from langgraph.pregel._loop import PregelLoop
from langgraph.pregel._read import PregelNode
from langgraph.pregel._write import PASSTHROUGH, SKIP_WRITE, ChannelWrite, ChannelWriteEntry, ChannelWriteTupleEntry
from langgraph.types import Overwrite

__all__ = [
    "CONFIG_KEY_CALL",
    "CONFIG_KEY_CHECKPOINT_NS",
    "CONFIG_KEY_SEND",
    "CONFIG_KEY_TASK_ID",
    "END",
    "NOTHING",
    "PREVIOUS",
    "PUSH",
    "RETURN",
    "TAG_HIDDEN",
    "ChannelWrite",
    "ParentCommand",
    "PregelLoop",
    "PregelNode",
    "StaticWriters",
    "channels_as_they_are",
    "checkpointer_of",
    "execution_of",
    "gathers_messages",
    "live_channels",
    "plain_call",
    "skip_call",
    "take_answers",
    "values_after",
    "with_last_writer",
]

Update = tuple[str, Any]


def channels_as_they_are(node: PregelNode) -> list[str] | None:
    """Return the channels whose values a node is given in a dict; None if something else is made of them."""
    if node.mapper is not None or getattr(node, "is_error_handler", False) or not isinstance(node.channels, list):
        return None
    return node.channels


Channels = Mapping[str, BaseChannel[Any, Any, Any]]
NOTHING: Any = object()
"""Stands for the value of a channel that holds none."""


def live_channels(config: RunnableConfig) -> Channels:
    """Return the channels of the graph that a task runs in, as they are before its step; none outside of a task."""
    read = config.get("configurable", {}).get(CONFIG_KEY_READ)
    if isinstance(read, functools.partial) and len(read.args) > 1:
        channels: Channels = read.args[1]
        return channels
    return {}


def execution_of(config: RunnableConfig) -> tuple[int, str | None]:
    """Return which attempt of its node a task is, from 1, and the thread that it belongs to, if it has one."""
    runtime = config.get("configurable", {}).get(CONFIG_KEY_RUNTIME)
    info = getattr(runtime, "execution_info", None)
    if info is None:
        return 1, None
    return int(getattr(info, "node_attempt", 1) or 1), getattr(info, "thread_id", None)


def checkpointer_of(config: RunnableConfig) -> Any:
    """Return what keeps the checkpoints of the subgraphs of a task, or None."""
    return config.get("configurable", {}).get(CONFIG_KEY_CHECKPOINTER)


def plain_call(config: RunnableConfig) -> Any:
    """Return what a task calls other tasks with: LangGraph's own, recorded or not."""
    found = config.get("configurable", {}).get(CONFIG_KEY_CALL)
    return getattr(found, "plain", found)


def skip_call(config: RunnableConfig) -> None:
    """Have the next task that a task calls be numbered as if one had been called before it."""
    config.get("configurable", {})[CONFIG_KEY_SCRATCHPAD].call_counter()


def take_answers(config: RunnableConfig) -> None:
    """Take the answers to interrupts that wait for a task, as ``interrupt`` takes them."""
    configurable = config.get("configurable", {})
    scratchpad = configurable.get(CONFIG_KEY_SCRATCHPAD)
    if scratchpad is None:
        return
    answer = scratchpad.get_null_resume(True)
    if answer is not None:
        scratchpad.resume.append(answer)
    if scratchpad.resume:
        configurable[CONFIG_KEY_SEND]([(RESUME, scratchpad.resume)])


class StaticWriters:
    """What a node's static writers make of its output; routers are not asked.

    Args:
        node: The node.
    """

    def __init__(self, node: PregelNode) -> None:
        every = (entry for writer in node.writers if isinstance(writer, ChannelWrite) for entry in writer.writes)
        self._entries = [entry for entry in every if _may_update(entry)]
        # A dict is no command, and sends a task nowhere.
        self._of_dict = [entry for entry in self._entries if getattr(entry, "mapper", None) is not _control_branch]

    def updates(self, output: Any) -> list[Update]:
        """Return what is written for an output, as (channel, value)."""
        found: list[Update] = []
        for entry in self._of_dict if type(output) is dict else self._entries:
            if isinstance(entry, ChannelWriteTupleEntry):
                value = output if entry.value is PASSTHROUGH else entry.value
                found += entry.mapper(value) or ()
            else:
                value = entry.mapper(output) if entry.mapper is not None else output
                if value is not SKIP_WRITE and not (entry.skip_none and value is None):
                    found.append((entry.channel, value))
        return found


def _may_update(entry: Any) -> TypeGuard[ChannelWriteTupleEntry | ChannelWriteEntry]:
    """True if what an entry writes is made of the output; the others trigger the next nodes."""
    if isinstance(entry, ChannelWriteEntry):
        return entry.value is PASSTHROUGH
    return isinstance(entry, ChannelWriteTupleEntry)


def values_after(
    channels: Channels, before: Mapping[str, Any], updates: Iterable[Update], names: Collection[str]
) -> dict[str, Any]:
    """Return what channels hold once they are given updates in one super-step; the channels stay as they are.

    Args:
        channels: The channels.
        before: What they hold.
        updates: What they are given; channels may come more than once.
        names: Updates of other channels do not matter.
    """
    given: dict[str, list[Any]] = {}
    for name, value in updates:
        if name in names:
            given.setdefault(name, []).append(value)
    after = dict(before)
    for name, values in given.items():
        value = _value_after(channels[name], before.get(name, NOTHING), values)
        if value is not NOTHING:
            after[name] = value
    return after


def _value_after(channel: BaseChannel[Any, Any, Any], held: Any, values: Sequence[Any]) -> Any:
    """Return what one channel holds then.  The two usual kinds are not copied for it."""
    if len(values) == 1:
        kind, value = type(channel), values[0]
        if kind is LastValue:
            return value
        if kind is BinaryOperatorAggregate and held is not NOTHING and not isinstance(value, (dict, Overwrite)):
            aggregate: Any = channel  # a dict may stand for an Overwrite, too
            return aggregate.operator(held, value)
    changed = channel.copy()
    changed.update(values)
    return changed.get() if changed.is_available() else NOTHING


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
    """True if a channel's reducer is LangGraph's own for messages, which gives ids to those without, or calls it."""
    reducer = getattr(channel, "operator", None) or getattr(channel, "reducer", None)
    reducer = reducer.func if isinstance(reducer, functools.partial) else reducer
    if isinstance(reducer, types.FunctionType):
        return _calls_add_messages(reducer)
    return getattr(reducer, "__module__", None) == add_messages.__module__


@functools.lru_cache(maxsize=256)
def _calls_add_messages(function: types.FunctionType, *, depth: int = 3) -> bool:
    """True if a function is LangGraph's reducer for messages, or one of the functions that it names is."""
    if function.__module__ == add_messages.__module__:
        return True
    try:
        named = inspect.getclosurevars(function)
    except ValueError:  # a variable around it is not set yet
        return False
    values = (*named.globals.values(), *named.nonlocals.values()) if depth else ()
    return any(_calls_add_messages(v, depth=depth - 1) for v in values if isinstance(v, types.FunctionType))


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
