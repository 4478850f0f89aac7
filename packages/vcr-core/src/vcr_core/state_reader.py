"""Puts a state together again from the whole state and the patches it was written as.

The work for one frame is bounded by the size of its own state; see `vcr_core.state_chain` for why.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Literal, cast

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.errors import VcrError
from vcr_core.json_patch import JsonPatchError, apply
from vcr_core.json_pointer import JsonPointerError, resolve
from vcr_core.runtime_types import type_of
from vcr_core.session_file import SessionSource
from vcr_core.values.encode import TAG
from vcr_core.wire_format import FrameStates

Part = Literal["input", "output"]
Ops = list[dict[str, Any]]
ReadBlob = Callable[[str], "bytes | None"]
_MANY_PATCHES = 8
_REMEMBERED = 32


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
    return msgspec.to_builtins(value)


class StateReader:
    """Reads the states of one recording, and through it those of the session it was forked from.

    States that took many patches to put together are remembered, so that going to and fro in a long run costs little
    more than the copy that is handed out.

    Args:
        source: The recording.
        open_parent: Returns the reader of another session by its id.
    """

    def __init__(self, source: SessionSource, *, open_parent: Callable[[str], StateReader]) -> None:
        self.source = source
        self._open_parent = open_parent
        self._read_blob = BlobStore(source.path.parent).get
        self._built: OrderedDict[tuple[int, Part], tuple[Any, bool]] = OrderedDict()

    def forget(self) -> None:
        """Forget what was put together; the recording is not the one it was."""
        self._built.clear()

    def read(self, index: int, part: Part) -> tuple[Any, bool]:
        """Return the wire value of a frame's input or output, and whether it may hold tagged values.

        The value is the caller's own.

        Raises:
            MissingStateError: If it leans on a frame or session that is not there.
            DamagedFrameError: If a line it leans on cannot be decoded.
        """
        patches: list[Ops] = []
        try:
            whole, tagged = self._walk_back(index, part, patches)
            if patches:
                whole = apply_stored(whole, chain.from_iterable(reversed(patches)), self._read_blob)
        except (LookupError, TypeError, AttributeError, RecursionError, JsonPatchError, JsonPointerError) as error:
            reason = f"a patch on the way to it does not fit: {error}"
            raise MissingStateError(self.source.path, index, reason) from error
        if len(patches) >= _MANY_PATCHES:
            self._built[index, part] = copy_wire(whole), tagged
            if len(self._built) > _REMEMBERED:
                self._built.popitem(last=False)
        return whole, tagged

    def home(self, index: int) -> tuple[SessionSource, int]:
        """Return where a frame is written: here, or where its step was recorded if it was served from a tape.

        Raises:
            VcrError: If that recording is not there, or a line on the way cannot be decoded.
        """
        tape = self.source.states(index)[0].tape
        if tape is None:
            return self.source, index
        try:
            return self._open_parent(tape.session).home(tape.frame)
        except (LookupError, RecursionError) as error:
            reason = f"it stands in frame {tape.frame} of {tape.session!r}, which leads to no recorded step: {error}"
            raise MissingStateError(self.source.path, index, reason) from error

    def written(self, index: int) -> FrameStates:
        """Return the states of a frame as they are written at its `home`; they are not to be changed."""
        states = self.source.states(index)[0]
        if states.tape is None:
            return states
        source, at = self.home(index)
        return source.states(at)[0]

    def _walk_back(self, index: int, part: Part, patches: list[Ops]) -> tuple[Any, bool]:
        """Return the nearest state before this one that is there whole; collect the patches from there, last first."""
        states_of, built = self.source.states, self._built
        tagged = False
        at = index
        while True:
            states, has_tags = states_of(at)
            tagged = tagged or has_tags
            if states.tape is not None:
                whole, more = self._open_parent(states.tape.session).read(states.tape.frame, part)
                return whole, tagged or more
            if (at, part) in built:
                whole, more = built[at, part]
                built.move_to_end((at, part))
                return copy_wire(whole), tagged or more
            if part == "output":
                if states.output_state is not msgspec.UNSET:
                    return copy_wire(states.output_state), tagged
                if states.output_patch:
                    patches.append(states.output_patch)
            leans_on_output = part == "output" and states.output_base is not None
            if not leans_on_output:
                if states.input_state is not msgspec.UNSET:
                    return copy_wire(states.input_state), tagged
                if states.input_patch:
                    patches.append(states.input_patch)
            at, part = self._base(index, at, states, leans_on_output=leans_on_output)

    def _base(self, index: int, at: int, states: FrameStates, *, leans_on_output: bool) -> tuple[int, Part]:
        """Return the state that the one at frame `at` is written against, on the way to that of frame `index`."""
        base = states.output_base if leans_on_output else states.base
        if base is None or not 0 <= base < at:
            reason = f"its state leans on frame {base}, which is not before it"
            raise MissingStateError(self.source.path, index, reason)
        return base, "input" if states.base_part == "input" and not leans_on_output else "output"


def apply_stored(document: Any, ops: Iterable[dict[str, Any]], read_blob: ReadBlob) -> Any:
    """Apply operations as a recording holds them, in place, and return the document: RFC 6902, and ``append``.

    Args:
        document: A wire value; a text that was put aside is read when it grew.
        ops: The operations; they stay as they are.
        read_blob: Returns the content of a blob by its hash, or None if it is missing.

    Raises:
        JsonPatchError: If an operation does not fit.
        JsonPointerError: If it leads nowhere.
        LookupError: If the text that grew is not there.
    """
    container: Any = None
    known = ""
    for op in ops:
        path = op["path"]
        if op["op"] == "add" and path[-2:] == "/-":  # what histories are made of takes a short way
            if container is None or path != known:
                container, known = resolve(document, path[:-2]), path
            if type_of(container) is list:  # in a dict it is a key
                container.append(copy_wire(op["value"]))
                continue
        container = None
        if op["op"] == "append":
            old, new = _text(resolve(document, path), read_blob), _text(op["value"], read_blob)
            own = {"op": "replace", "path": path, "value": old[: len(old) - op["cut"]] + new}
        else:
            own = {**op, "value": copy_wire(op["value"])} if "value" in op else op
        document = apply(document, [own], in_place=True)
    return document


def _text(wire: Any, read_blob: ReadBlob) -> str:
    if type_of(wire) is str:
        return str(wire)
    content = read_blob(wire["hash"])
    if content is None:
        raise LookupError(f"the blob {wire['hash']} is missing or damaged")
    return content.decode()


def expand(wire: Any, read: Callable[[int, Part], Any], read_blob: ReadBlob) -> Any:
    """Return a wire value with what leans on states written out.

    Args:
        wire: A value as it is written; it stays as it is.
        read: Returns the wire form of the input or output of a frame, for the caller to keep.
        read_blob: Returns the content of a blob by its hash, or None if it is missing.

    Raises:
        VcrError: If a state cannot be read, or what differs from it does not fit.
        LookupError, TypeError, AttributeError: If the value is not what a recorder writes.
    """
    cls = type_of(wire)
    if cls is list:
        return [expand(item, read, read_blob) for item in wire]
    if cls is not dict:
        return wire
    given = cast("dict[str, Any]", wire)
    if given.get(TAG) == "state":
        return apply_stored(resolve(read(given["frame"], given["part"]), given["at"]), given["patch"], read_blob)
    return {key: expand(item, read, read_blob) for key, item in given.items()}
