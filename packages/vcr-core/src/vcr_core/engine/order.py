"""Reproduces the order in which parallel branches completed, so that races end on replay as they did.

The frames of a recording stand in the order in which their steps completed.  On replay a step is served only when all
taped steps before it were.  Two refinements make the winner of a race see the same world:

* between two servings in different branches of one event loop, the loop is given the time to settle (nothing left
  that is ready to run), so that whoever waits for the first one moves on before the second arrives.  Steps that were
  recorded within a few iterations of the loop are served with the same distance;
* the end of a branch that runs in a thread is an event of its own (a ``race`` line), since code after its last step
  decides when its future is done.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vcr_core.engine.loop_ticks import LoopTicks, running_loop

if TYPE_CHECKING:
    from vcr_core.engine.scope import Scope

Event = int | str
"""A frame's index, or ``end:<branch path>``."""
_HOPS = 500
"""Iterations after which a loop counts as settled although something in it never rests."""
_BLIND_HOPS = 25
"""The same for a loop that does not show what is ready to run."""
_THREAD_SETTLES = 0.001


class StalledError(Exception):
    """Nothing on the tape moved for too long; the caller makes a divergence of it."""


class _Turn:
    """One waiting step: a future of an event loop, or a thread's event."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.loop = loop
        self.future: asyncio.Future[None] | None = None if loop is None else loop.create_future()
        self.event = threading.Event() if loop is None else None
        self.hops = 0

    def wake(self) -> None:
        if self.event is not None:
            self.event.set()
        elif self.loop is not None and self.future is not None:
            self.loop.call_soon_threadsafe(self.resolve)

    def resolve(self) -> None:
        if self.future is not None and not self.future.done():
            self.future.set_result(None)


class Order:
    """The events of a tape, and how far a replay has come.

    A recording run has an order without events: then every turn is granted at once.

    Args:
        events: Indexes of frames, and ``end:<branch path>`` for ends of thread branches, as they are to happen.
        gaps: Distance from the frame before, in iterations of the event loop, for each frame that has one.
        companions: Frames that have to be asked for before the frame that is their key is served.
        patience: Seconds without progress after which a waiting step gives up.
    """

    def __init__(
        self,
        events: list[Event] | None = None,
        *,
        gaps: dict[int, int] | None = None,
        companions: dict[int, list[int]] | None = None,
        patience: float = 10.0,
    ) -> None:
        self._events = events or []
        self._position: dict[Event, int] = {event: n for n, event in enumerate(self._events)}
        self._gaps = gaps or {}
        self._companions = companions or {}
        self._patience = patience
        self._done = 0
        self._finished: set[int] = set()
        self._waiting: dict[int, _Turn] = {}
        self._settling: list[_Turn] = []
        self._granted: set[int] = set()
        self._lock = threading.Lock()
        self._last_line: Scope | None = None
        self._ticks = LoopTicks()
        self._settled = True
        self._broken = False
        self.on_branch_end: Callable[[Scope], None] | None = None

    @property
    def finished(self) -> bool:
        """True once every event has happened."""
        return self._done >= len(self._events)

    def pending(self) -> list[int]:
        """Return the frames that have not been served yet."""
        return [
            event
            for position, event in enumerate(self._events)
            if position >= self._done and position not in self._finished and isinstance(event, int)
        ]

    def abandon(self) -> None:
        """Let every waiting step go: the run has diverged, and each of them will find that out."""
        self._broken = True
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for turn in waiting.values():
            turn.wake()

    def _may_go(self, position: int, scope: Scope) -> bool:
        """The lock is held."""
        if self._broken or position < self._done:
            return True
        if position > self._done:
            return False
        if position in self._granted:
            return True
        if self._companions_of(position):
            return False
        return self._settled or scope.line is self._last_line or self._gap_left() == 0

    def _companions_of(self, position: int) -> list[int]:
        """Return the positions of the steps that are to be served together with this one."""
        event = self._events[position] if position < len(self._events) else None
        others = self._companions.get(event, ()) if isinstance(event, int) else ()
        return [self._position[other] for other in others]

    def _gap_left(self) -> int | None:
        """Return the iterations that are still to pass before the next event; None if the loop is to settle."""
        event = self._events[self._done] if self._done < len(self._events) else None
        gap = self._gaps.get(event) if isinstance(event, int) else None
        if gap is None:
            return None
        since = self._ticks.since()
        return 0 if since is None else max(0, gap - since)

    def place(self, event: Event | None) -> int | None:
        """Return the position of an event; None if it has none.  The place behind the last is asked for by None."""
        return len(self._events) if event is None else self._position.get(event)

    async def wait_async(self, event: int | None, scope: Scope) -> None:
        """Return when it is that event's turn (None: when all have happened)."""
        position = self.place(event)
        if position is None:
            return
        while True:
            with self._lock:
                if self._may_go(position, scope):
                    return
                turn = self._queue(position, asyncio.get_running_loop())
            self._settle_soon()
            assert turn.future is not None
            done_before = self._done
            late = asyncio.get_running_loop().call_later(self._patience, turn.resolve)
            started = time.monotonic()
            try:
                await turn.future
            finally:
                late.cancel()
            stalled = time.monotonic() - started >= self._patience and self._done == done_before
            if stalled and not self._broken:
                raise StalledError

    def wait(self, event: Event | None, scope: Scope) -> None:
        """As `wait_async`, for a thread; inside an event loop, which must not be blocked, it returns at once."""
        position = self.place(event)
        if position is None or running_loop() is not None:
            return
        while True:
            with self._lock:
                if self._may_go(position, scope):
                    return
                turn = None if position == self._done else self._queue(position, None)
                done_before = self._done
            if turn is None or turn.event is None:
                time.sleep(_THREAD_SETTLES)
                with self._lock:
                    self._settled = True
            elif not turn.event.wait(self._patience) and self._done == done_before and not self._broken:
                raise StalledError

    def _queue(self, position: int, loop: asyncio.AbstractEventLoop | None) -> _Turn:
        turn = self._waiting.get(position)
        if turn is None or (turn.future is not None and turn.future.done()):
            turn = self._waiting[position] = _Turn(loop)
        return turn

    def happened(self, event: Event, scope: Scope) -> None:
        """Note that an event happened, and let the next one go when its time has come."""
        position = self._position.get(event)
        if position is None:
            return
        with self._lock:
            self._finished.add(position)
            before = self._done
            while self._done in self._finished:
                self._finished.discard(self._done)
                self._done += 1
            self._last_line = scope.line
            self._settled = False
            self._ticks.mark()
            if self._done == before:
                return
        self._settle_soon()

    def _settle_soon(self) -> None:
        """If it is a step's turn and only the settling was missing, or its company, see to that."""
        with self._lock:
            first = self._done
            company = self._companions_of(first)
            if first not in self._waiting or any(position not in self._waiting for position in company):
                return
            turns = [(position, self._waiting.pop(position)) for position in (first, *company)]
        if company:
            self._release_together(turns)
        else:
            self._release(turns[0][1])

    def _release(self, turn: _Turn) -> None:
        """Wake the step whose turn it is: after its gap, or once its loop has settled.

        A step that is woken runs one iteration later, which counts as the last of its gap.
        """
        gap = self._gap_left()
        if turn.loop is None:
            turn.wake()
        elif gap is None or turn.loop is not running_loop():
            turn.loop.call_soon_threadsafe(self._wake_once_idle, turn, turn.loop)
        else:
            self._wake_after(turn, gap - 1)

    def _release_together(self, turns: list[tuple[int, _Turn]]) -> None:
        """Wake steps with the distances with which they were recorded, the first once its loop has settled."""
        distance = 0
        first = turns[0][0]
        for position, turn in turns:
            self._granted.add(position)
            for between in range(first + 1, position + 1):
                event = self._events[between]
                distance += self._gaps.get(event, 0) if isinstance(event, int) else 0
            first = position
            turn.hops = distance
            if turn.loop is None:
                turn.wake()
            else:
                turn.loop.call_soon_threadsafe(self._wake_once_idle, turn, turn.loop)

    def _wake_after(self, turn: _Turn, hops: int) -> None:
        """Wake a step so that it runs `hops` iterations after the next one."""
        assert turn.loop is not None
        if hops > 0:
            turn.loop.call_soon(self._wake_after, turn, hops - 1)
            return
        with self._lock:
            self._settled = True
        turn.resolve()

    def _wake_once_idle(self, turn: _Turn, loop: asyncio.AbstractEventLoop) -> None:
        """Wake a step once its loop has nothing else that is ready to run; one watcher serves all that wait so."""
        self._settling.append(turn)
        if len(self._settling) == 1:
            loop.call_soon(self._watch, loop, _HOPS if hasattr(loop, "_ready") else _BLIND_HOPS)

    def _watch(self, loop: asyncio.AbstractEventLoop, hops: int) -> None:
        if hops > 0 and getattr(loop, "_ready", True):
            loop.call_soon(self._watch, loop, hops - 1)
            return
        with self._lock:
            self._settled = True
            settled, self._settling = self._settling, []
        for turn in settled:
            self._wake_after(turn, turn.hops)

    def end_branch(self, scope: Scope) -> None:
        """Called by a thread at the end of its branch: wait for the turn of that end."""
        path = scope.bound
        if path is not None and self._events:
            try:
                self.wait(f"end:{path}", scope)
            except StalledError:
                return  # the end of a branch is no step: the run goes on, in the order it makes itself

    def branch_ended(self, scope: Scope) -> None:
        """Called once whoever waits for the branch can see that it has ended."""
        scope.run.branch_over()
        path = scope.bound
        if path is None:
            return
        if self._events:
            self.happened(f"end:{path}", scope)
        elif self.on_branch_end is not None:
            self.on_branch_end(scope)
