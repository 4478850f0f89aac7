"""One recording, open for reading: rows at once, states when they are asked for.

Opening indexes the lines and decodes the first of them.  Nothing is changed on disk but the index beside the file.  A
file may grow while it is read (`SessionFile.refresh`), end in a torn line, or be damaged in the middle: what is whole
is readable, and what is not is named.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import Protocol

import msgspec

from vcr_core.errors import VcrError
from vcr_core.frames import FrameRow, SessionInfo, Totals
from vcr_core.line_index import DAMAGED, END, FRAME, OTHER, LineIndex
from vcr_core.wire_format import (
    DECODE_ERRORS,
    END_START,
    FORMAT,
    BodyLine,
    FormatError,
    FrameBody,
    FrameStates,
    body_decoder,
    decode_line,
    decode_row,
    states_decoder,
)

_BLOCK = 8 << 20
_ROWS_BLOCK = 1 << 20
_INDEX_WORTH = 256 << 10
_CACHE_BYTES = 48 << 20
_PREFETCH = 256
_AHEAD = 64
_AHEAD_BYTES = 1 << 20


class DamagedFrameError(VcrError):
    """A frame whose line cannot be decoded.

    Attributes:
        path: The recording.
        index: The frame.
        line: Its line number, from 1.
        reason: What the decoder said.
    """

    def __init__(self, path: object, index: int, line: int, reason: str) -> None:
        self.path = path
        self.index = index
        self.line = line
        self.reason = reason
        super().__init__(
            f"{path}, line {line}: frame {index} is damaged ({reason}). The other frames are readable; "
            f"`vcr verify {path}` names the first bad line."
        )


class SessionSource(Protocol):
    """What a player reads from: a recording of this format, or another made to look like one."""

    path: Path
    info: SessionInfo
    torn: bytes
    damage: list[str]

    @property
    def end(self) -> Totals | None:
        """The totals of a finished recording."""

    def __len__(self) -> int: ...

    def row(self, index: int) -> FrameRow:
        """Return the small fields of a frame."""
        ...

    def rows(self, first: int = 0) -> Iterator[FrameRow]:
        """Yield the small fields of the frames that are there now, from `first` on."""
        ...

    def line(self, index: int) -> bytes:
        """Return the bytes of a frame's line."""
        ...

    def body(self, index: int) -> FrameBody:
        """Return metadata, error and states of a frame as they are written."""
        ...

    def states(self, index: int) -> tuple[FrameStates, bool]:
        """Return the states of a frame as they are written, and whether they hold tagged values."""
        ...

    def refresh(self) -> int:
        """Take in what was appended since; return the number of new frames."""
        ...

    def close(self) -> None:
        """Give the file back."""


