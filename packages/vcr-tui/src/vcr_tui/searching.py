"""A search that runs in a thread while keys are answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from vcr_core.blobs import BlobStore
from vcr_tui.progress import Progress
from vcr_tui.session_search import SessionSearch
from vcr_tui.session_view import SessionView

_TELL_EVERY = 0.05
_PAUSE = 0.0005


class RunningSearch:
    """One search of the session on the screen.

    The cursor goes to the first match at or after the frame where the search began as soon as that is known.

    Args:
        view: The session; its matches are filled as they are found.
        text: What is looked for.
        on_progress: Called from the thread now and then, and at the end.

    Attributes:
        search: The search itself.
        running: False once it ended or was stopped.
        arrived: True once the cursor was taken to a match.
    """

    def __init__(self, view: SessionView, text: str, *, on_progress: Callable[[], None]) -> None:
        self.view = view
        self.search = SessionSearch(view.player.source, text, read_blob=BlobStore(view.path.parent).get)
        self.running = True
        self.arrived = False
        self.share = 0.0
        self.error: Exception | None = None
        self.progress = Progress(self.describe, share=lambda: self.share, stop=self.stop)
        self._from = view.cursor
        self._on_progress = on_progress
        self._stop = threading.Event()
        view.matches = self.search.matches
        self._thread = threading.Thread(target=self._run, name="vcr-tui-search", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        told = time.monotonic()
        try:
            for share in self.search.steps():
                self.share = share
                if self._stop.is_set():
                    break
                if time.monotonic() - told > _TELL_EVERY:
                    told = time.monotonic()
                    self._on_progress()
                    time.sleep(_PAUSE)
        except Exception as error:  # noqa: BLE001  # a thread of its own: the person is told by `describe`
            self.error = error
        finally:
            self.running = False
            self._on_progress()

    def arrive(self) -> bool:
        """Take the cursor to the first match from where the search began; True when it goes there."""
        if self.arrived:
            return False
        for frame in self.search.matches:
            if frame >= self._from:
                break
        else:
            if self.running or not self.search.matches:
                return False
            frame = self.search.matches[0]
        self.arrived = True
        self.view.goto(frame)
        return True

    def describe(self) -> str:
        """Return what the status line says of it."""
        if self.error is not None:
            return f"the search for {self.search.text!r} broke off: {self.error}"
        count = len(self.search.matches)
        found = f"{count:,} frame{'' if count == 1 else 's'} with {self.search.text!r}"
        number = self.view.match_number()
        if self.running:
            return f"{found} so far"
        if not count:
            return f"nothing found for {self.search.text!r}"
        return f"{number} of {found}   n next, N previous" if number else f"{found}   n next, N previous"

    def stop(self) -> None:
        """End it soon; what was found stays."""
        self._stop.set()

    def wait(self, timeout: float) -> bool:
        """Wait until it ended; False if it did not within so many seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()
