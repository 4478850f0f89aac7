"""The tape: a whole run on one line, a column for each stretch of frames.  Pure."""

from __future__ import annotations

import math
from typing import NamedTuple

from vcr_tui.row_columns import ERROR, RowColumns

LEVELS = 8


class TapeCell(NamedTuple):
    """One column.

    Attributes:
        level: Mean time of its steps, from 0 (not read yet) to `LEVELS`.
        failed: True if a step in it failed.
        marked: True if more failed than in most columns: where every column holds an error, only the bursts are marked.
    """

    level: int
    failed: bool
    marked: bool


def level_of(milliseconds: float) -> int:
    """Return the height of a bar: logarithmic, 1 below a millisecond, 8 from about 15 s on."""
    return max(1, min(LEVELS, 1 + int(math.log10(max(0.0, milliseconds) + 1) * 1.7)))


def stretch(column: int, *, frames: int, width: int) -> tuple[int, int]:
    """Return first and last-but-one frame of a column; every column has a frame if there are any."""
    if frames <= width:
        return column, min(column + 1, frames)
    begin = column * frames // width
    return begin, max(begin + 1, (column + 1) * frames // width)


def column_of(frame: int, *, frames: int, width: int) -> int:
    """Return the column that shows a frame."""
    if frames <= width:
        return frame
    column = min(width - 1, frame * width // frames)
    while column > 0 and stretch(column, frames=frames, width=width)[0] > frame:
        column -= 1
    while column < width - 1 and stretch(column, frames=frames, width=width)[1] <= frame:
        column += 1
    return column


class Tape:
    """The cells of a run, worked out anew only when there are more frames or another width."""

    def __init__(self, columns: RowColumns) -> None:
        self._columns = columns
        self._key = (-1, -1, -1)
        self._cells: list[TapeCell] = []

    def cells(self, *, frames: int, width: int) -> list[TapeCell]:
        """Return at most `width` cells for a run of so many frames."""
        key = (len(self._columns), frames, width)
        if key != self._key:
            self._key = key
            count = min(frames, width)
            usual = 2 * len(self._columns.errors) / max(1, count)
            self._cells = [self._cell(column, frames, width, usual) for column in range(count)]
        return self._cells

    def _cell(self, column: int, frames: int, width: int, usual: float) -> TapeCell:
        begin, end = stretch(column, frames=frames, width=width)
        latency = self._columns.latency[begin:end]
        if not latency:
            return TapeCell(0, False, False)
        errors = self._columns.status.count(ERROR, begin, end)
        marked = errors > 0 and (errors >= usual or end - begin == 1)
        return TapeCell(level_of(sum(latency) / len(latency)), errors > 0, marked)
