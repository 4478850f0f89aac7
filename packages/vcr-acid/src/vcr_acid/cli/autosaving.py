"""Takes savepoints by itself while a program runs: when the files have been quiet for a moment after changes."""

from __future__ import annotations

import threading
import time

from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.errors import VcrError

#: How often to look, how long nothing may happen before a savepoint, and how long changes may go on without one.
_LOOK_SECONDS = 0.2
_QUIET_SECONDS = 0.6
_LONGEST_SECONDS = 20.0
#: Where nothing tells of changes, walking may take this share of the time.
_WALK_SHARE = 0.05
_WALK_SECONDS = 2.0


class Autosaver:
    """A thread that calls ``autosave`` of one open session; its failures are kept, and never stop the program."""

    def __init__(self, acid: ACIDWorkspace) -> None:
        self._acid = acid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vcr-autosave", daemon=True)
        self._pause = _WALK_SECONDS
        self.failures: list[str] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                queued = self._acid.unscanned()
                if queued is None:
                    self._walk()
                elif not queued:
                    self._stop.wait(_LOOK_SECONDS)
                elif self._wait_for_quiet(queued):
                    self._acid.autosave(reason="quiet after changes")
            except VcrError as error:
                self.failures = [*self.failures[-4:], str(error)]
                self._stop.wait(_WALK_SECONDS)

    def _wait_for_quiet(self, queued: int) -> bool:
        """Wait until nothing happens any more; False if the program ended meanwhile (its end is saved anyway)."""
        began = time.monotonic()
        changed_at = began
        while time.monotonic() - changed_at < _QUIET_SECONDS and time.monotonic() - began < _LONGEST_SECONDS:
            if self._stop.wait(_LOOK_SECONDS):
                return False
            now = self._acid.unscanned() or 0
            if now != queued:
                queued, changed_at = now, time.monotonic()
        return True

    def _walk(self) -> None:
        if self._stop.wait(self._pause):
            return
        began = time.monotonic()
        self._acid.autosave(reason="changes")
        self._pause = max(_WALK_SECONDS, (time.monotonic() - began) / _WALK_SHARE)