class SessionFile:
    """A recording as this version writes it.

    Attributes:
        path: The file.
        info: Its first line.
        torn: Bytes behind the last complete line.
        damage: What is wrong with the file, one text each; empty if nothing was found so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = b""
        self.damage: list[str] = []
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            self._index = LineIndex.load(path, self._descriptor)
            self._cache: OrderedDict[int, tuple[FrameStates, bool, int]] = OrderedDict()
            self._cached = 0
            self._next = -1
            self._frames: list[int] = []
            self._scanned = 0
            self._read_on()
            self.info = self._first_line()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def end(self) -> Totals | None:
        """The totals, if the recording was finished and nothing was added since."""
        number = len(self._index) - 1
        line = self._line(number) if number >= 0 else b""
        if not line.startswith(END_START):
            return None
        try:
            return msgspec.json.decode(decode_line(line).data, type=Totals)
        except (*DECODE_ERRORS, FormatError):
            return None

    def refresh(self) -> int:
        """Take in what was appended since; return the number of new frames."""
        before = len(self._frames)
        if os.fstat(self._descriptor).st_size < self._index.end:
            self._index, self._frames, self._scanned, before = LineIndex(), [], 0, 0
            self._cache.clear()
            self._cached = 0
        self._read_on()
        return len(self._frames) - before

    def _read_on(self) -> None:
        index, rest = self._index, b""
        known = index.end
        while block := os.pread(self._descriptor, _BLOCK, index.end + len(rest)):
            rest = index.extend(rest + block)
        self.torn = rest
        if index.end - known > _INDEX_WORTH:
            index.save(self.path)
        self._place_frames()

    def _place_frames(self) -> None:
        """Map frame indexes to lines.  A damaged line keeps the place of the frame that it was."""
        kinds, frames = self._index.kinds, self._frames
        if DAMAGED not in kinds[self._scanned :]:
            frames.extend(compress(range(self._scanned, len(kinds)), map(FRAME.__eq__, kinds[self._scanned :])))
        else:
            for number in range(self._scanned, len(kinds)):
                if kinds[number] == FRAME:
                    frames.append(number)
                elif kinds[number] == DAMAGED:
                    self._place_damaged(number)
        self._scanned = len(kinds)

    def _place_damaged(self, number: int) -> None:
        self.damage.append(f"line {number + 1} is not a line of a recording")
        for following in range(number + 1, len(self._index)):
            if self._index.kinds[following] == FRAME:
                try:
                    expected = decode_row(self._line(following)).index
                except FormatError:
                    return
                if expected - len(self._frames) >= 1:
                    self._frames.append(number)
                return

    def _first_line(self) -> SessionInfo:
        if not len(self._index):
            raise FormatError("there is no complete line in it; it is not a recording", path=self.path)
        try:
            first = decode_line(self._line(0))
        except FormatError as error:
            raise FormatError(error.reason, path=self.path, line=1) from error
        if first.type != "session":
            raise FormatError('the first line is not a "session" line; it is not a recording', path=self.path, line=1)
        try:
            info = msgspec.json.decode(first.data, type=SessionInfo)
        except DECODE_ERRORS as error:
            raise FormatError(f"the session line is damaged: {error}", path=self.path, line=1) from error
        if info.format.partition(".")[0] not in ("", FORMAT.partition(".")[0]):
            reason = f"it has format {info.format}, and this version reads {FORMAT}: install a newer ai-agent-vcr"
            raise FormatError(reason, path=self.path, line=1)
        return info

    def _line(self, number: int) -> bytes:
        begin, end = self._index.span(number)
        return os.pread(self._descriptor, end - begin, begin)

    def line(self, index: int) -> bytes:
        """Return the bytes of a frame's line, without its newline."""
        return self._line(self._frames[index])

    def lines(self) -> tuple[LineIndex, int]:
        """Return the index of lines, and the descriptor to read them from."""
        return self._index, self._descriptor

    def other_lines(self) -> list[tuple[str, msgspec.Raw]]:
        """Return type and data of every line that is neither a frame nor the session's first."""
        found: list[tuple[str, msgspec.Raw]] = []
        for number in range(1, len(self._index)):
            if self._index.kinds[number] in (OTHER, END):
                line = decode_line(self._line(number))
                found.append((line.type, line.data))
        return found

    def row(self, index: int) -> FrameRow:
        """Return the small fields of a frame; for a damaged one, a row that says so."""
        number = self._frames[index]
        return self._row_of(index, self._line(number))

    def rows(self, first: int = 0) -> Iterator[FrameRow]:
        """Yield the small fields of the frames that are there now, from `first` on; the file is read in blocks."""
        count = len(self._frames)
        while first < count:
            begin = self._index.span(self._frames[first])[0]
            last = first
            while last + 1 < count and self._index.span(self._frames[last + 1])[1] - begin <= _ROWS_BLOCK:
                last += 1
            content = os.pread(self._descriptor, self._index.span(self._frames[last])[1] - begin, begin)
            for index in range(first, last + 1):
                start, end = self._index.span(self._frames[index])
                yield self._row_of(index, content[start - begin : end - begin])
            first = last + 1

    def _row_of(self, index: int, line: bytes) -> FrameRow:
        try:
            return decode_row(line)
        except FormatError as error:
            message = f"line {self._frames[index] + 1}: {error.reason}"
            return FrameRow(index, "<damaged>", "error", "error", error_type="DamagedFrame", error_message=message)

    def body(self, index: int) -> FrameBody:
        """Return metadata, error and states of a frame as they are written.

        Raises:
            DamagedFrameError: If its line cannot be decoded.
        """
        try:
            line: BodyLine = body_decoder.decode(self.line(index))
        except DECODE_ERRORS as error:
            raise DamagedFrameError(self.path, index, self._frames[index] + 1, str(error)) from error
        return line.data

    def states(self, index: int) -> tuple[FrameStates, bool]:
        """Return the states of a frame as they are written, and whether they hold tagged values.

        They come from a cache: they are not to be changed.

        Raises:
            DamagedFrameError: If its line cannot be decoded.
        """
        found = self._cache.get(index)
        if found is None:
            self._fetch(index)
            found = self._cache[index]
        else:
            self._cache.move_to_end(index)
        return found[0], found[1]

    def _fetch(self, index: int) -> None:
        """Decode a frame, with those it leans on, and with those behind it where one is read after the other."""
        if index == self._next:
            self._next = min(index + _AHEAD, len(self._frames))
            self._prefetch(index, self._next, limit=_AHEAD_BYTES)
            if index in self._cache:
                return
        self._next = index + 1
        line = self.line(index)
        try:
            states = states_decoder.decode(line).data
        except DECODE_ERRORS as error:
            raise DamagedFrameError(self.path, index, self._frames[index] + 1, str(error)) from error
        if states.base == index - 1 and index - 1 not in self._cache:
            self._prefetch(max(0, index - _PREFETCH), index, limit=_CACHE_BYTES // 4)
        self._keep(index, states, line)

    def _prefetch(self, first: int, behind: int, *, limit: int) -> None:
        """Decode the frames from `first` up to `behind` in one go, if their lines stand together and are few bytes."""
        begin = self._index.starts[self._frames[first]]
        end = self._index.span(self._frames[behind - 1])[1] + 1
        if end - begin > limit or self._frames[behind - 1] - self._frames[first] != behind - 1 - first:
            return
        content = os.pread(self._descriptor, end - begin, begin)
        lines = content.split(b"\n")
        try:
            decoded = states_decoder.decode_lines(content)
        except DECODE_ERRORS:
            return  # one of them is damaged: each is decoded, and named, when it is asked for
        for number, (line, states) in enumerate(zip(lines, decoded, strict=False), first):
            if number not in self._cache:
                self._keep(number, states.data, line)

    def _keep(self, index: int, states: FrameStates, line: bytes) -> None:
        self._cache[index] = (states, b'"$vcr"' in line, len(line))
        self._cached += len(line)
        while self._cached > _CACHE_BYTES and len(self._cache) > 1:
            self._cached -= self._cache.popitem(last=False)[1][2]

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()
