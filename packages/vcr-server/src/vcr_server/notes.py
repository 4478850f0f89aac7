"""Notes and bookmarks on frames: lines of JSON beside the recordings, the last one for a frame counts.

A recording itself is never touched.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import msgspec

from vcr_core.session_ids import split_take

DIRECTORY = "notes"
MAX_TEXT = 8_000


class Note(msgspec.Struct):
    """What a person wrote on a frame.

    Attributes:
        frame: The frame.
        text: The note, "" for none.
        bookmark: Whether the frame is marked.
        written_at: Seconds since the epoch.
    """

    frame: int
    text: str = ""
    bookmark: bool = False
    written_at: float = 0.0


class Notes:
    """The notes of all sessions of one directory.

    Args:
        directory: Where the recordings lie; notes lie in ``notes/`` below it.
    """

    def __init__(self, directory: Path) -> None:
        self._root = directory / DIRECTORY
        self._lock = threading.Lock()

    def _path(self, name: str) -> Path:
        split_take(name)
        return self._root / f"{name}.jsonl"

    def read(self, name: str) -> list[Note]:
        """Return the notes of a session by frame; a line that cannot be read is passed over.

        Raises:
            SessionIdError: If `name` is no name.
        """
        try:
            lines = self._path(name).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        latest: dict[int, Note] = {}
        for line in lines:
            try:
                note = msgspec.json.decode(line, type=Note)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # torn by a full disk or another writer; the others stand
            latest[note.frame] = note
        return sorted((note for note in latest.values() if note.text or note.bookmark), key=lambda note: note.frame)

    def write(self, name: str, note: Note) -> None:
        """Put a note on a frame; an empty one without bookmark takes it away.

        Raises:
            OSError: If it cannot be written.
        """
        path = self._path(name)
        note.written_at = time.time()
        line = b"\n" + msgspec.json.encode(note) + b"\n"  # begins a line of its own even behind a torn one
        with self._lock:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
