"""Finds a text in the names and states of a recording, without decoding what does not hold it.

A frame is found if the text stands in its name, label, model or error, or in what its line adds to the states.  A long
history is written as additions, so the frames found are those that brought the text, not all that carry it since.
Large leaves in files of their own are searched too.  Letters match without regard to case unless the text has
capitals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from vcr_core.errors import VcrError
from vcr_core.frames import FrameRow
from vcr_core.wire_format import FrameBody

STEP = 64
_METADATA = b',"metadata":'
_HASH_LENGTH = len(',"hash":"') + 32 + len('"}')
_NAMES = ("metadata", "base", "base_part", "input_state", "output_state", "input_patch", "output_patch", "output_base")
_FIELDS = tuple(f'"{name}":'.encode() for name in _NAMES)
_NESTED = (b'_patch":[{', b'"$vcr"', b'"error":{"type"', b'"tape":{', b'"base_part"')
_BLOB = re.compile(rb'"\$vcr":"blob","kind":"str","hash":"([0-9a-f]{40})"')
# What the format itself writes into the part of a line that is searched.
_FRAMING = (
    '"metadata":{"base":"base_part":"input""output""input_state":"output_state":"input_patch":[{"op":"add","path":"/'
    '"output_patch":"output_base":"replace""remove""move""copy""test""append""cut":"from":"value":"tape":{"session":"frame":"error":{"type":'
    '"message":"traceback":"notes":"cause":"$vcr":"tuple""set""blob""kind":"str""hash":"size":"v":0123456789abcdef'
)


class SearchSource(Protocol):
    """What is searched."""

    def __len__(self) -> int: ...
    def row(self, index: int) -> FrameRow:
        """Return a frame's small fields."""
        ...

    def line(self, index: int) -> bytes:
        """Return a frame's line."""
        ...

    def body(self, index: int) -> FrameBody:
        """Return what a frame's line holds beside them."""
        ...


class SessionSearch:
    """One search through one recording.

    Args:
        source: The recording.
        text: What is looked for; not empty.
        read_blob: Returns the content of a large leaf by its hash.

    Attributes:
        matches: Frames found so far, in order.
        searched: Frames looked at.
    """

    def __init__(self, source: SearchSource, text: str, *, read_blob: Callable[[str], bytes | None]) -> None:
        self.text = text
        self.matches: list[int] = []
        self.searched = 0
        self.matches_case = text != text.lower()
        self._source = source
        self._read_blob = read_blob
        self._blobs: dict[bytes, bool] = {}
        wanted = text if self.matches_case else text.lower()
        self._wanted = wanted
        self._bytes = msgspec.json.encode(wanted)[1:-1]
        escaped = json.dumps(wanted)[1:-1].encode()  # older files hold other letters as \\u escapes
        self._escaped = self._bytes if escaped == self._bytes else escaped
        self._folds_letters = not self.matches_case and not wanted.isascii()
        self._is_framing = wanted.lower() in _FRAMING

    def accepts(self, text: str) -> bool:
        """True if `text` holds what is looked for."""
        return self._wanted in (text if self.matches_case else text.lower())

    def steps(self) -> Iterator[float]:
        """Search a stretch at a time; yield how far it is, from 0 to 1, after each."""
        total = len(self._source)
        while self.searched < total:
            end = min(total, self.searched + STEP)
            for index in range(self.searched, end):
                if self._holds(index):
                    self.matches.append(index)
            self.searched = end
            yield end / total

    def run(self) -> list[int]:
        """Search everything and return the frames found."""
        for _ in self.steps():
            pass
        return self.matches

    def _holds(self, index: int) -> bool:
        line = self._source.line(index)
        if self._in_bytes(line):
            start = max(0, line.find(_METADATA))
            states = line[start:-_HASH_LENGTH] if start else line
            found = self._in_values(states, index) if self._is_framing else self._in_bytes(states)
            if found or self._in_row(self._source.row(index)):
                return True
        return b'"blob"' in line and any(self._in_blob(found) for found in _BLOB.findall(line))

    def _in_bytes(self, content: bytes) -> bool:
        if self._folds_letters:
            return self._bytes.decode() in content.decode("utf-8", "replace").lower() or self._escaped in content
        if not self.matches_case:
            content = content.lower()
        return self._bytes in content or (self._escaped is not self._bytes and self._escaped in content)

    def _in_row(self, row: FrameRow) -> bool:
        texts = (row.node_name, row.label, row.model, row.error_type, row.error_message, row.status, row.kind)
        return any(text is not None and self.accepts(text) for text in texts)

    def _in_values(self, states: bytes, index: int) -> bool:
        """Look at the values alone, where the text is also one of the words that the format itself writes."""
        if not any(mark in states for mark in _NESTED):
            for field in _FIELDS:
                states = states.replace(field, b"", 1)
            return self._in_bytes(states)
        return self._in_body(index)

    def _in_body(self, index: int) -> bool:
        try:
            body = self._source.body(index)
        except VcrError:
            return False
        values: list[Any] = [body.metadata, body.error]
        values += [value for value in (body.input_state, body.output_state) if value is not msgspec.UNSET]
        values += [op.get("value") for op in (*(body.input_patch or ()), *(body.output_patch or ()))]
        return self._in_bytes(msgspec.json.encode(values))

    def _in_blob(self, digest: bytes) -> bool:
        found = self._blobs.get(digest)
        if found is None:
            content = self._read_blob(digest.decode())
            found = content is not None and self.accepts(content.decode("utf-8", "replace"))
            self._blobs[digest] = found
        return found
