"""Recordings of `ai-agent-vcr` 1.x, written again in this format: sealed, verified, small.

A player reads the old files as they are; importing them is for what only this format has.  Frames, states, times, tags
and the parentage of forks are kept.  An input that the old diff mode left out stays left out where `vcr_core.legacy`
cannot tell it from the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vcr_core.clock import Clock
from vcr_core.frames import CALLS, Frame, FrameMetadata
from vcr_core.importers import ImportFileError
from vcr_core.legacy import LegacyFile, is_legacy
from vcr_core.session_ids import SUFFIX, SessionIdError, check_session_id

if TYPE_CHECKING:
    from vcr_core.frames import FrameRow
    from vcr_core.recorder import VCRRecorder

SOURCE = "agent-vcr"


class RecordedClock(Clock):
    """Gives the time at which something was recorded first, so that an import does not look like a run of today.

    Attributes:
        current: What `timestamp` returns; "" for the time it is.
    """

    def __init__(self) -> None:
        self.current = ""

    def timestamp(self) -> str:
        """Return the time that was set, else the present one."""
        return self.current or super().timestamp()


def find_recordings(path: Path) -> list[Path]:
    """Return the old recordings of a directory, or the one that is named.

    Raises:
        ImportFileError: If there is none.
    """
    if path.is_dir():
        found = [each for each in sorted(path.rglob(f"*{SUFFIX}")) if each.is_file() and _is_old(each)]
        if not found:
            raise ImportFileError(path, "", f"there is no recording of ai-agent-vcr 1.x (*{SUFFIX}) in this directory")
        return found
    if not _is_old(path):
        raise ImportFileError(path, "", "this is not a recording of ai-agent-vcr 1.x: its first line says otherwise")
    return [path]


def _is_old(path: Path) -> bool:
    with path.open("rb") as file:
        return is_legacy(file.readline(1 << 20))


def record_file(recorder: VCRRecorder, path: Path, *, clock: RecordedClock, tags: tuple[str, ...] = ()) -> Path:
    """Record one old file again and return the new one.

    Args:
        recorder: Where to; it was made with `clock`.
        path: The old recording.
        clock: Is set to the times of the old recording.
        tags: More words to find the session by.

    Raises:
        FormatError: If the old file cannot be read.
        RecordingError: If not everything could be written.
    """
    old = LegacyFile(path)
    info = old.info
    clock.current = info.created_at
    metadata = {**info.metadata, "imported_from": SOURCE, "file": path.name}
    parent = _valid_id(info.parent_session_id) if info.parent_session_id else None
    recorder.start_session(
        _valid_id(info.session_id),
        parent_session_id=parent,
        forked_from_frame=info.forked_from_frame,
        metadata=metadata,
        tags=(*info.tags, *tags),
    )
    for index in range(len(old)):
        row = old.row(index)
        clock.current = row.timestamp
        _record_frame(recorder, old, row)
        recorder.writer.status = "error" if row.status == "error" else "ok"
    recorder.close()
    clock.current = ""
    return recorder.store.path(recorder.session_id or _valid_id(info.session_id))


def _valid_id(session_id: str) -> str:
    """Return an id of the old kind, which could be any text, as a name."""
    try:
        return check_session_id(session_id)
    except SessionIdError:
        cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "_.+@=-") else "_" for c in session_id)
        return check_session_id(cleaned.strip("._-+@=")[:100] or "imported")


def _record_frame(recorder: VCRRecorder, old: LegacyFile, row: FrameRow) -> None:
    body = old.body(row.index)
    frame = Frame(row, FrameMetadata(custom=body.metadata), body.input_state, body.output_state, body.error)
    recorder.writer.write(frame, "call" if row.kind in CALLS else "state")
