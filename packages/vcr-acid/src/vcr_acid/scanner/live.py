"""A scanner kept up to date: by the watcher where it may be trusted, else by a walk."""

from __future__ import annotations

import time

from vcr_acid.policies import Policy
from vcr_acid.scanner.index_seed import read_seed
from vcr_acid.scanner.inotify import Watcher, WatchUnavailable
from vcr_acid.scanner.nodes import DirNode
from vcr_acid.scanner.walk import Scanner
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import ObjectStore

#: The watcher is never trusted for longer than this.
FULL_WALK_SECONDS = 300.0
_USUAL_MODES = (0o644, 0o755, 0o755)


class LiveScanner:
    """Owns the scanner and the watcher of one session; both are made when first needed."""

    def __init__(
        self,
        layout: Layout,
        store: ObjectStore,
        escrow: Escrow,
        policy: Policy,
        *,
        modes: list[int] | None,
        watch: bool,
    ) -> None:
        self.modes = modes
        self.full_listing = False
        self._layout = layout
        self._store = store
        self._escrow = escrow
        self._policy = policy
        self._want_watch = watch
        self._watcher: Watcher | None = None
        self._scanner: Scanner | None = None
        self._walked_at: float | None = None

    @property
    def scanner(self) -> Scanner:
        """The scanner."""
        if self._scanner is None:
            modes = self.modes
            self._scanner = Scanner(
                self._layout,
                self._store,
                self._escrow,
                self._policy,
                seed=read_seed(self._layout, self._store.contains),
                default_modes=(modes[0], modes[1], modes[2]) if modes else _USUAL_MODES,
                skip_unchanged_directories=not self.full_listing,
            )
            self._walked_at = None
            self._start_watching(self._scanner)
        return self._scanner

    @property
    def watching(self) -> bool:
        """Whether changes are heard of without a walk."""
        return self._watcher is not None

    def queued(self) -> int | None:
        """How much the watcher has heard since the last scan; None if nothing listens."""
        return None if self._watcher is None else self._watcher.queued()

    def scan(self, *, full: bool) -> None:
        """Bring the scanner up to date."""
        scanner = self.scanner
        if self._watcher is not None:
            nodes, overflow = self._watcher.drain()
            fresh = self._walked_at is not None and time.monotonic() - self._walked_at < FULL_WALK_SECONDS
            if fresh and not overflow and not full:
                scanner.start()
                scanner.scan_directories(nodes)
                return
        scanner.scan()
        self._walked_at = time.monotonic()

    def drop(self) -> None:
        """Forget everything; the next scan looks at every file again."""
        self._stop_watching()
        self._scanner = None

    def _start_watching(self, scanner: Scanner) -> None:
        self._stop_watching()
        if not self._want_watch:
            return
        try:
            self._watcher = Watcher(self._layout.workspace)
            self._watcher.add(scanner.root)
            scanner.watch = self._watch_directory
        except WatchUnavailable:
            self._stop_watching()

    def _watch_directory(self, node: DirNode) -> None:
        if self._watcher is None:
            return
        try:
            self._watcher.add(node)
        except WatchUnavailable:
            self._stop_watching()

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
