"""The small fields of all frames as columns, filled in the background; the tape and the totals are drawn from them.

Six bytes a frame and one string for each name: a run of a million frames costs a few megabytes, and no state is read.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Protocol

from vcr_core.frames import KINDS, STATUSES, FrameRow

ERROR = STATUSES.index("error")
_STATUS: dict[str, int] = {name: at for at, name in enumerate(STATUSES)}
_KIND: dict[str, int] = {name: at for at, name in enumerate(KINDS)}
_CHUNK = 100
_PAUSE = 0.001


class RowSource(Protocol):
    """What rows are read from."""

    def __len__(self) -> int: ...
    def rows(self, first: int = 0) -> Iterator[FrameRow]:
        """Yield the small fields of the frames from `first` on."""
        ...


class RowColumns:
    """Columns of the frames read so far, which are always the first ones.

    Attributes:
        latency: Milliseconds.
        status: Position in `vcr_core.frames.STATUSES`.
        kind: Position in `vcr_core.frames.KINDS`.
        errors: Indexes of the frames that failed.
        total_ms: Sum of the latencies of frames that are not inside another.
        tokens: Sum of the known tokens.
        cost: Sum of the known costs, or None if none is known.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything, for a file that was replaced."""
        self.latency = array("f")
        self.status = bytearray()
        self.kind = bytearray()
        self.errors = array("L")
        self.total_ms = 0.0
        self.tokens = 0
        self.cost: Decimal | None = None

    def __len__(self) -> int:
        return len(self.kind)

    def add(self, row: FrameRow) -> None:
        """Add the next frame."""
        status = _STATUS.get(row.status, 0)
        if status == ERROR:
            self.errors.append(len(self.kind))
        if row.parent is None:
            self.total_ms += row.latency_ms
        self.tokens += row.tokens or 0
        if row.cost_usd is not None:
            self.cost = (self.cost or Decimal(0)) + Decimal(str(row.cost_usd))
        self.latency.append(row.latency_ms)
        self.status.append(status)
        self.kind.append(_KIND.get(row.kind, 0))  # last: readers in other threads trust its length


class ColumnLoader:
    """Fills columns from a thread, in chunks, so that keys are answered meanwhile.

    Args:
        source: Where the rows are.
        columns: What is filled; nobody else may write to it.
        on_progress: Called from the thread after each chunk that ends a tenth of a second, and at the end.
    """

    def __init__(self, source: RowSource, columns: RowColumns, *, on_progress: Callable[[], None]) -> None:
        self._source = source
        self._columns = columns
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def done(self) -> bool:
        """True if every frame that is known is in the columns."""
        return len(self._columns) >= len(self._source)

    def start(self) -> None:
        """Begin, or go on after the source grew; does nothing while it runs."""
        if self.done or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = threading.Thread(target=self._run, name="vcr-tui-rows", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and return once the thread has."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        told = time.monotonic()
        rows, known = self._source.rows(len(self._columns)), len(self._source)
        while not self._stop.is_set() and not self.done:
            if len(self._columns) >= known:  # the file has grown since
                rows, known = self._source.rows(len(self._columns)), len(self._source)
            try:
                for row in islice(rows, _CHUNK):
                    self._columns.add(row)
            except (IndexError, OSError):
                return  # the file was replaced or taken away; whoever follows it begins anew
            if time.monotonic() - told > 0.1:
                told = time.monotonic()
                self._on_progress()
            time.sleep(_PAUSE)
        self._on_progress()
