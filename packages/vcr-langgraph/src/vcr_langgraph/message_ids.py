"""Messages get their ids before they are recorded.

LangGraph's reducer gives a random id to each message that has none.  A replay would draw others, and every later state
would differ from the tape.  So ids are drawn here, once, and recorded with the message.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels.base import BaseChannel
from langgraph.types import Command

from vcr_langgraph.compat import gathers_messages

Channels = Mapping[str, Any]


def message_channels(channels: Channels) -> frozenset[str]:
    """Return the names of the channels that gather messages."""
    return frozenset(name for name, channel in channels.items() if _gathers(channel))


def _gathers(channel: Any) -> bool:
    return isinstance(channel, BaseChannel) and gathers_messages(channel)


def give_ids(update: Any, names: frozenset[str]) -> Any:
    """Return an update of a graph's state whose messages for the channels `names` all have ids.

    Message objects keep their identity; what only describes a message (a tuple, a dict, a string) becomes one.
    """
    if not names:
        return update
    if isinstance(update, Command):
        if isinstance(update.update, dict):
            given = give_ids(update.update, names)
            if given is not update.update:
                return Command(graph=update.graph, update=given, resume=update.resume, goto=update.goto)
        return update
    if isinstance(update, (list, tuple)):
        items: list[Any] = [give_ids(item, names) if isinstance(item, (dict, Command)) else item for item in update]  # pyright: ignore[reportUnknownVariableType]  # anything a node returns
        return type(update)(items)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(update, dict):
        found = {name: _messages(update[name]) for name in names if name in update}
        changed = {name: value for name, value in found.items() if value is not update[name]}
        return {**update, **changed} if changed else update  # pyright: ignore[reportUnknownVariableType]
    return update


def _messages(value: Any) -> Any:
    """Return the messages of one channel's update with ids; anything else as it is."""
    if isinstance(value, BaseMessage):
        _give_id(value)
        return value
    if isinstance(value, list):
        if all(isinstance(item, BaseMessage) for item in value):  # pyright: ignore[reportUnknownVariableType]
            for item in value:  # pyright: ignore[reportUnknownVariableType]
                _give_id(item)
            return value  # pyright: ignore[reportUnknownVariableType]
        single = False
    elif isinstance(value, (str, tuple, dict)):
        value, single = [value], True
    else:
        return value  # pyright: ignore[reportUnknownVariableType]
    try:
        made = convert_to_messages(value)  # pyright: ignore[reportUnknownArgumentType]
    except (ValueError, TypeError, NotImplementedError, KeyError):
        return value[0] if single else value  # pyright: ignore[reportUnknownVariableType]  # the reducer will complain
    for message in made:
        _give_id(message)
    return made


def _give_id(message: Any) -> None:
    if message.id is None:
        message.id = str(uuid.uuid4())
