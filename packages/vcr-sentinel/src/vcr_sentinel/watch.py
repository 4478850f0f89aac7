"""`sentinel watch`: check files as they change on disk, whoever changes them. Needs the extra `watch` (watchfiles)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vcr_sentinel.config import skipped_directory
from vcr_sentinel.errors import SentinelError
from vcr_sentinel.findings import Finding, render_for_agent
from vcr_sentinel.guard import Sentinel

_TURN_SECONDS = 3.0


class WatchUnavailableError(SentinelError):
    """watchfiles is not installed."""


def follow(
    sentinel: Sentinel, report: Callable[[list[Finding]], None], *, stop: threading.Event | None = None,
    ready: threading.Event | None = None,
) -> None:  # fmt: skip
    """Check every change below the sentinel's root until `stop` is set; a quiet while ends a turn.

    Raises:
        WatchUnavailableError: the extra `watch` is not installed.
    """
    try:
        from watchfiles import Change  # noqa: PLC0415  # an extra
        from watchfiles import watch as watch_files
    except ImportError as exc:
        raise WatchUnavailableError("`sentinel watch` needs watchfiles: pip install 'vcr-sentinel[watch]'") from exc
    _ = sentinel.project
    turn_open = False

    def concerns(kind: Any, path: str) -> bool:
        # A folder that comes, goes or is renamed takes its files along without a word about them.
        return path.endswith(".py") or (kind is not Change.modified and not _skipped(sentinel.root, path))

    changes = watch_files(
        sentinel.root, debounce=100, step=20, stop_event=stop, rust_timeout=int(_TURN_SECONDS * 1000),
        yield_on_timeout=True, watch_filter=concerns, raise_interrupt=False,
    )  # fmt: skip
    if ready is not None:
        ready.set()
    for batch in changes:
        findings = _look_at(sentinel, {path for _, path in batch})
        turn_open = turn_open or bool(batch)
        if not batch and turn_open:
            findings += sentinel.turn_end()
            turn_open = False
        if findings:
            report(findings)


def _look_at(sentinel: Sentinel, paths: set[str]) -> list[Finding]:
    files = sorted(path for path in paths if path.endswith(".py"))
    findings = [item for path in files for item in sentinel.written(path)]
    return findings if len(files) == len(paths) else findings + sentinel.sweep()


def _skipped(root: Path, path: str) -> bool:
    return any(skipped_directory(part) for part in Path(path).relative_to(root).parts)


def watch(root: Path, *, record: bool) -> int:
    """Run until interrupted, printing what is found."""
    recorder: Any = None
    if record:
        from vcr_core import VCRRecorder  # noqa: PLC0415  # only when asked to record

        recorder = VCRRecorder(str(root / ".vcr"))
        recorder.start_session(tags=("sentinel",))
    with Sentinel(root=root, recorder=recorder) as sentinel:
        print(f"sentinel watches {root}: {len(sentinel.project.index.files)} files. Ctrl+C ends it.", flush=True)
        follow(sentinel, lambda findings: print(render_for_agent(findings), flush=True))
        print(f"{sentinel.reported} findings, {sentinel.corrected} of them corrected.")
    if recorder is not None:
        print(f"recorded in {recorder.save()}")
        recorder.close()
    return 0
