"""The one door to the engine: resuming in a process of its own, forking, and the files of a savepoint."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.plugins import find_plugins, load_plugin
from vcr_core.recorder import VCRRecorder
from vcr_tui.errors import TuiError
from vcr_tui.resume_plan import ResumePlan, fork_name
from vcr_tui.resume_worker import Event
from vcr_tui.session_view import Part

FILES_GROUP = "vcr.files"
_GRACE = 3.0
_GIT_SECONDS = 20


class ResumeFailedError(TuiError):
    """The agent could not be run.

    Attributes:
        log: What it printed.
    """

    def __init__(self, reason: str, log: Path | None) -> None:
        self.log = log
        super().__init__(f"resuming failed: {reason}" + (f" (what was printed is in {log})" if log else ""))


class FilesUnavailableError(TuiError):
    """The diff of a savepoint's files cannot be shown."""


class Resume:
    """A run in another process.

    Args:
        plan: What it is to do.
        on_event: Called in the event loop after each report.

    Attributes:
        last: The last report.
    """

    def __init__(self, plan: ResumePlan, *, on_event: Callable[[], None]) -> None:
        self.plan = plan
        self.last = Event()
        self._on_event = on_event
        self._process: asyncio.subprocess.Process | None = None
        self._stopped = False

    async def run(self) -> Event:
        """Run until the agent ended; what it prints goes to a file that is kept if something went wrong.

        Raises:
            ResumeFailedError: If it could not be run, or was stopped.
        """
        folder = Path(tempfile.mkdtemp(prefix="vcr-resume-"))
        log = folder / "output.txt"
        keep = False
        try:
            with log.open("wb") as output:
                await self._run(output)
            printed = log.stat().st_size > 0
            if self._stopped and not self.last.done:
                raise ResumeFailedError("it was stopped", None)
            if not self.last.done or (self.last.error and not self.last.session):
                keep = printed
                raise ResumeFailedError(self.last.error or "its process died", log if printed else None)
            return self.last
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    async def _run(self, output: Any) -> None:
        pipe = asyncio.subprocess.PIPE
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vcr_tui.resume_worker", stdin=pipe, stdout=pipe, stderr=output
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(self.plan))
            await process.stdin.drain()
            process.stdin.close()
            async for line in process.stdout:
                with contextlib.suppress(msgspec.DecodeError):  # a stray line is no event
                    self.last = msgspec.json.decode(line, type=Event)
                self._on_event()
            await process.wait()
        except ConnectionError:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def stop(self) -> None:
        """End the run soon: first kindly, so that its recording is finished, then not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        first = not self._stopped
        self._stopped = True
        with contextlib.suppress(ProcessLookupError):
            if first:
                process.terminate()
                asyncio.get_running_loop().call_later(_GRACE, self.stop)
            else:
                process.kill()


def fork_session(path: Path, frames: int, *, edit: tuple[int, Part, Any, Any] | None = None) -> str:
    """Write a new session that shares the first frames of another, and return its name.

    Args:
        path: The recording; it stays as it is.
        frames: How many frames are shared.
        edit: Frame, part, its input and the edited value, which becomes the last frame of the new session.

    Raises:
        VcrError: If the recording cannot be shared, such as one of an older format.
        OSError: If the new session cannot be written.
    """
    name = path.stem
    recorder = VCRRecorder(path.parent)
    recorder.start_session(fork_name(name, frames), parent_session_id=name, forked_from_frame=frames, tags=["fork"])
    try:
        recorder.share_frames(name, frames)
        if edit is not None:
            _record_edit(recorder, path, *edit)
        session_id = recorder.session_id
        assert session_id is not None
        return session_id
    finally:
        recorder.close()


def _record_edit(recorder: VCRRecorder, path: Path, index: int, part: Part, before: Any, value: Any) -> None:
    from vcr_core.player import VCRPlayer  # noqa: PLC0415  # for its decoder and one row

    player = VCRPlayer.load(path)
    try:
        row, metadata = player.source.row(index), {"edited": {"session": path.stem, "frame": index, "part": part}}
        edited = player.decode(value)
        if part == "input":
            recorder.record_checkpoint(edited, f"edited input of {row.node_name}", metadata=metadata)
        else:
            recorder.record_step(row.node_name, player.decode(before), edited, metadata, latency_ms=0.0, origin="edit")
    finally:
        player.close()


def savepoint_diff(path: Path, metadata: dict[str, Any], commit: str) -> str:
    """Return the diff of the files of a savepoint against the one before, as `git diff` writes it.

    A plugin of the group ``vcr.files`` is asked first: it is called with the recording's path and the frame's metadata
    and returns the text, or None if the files are not its own.  Without one, git reads the savepoint's commit.

    Raises:
        FilesUnavailableError: If neither knows the commit.
        PluginError: If a plugin cannot be loaded.
    """
    for entry in find_plugins(FILES_GROUP).values():
        text = load_plugin(entry)(path, metadata)
        if text is not None:
            return str(text)
    if not commit or commit.startswith("-"):
        raise FilesUnavailableError("this savepoint names no commit, so its files cannot be found")
    if shutil.which("git") is None:
        raise FilesUnavailableError("the files of a savepoint are read with git, which is not installed")
    for folder in (path.resolve().parent, Path.cwd()):
        text = _git_diff(folder, commit)
        if text is not None:
            return text
    raise FilesUnavailableError(
        f"commit {commit[:12]} is not in the repository of {path.parent} or of {Path.cwd()}: start vcr-tui in the "
        "workspace that was recorded"
    )


def _git_diff(folder: Path, commit: str) -> str | None:
    """Ask git in one folder; None if it does not know the commit."""
    options = ["--no-color", "--no-ext-diff", "--no-textconv", "--find-renames"]
    if _git(folder, "rev-parse", "--verify", "-q", f"{commit}^1") is not None:
        return _git(folder, "diff", *options, f"{commit}^1", commit, "--")
    return _git(folder, "show", "--format=", "--root", *options, commit, "--")


def _git(folder: Path, *words: str) -> str | None:
    """Return what a git command prints, or None if it fails."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "--no-pager", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FilesUnavailableError(f"git failed: {error}") from error
    return done.stdout if done.returncode == 0 else None
