"""One thread that reads states, so that a key is answered however large a state is.

Requests are answered in order and the newest wins: one that nobody waits for any more is not begun.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ticket(Generic[T]):
    """Something that was asked for.

    Attributes:
        done: Set once `value` or `error` is there, or the request was dropped.
        late: True if whoever asked went on without it, and is to be told.
    """

    def __init__(self, work: Callable[[], T], *, wanted: Callable[[], bool]) -> None:
        self.done = threading.Event()
        self.late = False
        self.value: T | None = None
        self.error: BaseException | None = None
        self._work = work
        self._wanted = wanted

    def run(self) -> None:
        """Do the work, in the worker's thread, if it is still wanted."""
        try:
            if self._wanted():
                self.value = self._work()
        except Exception as error:  # noqa: BLE001  # kept for whoever asked
            self.error = error
        finally:
            self.done.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a while; False, and the worker tells when it is done, if that was not enough."""
        if not self.done.wait(seconds):
            self.late = True
        return self.done.is_set()

    def result(self) -> T:
        """Wait for the value.

        Raises:
            Exception: What the work raised.
        """
        self.done.wait()
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return self.value


class StateWorker:
    """Runs work in one thread, in order.

    Args:
        on_done: Called from the thread after a piece of work that nobody waited for to the end.
    """

    def __init__(self, *, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._queue: list[Ticket[object]] = []
        self._wake = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], T], *, wanted: Callable[[], bool] = lambda: True) -> Ticket[T]:
        """Have `work` done; by the time its turn comes it is dropped if it is not `wanted` any more."""
        ticket = Ticket(work, wanted=wanted)
        with self._wake:
            self._queue.append(ticket)  # type: ignore[arg-type]  # the queue never looks at the value
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="vcr-tui-states", daemon=True)
                self._thread.start()
            self._wake.notify()
        return ticket

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closed:
                    self._wake.wait()
                if self._closed:
                    return
                ticket = self._queue.pop(0)
            ticket.run()
            if ticket.late:
                self._on_done()

    def close(self) -> None:
        """End the thread once it has done what it is at."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)
