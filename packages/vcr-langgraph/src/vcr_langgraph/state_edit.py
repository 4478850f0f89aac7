"""Edits of a graph's state before a recorded step, put where LangGraph itself takes them: into what a task writes.

``state_overrides`` name channels and the values they are to have when the step at the cut begins.  They are written at
the end of the super-step before it, behind what its nodes write and after its routers have run.  So the edited state
reaches every node of the step, the checkpointer and all that follows, and the step is reached as it was.  A channel
with a reducer is given an `Overwrite`.  Before the first step of a call, the edit is written with the call's input.

An edit is written down under the step's key, so that a fork can be replayed and forked again.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from langgraph.channels.base import BaseChannel
from langgraph.types import Command, Overwrite

from vcr_core.engine import Run
from vcr_core.json_patch import apply
from vcr_langgraph.step_key import KeyParts

if TYPE_CHECKING:
    from vcr_core.engine.tape import Tape

INPUT = "__input__"
"""Where a frame's input holds what a task was sent, beside the state."""
EDIT_LINE = "edit"


class StateEdit:
    """New values for channels before one super-step of one call.

    Args:
        key: Key of the step at the cut.
        step: Its super-step.
        first: True if no step of the call on the tape comes before it.
        values: What the channels are to hold.
        channels: The graph's channels.
    """

    def __init__(
        self, *, key: str, step: int, first: bool, values: Mapping[str, Any], channels: Mapping[str, Any]
    ) -> None:
        self.key = key
        self.step = step
        self.first = first
        self._values = {name: _write(channels[name], value) for name, value in values.items() if name in channels}
        self._applied = False
        self._lock = threading.Lock()

    def _take(self) -> dict[str, Any]:
        """Return the writes for the first who asks; nothing for the others."""
        with self._lock:
            applied, self._applied = self._applied, True
        return {} if applied else dict(self._values)

    def amend_writes(self, writes: deque[tuple[str, Any]]) -> None:
        """Put this edit in place of what a task of the super-step before writes to the same channels."""
        kept = [write for write in writes if write[0] not in self._values]
        writes.clear()
        writes.extend([*kept, *self._take().items()])

    def unseen_by(self, run: Run, key: str) -> dict[str, Any]:
        """Return the values that the step `key` saw instead, where it stands on the tape beside an edited sibling."""
        tape = run.tape
        index = tape.by_key.get(key) if tape is not None else None
        if tape is None or index is None or not tape.serves(index):
            return {}
        seen = tape.player.state(index, "input")
        return {name: seen[name] for name in self._values if name in seen}

    def taken_back(self, state: Mapping[str, Any], recorded: Mapping[str, Any]) -> dict[str, Any]:
        """Return a state with this edit as it was recorded without it."""
        kept = {name: recorded[name] for name in self._values if name in recorded}
        return {**_without(dict(state), set(self._values)), **kept}

    def amend_input(self, given: Any) -> Any:
        """Return the input of a call that continues a thread, and so writes nothing, with this edit."""
        if given is None or isinstance(given, Command):
            return _amended(Command() if given is None else given, set(self._values), self._take())
        return given


def _write(channel: Any, value: Any) -> Any:
    return Overwrite(value) if hasattr(channel, "operator") or hasattr(channel, "reducer") else value


def _amended(command: Command[Any], names: set[str], extra: dict[str, Any]) -> Command[Any]:
    fields = command.update if isinstance(command.update, dict) else {}
    return dataclasses.replace(command, update={**_without(fields, names), **extra})


def _without(fields: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def edits_of(run: Run, path: str, channels: Mapping[str, Any]) -> dict[int, StateEdit]:
    """Return the edits for one call, by super-step: those of the tape itself, and the one that is asked for now."""
    tape = run.tape
    if tape is None:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in _edit_lines(tape):
        found.setdefault(line["key"], {}).update(line["channels"])
    asked = _asked_for(run, tape)
    if asked is not None:
        found.setdefault(asked[0], {}).update(asked[1])
    edits: dict[int, StateEdit] = {}
    names = {row.key: row.node_name for row in tape.rows}
    steps = _steps_of(tape, path) if found else []
    for key, values in found.items():
        parts = KeyParts.of(key, names.get(key, ""))
        if parts is None or parts.call != path:
            continue
        real = {name: value for name, value in values.items() if isinstance(channels.get(name), BaseChannel)}
        if real:
            first = not any(step < parts.step for step in steps)
            edits[parts.step] = StateEdit(key=key, step=parts.step, first=first, values=real, channels=channels)
            if run.recorder is not None:
                run.recorder.writer.write_line(EDIT_LINE, {"key": key, "channels": real})
    return edits


def _steps_of(tape: Tape, path: str) -> list[int]:
    every = (KeyParts.of(row.key, row.node_name) for row in tape.rows)
    return [parts.step for parts in every if parts is not None and parts.call == path]


def _edit_lines(tape: Tape) -> list[dict[str, Any]]:
    lines = getattr(tape.player.source, "other_lines", None)
    if lines is None:
        return []
    decoded = [tape.player.decode(msgspec.json.decode(data)) for kind, data in lines() if kind == EDIT_LINE]
    return [line for line in decoded if "key" in line]


def _asked_for(run: Run, tape: Tape) -> tuple[str, dict[str, Any]] | None:
    overrides = run.config.state_overrides
    if not overrides or tape.cut >= len(tape.rows):
        return None
    key = tape.rows[tape.cut].key
    if key is None:
        return None
    if isinstance(overrides, Mapping):
        return key, dict(overrides)
    before = tape.player.wire_state(tape.cut, "input")
    after = apply(before, overrides)
    changed = {name: value for name, value in after.items() if name not in before or before[name] != value}
    return key, tape.player.decode(changed)
