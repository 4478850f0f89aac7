"""Puts a state together again from the whole state and the patches it was written as.

The work for one frame is bounded by the size of its own state; see `vcr_core.state_chain` for why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from vcr_core.errors import VcrError
from vcr_core.json_patch import apply
from vcr_core.json_pointer import resolve
from vcr_core.session_file import SessionSource
from vcr_core.wire_format import FrameStates

Part = Literal["input", "output"]
Ops = list[dict[str, Any]]


class MissingStateError(VcrError):
    """A state that leans on something which is not there.

    Attributes:
        path: The recording.
        index: The frame.
        reason: What is missing.
    """

    def __init__(self, path: object, index: int, reason: str) -> None:
        self.path = path
        self.index = index
        self.reason = reason
        super().__init__(f"{path}, frame {index}: {reason}")


def copy_wire(value: Any) -> Any:
    """Return a copy of a wire value that shares its leaves."""
    cls: type = type(value)
    if cls is dict:
        return {key: item if type(item) is str else copy_wire(item) for key, item in value.items()}
    if cls is list:
        return [item if type(item) is str else copy_wire(item) for item in value]
    return value


class StateReader:
    """Reads the states of one recording, and through it those of the session it was forked from.

    Args:
        source: The recording.
        open_parent: Returns the reader of another session by its id.
    """

    def __init__(self, source: SessionSource, *, open_parent: Callable[[str], StateReader]) -> None:
        self.source = source
        self._open_parent = open_parent

    def read(self, index: int, part: Part) -> tuple[Any, bool]:
        """Return the wire value of a frame's input or output, and whether it may hold tagged values.

        The value is the caller's own.

        Raises:
            MissingStateError: If it leans on a frame or session that is not there.
            DamagedFrameError: If a line it leans on cannot be decoded.
        """
        patches: list[Ops] = []
        tagged = False
        at = index
        while True:
            states, has_tags = self.source.states(at)
            tagged = tagged or has_tags
            if states.tape is not None:
                whole, parent_tagged = self._open_parent(states.tape.session).read(states.tape.frame, part)
                tagged = tagged or parent_tagged
                break
            found = self._whole_or_patch(states, part, patches)
            if found is not msgspec.UNSET:
                whole = copy_wire(found)
                break
            if part == "output":
                part = "input"
                continue
            at, part = self._base(states, index, at)
        try:
            for ops in reversed(patches):
                if ops:
                    whole = _apply(whole, ops)
        except (VcrError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise MissingStateError(
                self.source.path, index, f"a patch on the way to it does not fit: {error}"
            ) from error
        return whole, tagged

    @staticmethod
    def _whole_or_patch(states: FrameStates, part: Part, patches: list[Ops]) -> Any:
        """Return the whole state, or put the patch that leads to it on the list."""
        whole, patch = states.input_state, states.input_patch
        if part == "output":
            whole, patch = states.output_state, states.output_patch
        if whole is msgspec.UNSET:
            patches.append(patch or [])
        return whole

    def _base(self, states: FrameStates, index: int, at: int) -> tuple[int, Part]:
        base = states.base
        if base is None or not 0 <= base < at:
            raise MissingStateError(self.source.path, index, f"its state leans on frame {base}, which is not before it")
        return base, "input" if states.base_part == "input" else "output"


def _apply(document: Any, ops: Ops) -> Any:
    """Apply recorded operations in place; the appends that histories are made of take a short way."""
    container: Any = None
    known = ""
    for op in ops:
        path = op["path"]
        if op["op"] == "add" and path[-2:] == "/-":
            if container is None or path != known:
                container, known = resolve(document, path[:-2]), path
            container.append(copy_wire(op["value"]))
        else:
            container = None
            own = {**op, "value": copy_wire(op["value"])} if "value" in op else op
            document = apply(document, [own], in_place=True)
    return document
