"""The guard itself: takes writes, answers with findings, remembers what it said.

It joins the project, the rules, the slow lane and the recording; it holds no rule of its own.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from vcr_sentinel.change import Change
from vcr_sentinel.config import Config, Limits, load_config
from vcr_sentinel.file_check import check_change, check_whole, take_in
from vcr_sentinel.findings import Finding, Severity, sort_findings
from vcr_sentinel.modules import ModuleMap
from vcr_sentinel.project import Project, collector_paused
from vcr_sentinel.slow_lane import Job, SlowLane
from vcr_sentinel.suppression import Allowed, apply
from vcr_sentinel.turn import Turn

SlowLaneMode = Literal["thread", "inline", "off"]
_DUPLICATES = frozenset({"VS101", "VS102", "VS104"})


@dataclass(frozen=True)
class CheckResult:
    """One event and what it led to.

    Attributes:
        kind: `check`, `review` (slow lane) or `turn_end`.
        path: the file; empty for the end of a turn.
        findings: what is wrong now because of it.
        allowed: what a comment with a reason suppressed.
        corrected: fingerprints of earlier findings that are gone; looked for by the slow lane and at the end of a turn.
        service_ms: time it took.
    """

    kind: str
    path: str
    findings: list[Finding]
    allowed: list[Allowed] = field(default_factory=list[Allowed])
    corrected: list[str] = field(default_factory=list[str])
    service_ms: float = 0.0


class Journal(Protocol):
    """Where each check leaves its trace."""

    def started(self, project: Project) -> None:
        """The project was indexed."""

    def checked(self, result: CheckResult, source: bytes, before: bytes) -> None:
        """One event was answered."""


class Sentinel:
    """Watches the files of one project.

    Args:
        recorder: a `VCRRecorder`; every check becomes one frame of its session.
        root: the project.
        limits: sizes of VS2xx; they go before those of the configuration.
        config: settings; read from `pyproject.toml` by default.
        persist: keep the index between runs in `.vcr/sentinel/index.sqlite` below the root.
        slow_lane: `thread` reviews in the background and delivers with the next event, `inline` reviews at `drain` and
            `turn_end` only, `off` never.

    The index is built at once, for what a write changed can only be told by one who saw the project before it. All
    methods may be called from any thread.
    """

    def __init__(
        self, *, root: str | os.PathLike[str] = ".", recorder: Any = None, limits: Limits | None = None,
        config: Config | None = None, persist: bool = True, slow_lane: SlowLaneMode = "thread",
    ) -> None:  # fmt: skip
        self.root = Path(root).resolve()
        settings = config if config is not None else load_config(self.root)
        self.config = replace(settings, limits=limits) if limits is not None else settings
        self.corrected = 0
        self.reported = 0
        self._lock = threading.RLock()
        self._persist = persist
        self._mode: SlowLaneMode = slow_lane
        self._project: Project | None = None
        self._modules: ModuleMap | None = None
        self._lane: SlowLane | None = None
        self._turn = Turn()
        self._told: dict[str, dict[str, Finding]] = {}
        self._unsettled: set[str] = set()
        self._pairs: set[frozenset[str]] = set()
        self._late: list[tuple[Finding, bytes]] = []
        self._listeners: list[Callable[[CheckResult], None]] = []
        self._journal = _journal_for(recorder)
        _ = self.project

    @property
    def project(self) -> Project:
        """The indexed project."""
        with self._lock:
            if self._project is None:
                store = self.root / ".vcr" / "sentinel" / "index.sqlite" if self._persist else None
                project = Project(self.root, self.config, store_path=store)
                project.load()
                self._project = project
                self._modules = ModuleMap(project.index, self.root)
                if self._mode != "off":
                    self._lane = SlowLane(
                        project, self.config, self._lock, self._reviewed, threaded=self._mode == "thread"
                    )
                if self._journal is not None:
                    self._journal.started(project)
            return self._project

    @property
    def modules(self) -> ModuleMap:
        """Resolves imports of the project."""
        _ = self.project
        assert self._modules is not None
        return self._modules

    def check(self, path: str | os.PathLike[str], source: str | bytes) -> list[Finding]:
        """Take a file's new source and say what this write made wrong, gravest first.

        Findings of the slow lane that became ready since the last event come with it. A path outside of the root, or
        excluded, gives none.
        """
        project = self.project
        relative = project.relative(path)
        if relative is None or not relative.endswith(".py") or self.config.excludes(relative):
            return self._take_late()
        started = time.perf_counter()
        with self._lock, collector_paused():
            before = project.index.files.get(relative)
            old = before.chunks if before is not None else ()
            old_text = project.text(relative) if self._journal is not None else b""
            written = take_in(project, self.modules, relative, source)
            if written.change is None:
                findings = [written.problem] if written.problem is not None else []
                result = self._conclude(relative, findings, [], started)
            else:
                self._turn.touch(relative, old)
                result = self._judge(written.change, started)
        if self._journal is not None:
            raw = source.encode("utf-8", "replace") if isinstance(source, str) else source
            self._journal.checked(result, raw, old_text)
        self._tell(result)
        return sort_findings(result.findings + self._take_late())

    def written(self, path: str | os.PathLike[str]) -> list[Finding]:
        """Check a file as it is on disk now; one that is gone is forgotten, one that cannot be read stays as it was."""
        project = self.project
        relative = project.relative(path)
        if relative is None:
            return self._take_late()
        try:
            source = (self.root / relative).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            self.deleted(relative)
            return self._take_late()
        except (OSError, ValueError):  # ValueError: a path with a NUL or a surrogate names no file
            return self._take_late()
        findings = self.check(relative, source)
        with self._lock:
            project.seen(relative)
        return findings

    def prime(self, path: str | os.PathLike[str], text: str | None) -> None:
        """Let the index hold `text` as the file before the next write; `None` for a file that was not there."""
        project = self.project
        relative = project.relative(path)
        if relative is None:
            return
        with self._lock:
            if text is None:
                project.remove(relative)
            else:
                take_in(project, self.modules, relative, text)

    def deleted(self, path: str | os.PathLike[str]) -> None:
        """Forget a file: it is never cited again."""
        project = self.project
        relative = project.relative(path)
        with self._lock:
            if relative is not None and relative in project.index.files:
                self._turn.touch(relative, project.index.files[relative].chunks)
                self._remember_pairs_of_file(relative)
                project.remove(relative)
                self._told.pop(relative, None)
                if self._lane is not None:
                    self._lane.forget(relative)

    def sweep(self) -> list[Finding]:
        """Check every file that changed on disk unseen, as a shell command may do."""
        changed, gone = self.project.changed_on_disk()
        for path in gone:
            self.deleted(path)
        findings: list[Finding] = []
        for path in changed:
            findings += self.written(path)
        return sort_findings(findings + self._take_late())

    def turn_end(self) -> list[Finding]:
        """What only makes sense across files, and everything the slow lane still holds."""
        project = self.project
        self.drain()
        started = time.perf_counter()
        with self._lock:
            findings = [item for item in self._turn.review(project, self.modules) if not self.config.ignores(item.code)]
            self._turn = Turn()
            kept: list[Finding] = []
            allowed: list[Allowed] = []
            for item in findings:
                stand, gone = self._allowed_in(item.path, [item])
                kept += stand
                allowed += gone
            corrected = [gone for path in sorted(self._unsettled) for gone in self._settle(path)]
            result = self._conclude("", kept, allowed, started, kind="turn_end", corrected=corrected)
            project.flush()
        if self._journal is not None:
            self._journal.checked(result, b"", b"")
        self._tell(result)
        return sort_findings(result.findings + self._take_late())

    def drain(self, seconds: float = 30.0) -> bool:
        """Wait for the slow lane; `False` if it needs longer."""
        return self._lane.drain(seconds) if self._lane is not None else True

    def pending(self) -> list[Finding]:
        """Findings of the slow lane that are ready and were not delivered yet."""
        return self._take_late()

    def check_all(self, path: str, *, known: frozenset[str] = frozenset()) -> tuple[list[Finding], list[Allowed]]:
        """Everything the fast rules find in a file as it stands: `(findings, allowed)`."""
        with self._lock:
            findings = check_whole(self.project, self.modules, path, known=known)
            return self._allowed_in(path, [item for item in findings if not self.config.ignores(item.code)])

    def on_result(self, listener: Callable[[CheckResult], None]) -> None:
        """Call `listener` with every result."""
        self._listeners.append(listener)

    def attach(self, target: Any) -> None:
        """Guard an OpenHands event stream (V0) or an agent, conversation or tool executor (V1 SDK)."""
        from vcr_sentinel.openhands import attach  # noqa: PLC0415  # only where OpenHands is used

        attach(self, target)

    def close(self) -> None:
        """Save the index and end the slow lane."""
        if self._lane is not None:
            self._lane.close()
        with self._lock:
            if self._project is not None:
                self._project.close()
                self._project = None

    def __enter__(self) -> Sentinel:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _judge(self, change: Change, started: float) -> CheckResult:
        findings = [item for item in check_change(change) if not self.config.ignores(item.code)]
        findings = [item for item in findings if not self._stood_before(change, item)]
        self._remember_pairs(change)
        findings, allowed = apply(findings, change.path, change.document.lines, change.document.text)
        for item in findings:
            if item.code.startswith("VS3"):
                self._turn.announced.add(item.fingerprint)
        if self._lane is not None:
            self._lane.submit(change, {item.symbol for item in findings if item.code in _DUPLICATES})
        return self._conclude(change.path, findings, allowed, started)

    def _stood_before(self, change: Change, finding: Finding) -> bool:
        """Two copies that were both changed the same way were copies before."""
        if finding.code not in _DUPLICATES:
            return False
        return frozenset((f"{change.path}::{finding.symbol}", finding.related_identity)) in self._pairs

    def _remember_pairs(self, change: Change) -> None:
        kept = {id(facts) for _, facts in change.file.functions()}
        for versions in change.before.values():
            for facts in versions:
                if facts.exact and id(facts) not in kept:
                    self._remember(change.path, facts)

    def _remember_pairs_of_file(self, path: str) -> None:
        for _, facts in self.project.index.files[path].functions():
            self._remember(path, facts)

    def _remember(self, path: str, facts: Any) -> None:
        if len(self._pairs) > 100_000:
            self._pairs.clear()
        index = self.project.index
        told = {(item.symbol, item.related_identity) for item in self._told.get(path, {}).values()}
        for entry in [*index.same_exact(facts)[:8], *index.same_renamed(facts)[:8]]:
            other = f"{entry.path}::{entry.facts.qualname}"
            # What was told is not thereby accepted: written again, it is told again.
            if (facts.qualname, other) not in told:
                self._pairs.add(frozenset((f"{path}::{facts.qualname}", other)))

    def _allowed_in(self, path: str, findings: list[Finding]) -> tuple[list[Finding], list[Allowed]]:
        text = self.project.text(path)
        return apply(findings, path, text.splitlines() if b"sentinel:" in text else [], text)

    def _conclude(
        self, path: str, findings: list[Finding], allowed: list[Allowed], started: float, *, kind: str = "check",
        corrected: list[str] | None = None,
    ) -> CheckResult:  # fmt: skip
        if path and path in self._told:
            self._unsettled.add(path)
        for item in findings:
            self._told.setdefault(item.path, {})[item.fingerprint] = item
        self.reported += len(findings)
        elapsed = (time.perf_counter() - started) * 1e3
        return CheckResult(kind, path, sort_findings(findings), allowed, corrected or [], elapsed)

    def _settle(self, path: str) -> list[str]:
        """Which findings told earlier about this file no longer hold. Looks at all of it, so not in the fast lane."""
        told = self._told.get(path)
        self._unsettled.discard(path)
        file = self.project.index.files.get(path)
        if not told or file is None:
            return []
        standing: set[str] = set()
        for item in check_whole(self.project, self.modules, path, known=None):
            standing.add(item.fingerprint)
            if item.code.startswith("VS2"):  # of a function that is over several limits the worst is named
                standing.update(replace(item, code=code).fingerprint for code in ("VS201", "VS202", "VS203"))
        functions = {facts.qualname: f"{facts.exact:x}" for _, facts in file.functions()}
        gone = [
            print_ for print_, item in told.items()
            if print_ not in standing and not _still_holds(item, functions)
        ]  # fmt: skip
        for print_ in gone:
            del told[print_]
        self.corrected += len(gone)
        return gone

    def _reviewed(self, job: Job, findings: list[Finding]) -> None:
        with self._lock:
            kept, allowed = self._allowed_in(job.path, findings) if findings else ([], [])
            corrected = self._settle(job.path) if job.path in self._unsettled else []
            if not kept and not allowed and not corrected:
                return
            result = self._conclude(job.path, kept, allowed, time.perf_counter(), kind="review", corrected=corrected)
            self._late.extend((item, job.text) for item in kept)
        if self._journal is not None:
            self._journal.checked(result, job.text, job.old_text)
        self._tell(result)

    def _take_late(self) -> list[Finding]:
        with self._lock:
            late, self._late = self._late, []
            # What a later write has overtaken is not worth saying: that write is reviewed in its turn.
            return [item for item, text in late if self.project.text(item.path) == text]

    def _tell(self, result: CheckResult) -> None:
        for listener in self._listeners:
            listener(result)


def _still_holds(item: Finding, functions: dict[str, str]) -> bool:
    """Whether a finding that no fast rule of a whole file looks for is still true."""
    if item.code == "VS103":
        return functions.get(item.symbol) == item.identity
    return not item.code.startswith("VS")  # ruff's: unknown here


def worst(findings: list[Finding]) -> Severity | None:
    """The gravest severity among findings."""
    return min((item.severity for item in findings), key=lambda item: item.rank, default=None)


def _journal_for(recorder: Any) -> Journal | None:
    if recorder is None:
        return None
    from vcr_sentinel.recording import RecorderJournal  # noqa: PLC0415  # only where a recorder is given

    return RecorderJournal(recorder)
