"""What takes too long for the moment of a write: near-misses and ruff. Results come with the next event."""

from __future__ import annotations

import sys
import threading
from array import array
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from vcr_sentinel.change import Change
from vcr_sentinel.config import Config
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.modules import ModuleMap
from vcr_sentinel.near_miss import NearMissFinder
from vcr_sentinel.project import Project
from vcr_sentinel.ruff_lint import find_ruff, lint
from vcr_sentinel.rules_duplicates import dotted_module, exempt, fix_for


class Job(NamedTuple):
    """One write to look at again."""

    path: str
    functions: tuple[str, ...]
    text: bytes
    old_text: bytes


class SlowLane:
    """Reviews writes, one after the other.

    Args:
        project: the project; touched only under `lock`.
        config: settings.
        lock: guards the project.
        deliver: is given each job's findings.
        threaded: review in a thread of its own; otherwise only when `drain` is called.
    """

    def __init__(
        self, project: Project, config: Config, lock: threading.RLock,
        deliver: Callable[[Job, list[Finding]], None], *, threaded: bool,
    ) -> None:  # fmt: skip
        self._project = project
        self._config = config
        self._lock = lock
        self._deliver = deliver
        self._threaded = threaded
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._busy = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self._finder: NearMissFinder | None = None
        self._stale: set[str] = set()
        self._ruff = find_ruff() if config.ruff else None

    def submit(self, change: Change, flagged: set[str]) -> None:
        """Queue a write; functions already `flagged` as duplicates are not compared again."""
        names = tuple(
            placed.facts.qualname
            for placed in change.after
            if change.is_new(placed.facts) and not change.is_moved(placed.facts)
            and not exempt(placed.facts) and placed.facts.qualname not in flagged
        )  # fmt: skip
        with self._wake:
            self._stale.add(change.path)
            compared = names if not (change.file.unowned or change.file.test) else ()
            self._jobs.append(Job(change.path, compared, change.document.text, change.old_text))
            if self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="sentinel-slow-lane", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def forget(self, path: str) -> None:
        """A file is gone."""
        with self._wake:
            self._stale.add(path)

    def drain(self, seconds: float = 30.0) -> bool:
        """Finish all jobs; `False` if that took longer."""
        if not self._threaded:
            while self._jobs:
                self._review(self._jobs.popleft())
            return True
        with self._wake:
            return self._wake.wait_for(lambda: not self._jobs and not self._busy, seconds)

    def close(self) -> None:
        """Drop what is queued and end the thread."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    def _work(self) -> None:
        while True:
            with self._wake:
                self._busy = False
                self._wake.notify_all()
                self._wake.wait_for(lambda: bool(self._jobs) or self._closed)
                if self._closed:
                    return
                job = self._jobs.popleft()
                self._busy = True
            try:
                self._review(job)
            except Exception as exc:  # noqa: BLE001  # without this thread, every `drain` would wait in vain
                print(f"sentinel: {job.path} was not reviewed ({type(exc).__name__}: {exc})", file=sys.stderr)

    def _review(self, job: Job) -> None:
        findings: list[Finding] = []
        if job.functions:
            with self._lock:
                findings += self._near_misses(job)
        if self._ruff is not None:
            findings += lint(self._ruff, self._project.root, job.path, job.text, job.old_text)
        self._deliver(job, [item for item in findings if not self._config.ignores(item.code)])
        with self._lock:
            self._project.trim()

    def _near_misses(self, job: Job) -> list[Finding]:
        file = self._project.index.files.get(job.path)
        details = self._project.details(job.path)
        if file is None or len(details) != len(file.chunks):
            return []
        finder = self._fresh_finder()
        wanted = set(job.functions)
        paired: set[frozenset[int]] = set()
        findings: list[Finding] = []
        for chunk, detail in zip(file.chunks, details, strict=True):
            for facts, made in zip(chunk.core.functions, detail.grams, strict=True):
                if facts.qualname not in wanted or not finder.grams.large_enough(facts) or not made.data:
                    continue
                grams = array("Q")
                grams.frombytes(made.data)
                found = finder.find(job.path, facts, grams)
                if found is None:
                    continue
                entry, ratio = found
                if frozenset((id(facts), id(entry.facts))) in paired:
                    continue  # of two that came in one write, one is told
                paired.add(frozenset((id(facts), id(entry.facts))))
                other = self._project.index.files[entry.path]
                place = f"{entry.path}:{other.line_of(entry.facts)}"
                module = dotted_module(
                    entry.path, ModuleMap(self._project.index, self._project.root).root_of(entry.path)
                )
                findings.append(Finding(
                    "VS103", Severity.WARNING, job.path, file.line_of(facts), facts.qualname,
                    f"{facts.qualname}() is {ratio:.0%} the same as {entry.facts.qualname}() at {place}.",
                    "give the original a parameter for what differs, then " + fix_for(facts, entry, job.path, module),
                    related=place, identity=f"{facts.exact:x}",
                    related_identity=f"{entry.path}::{entry.facts.qualname}",
                ))  # fmt: skip
        return findings

    def _fresh_finder(self) -> NearMissFinder:
        with self._wake:
            stale, self._stale = self._stale, set()
        if self._finder is None:
            self._finder = NearMissFinder(self._project, self._config.duplicates)
        else:
            for path in sorted(stale):
                self._finder.grams.update(path)
        return self._finder
