"""Messages get their ids before they are recorded.

LangGraph's reducer gives a random id to each message that has none.  A replay would draw others, and every later state
would differ from the tape.  So ids are drawn here, once, and recorded with the message.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from langchain_core.messages import BaseMessage, convert_to_messages
from langgraph.channels.base import BaseChannel
from langgraph.types import Command

from vcr_core.engine import Run
from vcr_langgraph.compat import gathers_messages

_ROOT = "__root__"
"""The channel of a state that is no dict of channels."""
Channels = Mapping[str, Any]
MakeId = Callable[[], str]


def message_channels(channels: Channels) -> frozenset[str]:
    """Return the names of the channels that gather messages."""
    return frozenset(name for name, channel in channels.items() if _gathers(channel))


def state_message_channels(channels: Channels, state_keys: Collection[str]) -> frozenset[str]:
    """Return those of a graph's channels that gather messages: the others of one with state are LangGraph's own."""
    return message_channels({name: channels[name] for name in state_keys} or channels)


def _gathers(channel: Any) -> bool:
    return gathers_messages(channel) and isinstance(channel, BaseChannel)  # the second is dear, and asked of few


def random_id() -> str:
    """Return an id as LangGraph draws them."""
    return str(uuid.uuid4())


class InputIds:
    """Ids for the messages of a call's input, the same ones when the call is replayed.

    A run line is written before the graph sees its input, so what is recorded is a seed, in a line of its own.
    """

    LINE = "langgraph_ids"

    def __init__(self, run: Run, path: str) -> None:
        self._run = run
        self._path = path
        self._seed: uuid.UUID | None = None
        self._given = 0

    def __call__(self) -> str:
        """Return the next id."""
        if self._seed is None:
            self._seed = self._recorded_seed() or uuid.uuid4()
            if self._run.recorder is not None:
                self._run.recorder.writer.write_line(self.LINE, {"call": self._path, "seed": str(self._seed)})
        self._given += 1
        return str(uuid.uuid5(self._seed, str(self._given)))

    def _recorded_seed(self) -> uuid.UUID | None:
        tape = self._run.tape
        lines = getattr(tape.player.source, "other_lines", None) if tape is not None else None
        if lines is None:
            return None
        for kind, data in lines():
            if kind == self.LINE:
                line = msgspec.json.decode(data)
                if line["call"] == self._path:
                    return uuid.UUID(line["seed"])
        return None


def give_ids(update: Any, names: frozenset[str], make_id: MakeId = random_id) -> Any:
    """Return an update of a graph's state whose messages for the channels `names` all have ids.

    Message objects keep their identity; what only describes a message (a tuple, a dict, a string) becomes one.
    """
    if not names:
        return update
    if _ROOT in names and not _holds_commands(update):  # the state is the messages
        return _messages(update, make_id)
    if isinstance(update, Command):
        if _ROOT in names or isinstance(update.update, dict):
            given = give_ids(update.update, names, make_id)
            if given is not update.update:
                return Command(graph=update.graph, update=given, resume=update.resume, goto=update.goto)
        return update
    if isinstance(update, (list, tuple)):
        items: list[Any] = [
            give_ids(item, names, make_id) if isinstance(item, (dict, Command)) else item for item in update
        ]  # anything a node returns
        return type(update)(items)
    if isinstance(update, dict):
        found = {name: _messages(update[name], make_id) for name in names if name in update}
        changed = {name: value for name, value in found.items() if value is not update[name]}
        return {**update, **changed} if changed else update
    return update


def _holds_commands(update: Any) -> bool:
    return isinstance(update, Command) or (
        isinstance(update, (list, tuple)) and any(isinstance(item, Command) for item in update)
    )


def _messages(value: Any, make_id: MakeId) -> Any:
    """Return the messages of one channel's update with ids; anything else as it is."""
    if isinstance(value, BaseMessage):
        _give_id(value, make_id)
        return value
    if isinstance(value, list):
        if all(isinstance(item, BaseMessage) for item in value):
            for item in value:
                _give_id(item, make_id)
            return value
        single = False
    elif isinstance(value, (str, tuple, dict)):
        value, single = [value], True
    else:
        return value
    try:
        made = convert_to_messages(value)
    except (ValueError, TypeError, NotImplementedError, KeyError):
        return value[0] if single else value  # the reducer will complain
    for message in made:
        _give_id(message, make_id)
    return made


def _give_id(message: Any, make_id: MakeId) -> None:
    if message.id is None:
        message.id = make_id()
