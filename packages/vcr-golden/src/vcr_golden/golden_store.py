"""Where golden runs lie: two files each, ``<task>-<digest>-<fingerprint>.vcr`` and ``.json``, in one directory.

A task and trial has one: where a merge of branches left several, the newest.  A run that differs waits beside it as
``.vcr.new`` until it is accepted.  What makes a run golden is not decided here.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from pathlib import Path

from vcr_golden.errors import GoldenError
from vcr_golden.manifest import Manifest


class NoGoldenRunError(GoldenError):
    """There is no golden run of a task.

    Attributes:
        task: The task.
        trial: The trial, or None for any.
        directory: Where it was looked for.
        known: Some of the tasks there are.
    """

    def __init__(self, task: str, trial: int | None, directory: Path, known: list[str]) -> None:
        self.task = task
        self.trial = trial
        self.directory = directory
        self.known = known
        which = f" (trial {trial})" if trial else ""
        there = f"There are: {'; '.join(known)}" if known else "There is none in it"
        super().__init__(
            f"no golden run of {task!r}{which} in {directory}. {there}. Save one with save_golden_run(task, recorder), "
            "or run the tests with --vcr=record."
        )


@dataclasses.dataclass(frozen=True)
class GoldenFiles:
    """One golden run on the disk.

    Attributes:
        recording: The packed recording.
        manifest: What it is.
    """

    recording: Path
    manifest: Manifest

    @property
    def pending(self) -> Path:
        """Where a run that differs waits to be accepted."""
        return self.recording.with_suffix(".vcr.new")

    @property
    def pending_diff(self) -> Path:
        """Where it says how that run differs."""
        return self.recording.with_suffix(".vcr.new.diff")

    @property
    def pending_facts(self) -> Path:
        """Where it says by what code that run was made, where the process that wrote it knew."""
        return self.recording.with_suffix(".vcr.new.code")

    @property
    def manifest_path(self) -> Path:
        """The manifest's file."""
        return self.recording.with_suffix(".json")


class GoldenStore:
    """The golden runs of one directory.

    Args:
        directory: Made when the first one is saved.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._read: dict[Path, tuple[tuple[int, int], Manifest]] = {}

    def stem(self, task: str, trial: int, fingerprint: str) -> str:
        """Return the file name of a golden run, without suffix."""
        return f"{_slot(task, trial)}-{fingerprint[:12]}"

    def all(self) -> list[GoldenFiles]:
        """Return the golden run of each task and trial, by these."""
        newest: dict[tuple[str, int], GoldenFiles] = {}
        for files in self._found("*.json"):
            newest.setdefault((files.manifest.task, files.manifest.trial), files)
        return [files for _, files in sorted(newest.items())]

    def of_task(self, task: str, trial: int | None = None) -> list[GoldenFiles]:
        """Return all there is of a task, the newest first."""
        if trial is None:
            return [files for files in self._found("*.json") if files.manifest.task == task]
        return self._found(f"{_slot(task, trial)}-*.json")

    def _found(self, pattern: str) -> list[GoldenFiles]:
        found = [self._load(path) for path in sorted(self.directory.glob(pattern))]
        return sorted(found, key=lambda files: files.manifest.created_at, reverse=True)

    def get(self, task: str, trial: int = 0, *, fingerprint: str | None = None) -> GoldenFiles:
        """Return the golden run of a task, or the one of a fingerprint.

        Raises:
            NoGoldenRunError: If there is none.
        """
        for files in self.of_task(task, trial):
            if fingerprint is None or files.manifest.fingerprint == fingerprint:
                return files
        raise NoGoldenRunError(task, trial, self.directory, sorted({f.manifest.task for f in self.all()})[:8])

    def write(self, stem: str, manifest: Manifest) -> GoldenFiles:
        """Write the manifest of a recording that lies there already."""
        path = self.directory / f"{stem}.json"
        passing = path.with_suffix(".json.passing")
        passing.write_text(manifest.to_json(), encoding="utf-8")
        passing.replace(path)
        return GoldenFiles(path.with_suffix(".vcr"), manifest)

    def keep_only(self, files: GoldenFiles) -> None:
        """Delete what else lies there of a golden run's task and trial, and what waits beside it."""
        slot = _slot(files.manifest.task, files.manifest.trial)
        kept = (files.recording, files.manifest_path)
        for path in (*self.directory.glob(f"{slot}-*"), *self.directory.glob(f".{slot}-*.idx")):
            if path not in kept:
                path.unlink(missing_ok=True)

    def remove(self, files: GoldenFiles) -> None:
        """Delete a golden run, and what waits beside it."""
        self.forget_pending(files)
        files.manifest_path.unlink(missing_ok=True)
        files.recording.unlink(missing_ok=True)
        files.recording.with_name(f".{files.recording.name}.idx").unlink(missing_ok=True)

    def forget_pending(self, files: GoldenFiles) -> None:
        """Delete what waits beside a golden run."""
        for path in (files.pending, files.pending_diff, files.pending_facts):
            path.unlink(missing_ok=True)

    def _load(self, path: Path) -> GoldenFiles:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = self._read[path] = (stamp, Manifest.from_json(path.read_text(encoding="utf-8"), path))
        return GoldenFiles(path.with_suffix(".vcr"), known[1])


def _slot(task: str, trial: int) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", task.lower()).strip("_")[:40].rstrip("_") or "task"
    digest = hashlib.blake2b(f"{trial}\0{task}".encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{word}-{digest}"
