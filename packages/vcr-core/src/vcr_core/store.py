"""A directory of sessions: which there are, which file a name means, and where a new one goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.errors import VcrError
from vcr_core.frames import SessionInfo, Totals
from vcr_core.log_file import LogFile
from vcr_core.session_ids import SUFFIX, SessionIdError, file_name, split_take
from vcr_core.wire_format import DECODE_ERRORS, END_START, FormatError, decode_line

_FIRST_LINE = 16 << 20
_TAIL = 64 << 10


class SessionNotFoundError(VcrError):
    """There is no such session.

    Attributes:
        name: What was asked for.
        directory: Where it was looked for.
        known: Some of the sessions that are there.
    """

    def __init__(self, name: str, directory: Path, known: list[str]) -> None:
        self.name = name
        self.directory = directory
        self.known = known
        there = f"There are: {', '.join(known)}" if known else "There is no session in it"
        super().__init__(f"no session {name!r} in {directory}. {there}. `vcr ls {directory}` lists them all.")


class SessionSummary(msgspec.Struct):
    """What a list of sessions shows, read from a file's first and last line.

    Attributes:
        name: File name without the suffix: the session id, with ``~2`` for its second take.
        path: The file.
        info: The first line.
        end: The totals, or None while the run goes on or if it died.
        size: Bytes.
        modified: Seconds since the epoch.
        problem: Why the file cannot be read, or None.
    """

    name: str
    path: Path
    info: SessionInfo
    end: Totals | None
    size: int
    modified: float
    problem: str | None = None


def summarize_file(path: Path) -> SessionSummary:
    """Return the summary of one file; a file that is no recording gets a `problem`, never an exception."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            head = file.readline(_FIRST_LINE)
            file.seek(max(0, status.st_size - _TAIL))
            tail = file.read(_TAIL)
    except OSError as error:
        return SessionSummary(path.stem, path, SessionInfo(path.stem), None, 0, 0.0, error.strerror or str(error))
    try:
        info, problem = _first(head), None
    except (FormatError, *DECODE_ERRORS) as error:
        info, problem = SessionInfo(path.stem), str(error)
    return SessionSummary(path.stem, path, info, _last(tail), status.st_size, status.st_mtime, problem)


def _first(head: bytes) -> SessionInfo:
    line = decode_line(head)
    if line.type != "session":
        raise FormatError("the first line is not a session line")
    return msgspec.json.decode(line.data, type=SessionInfo)


def _last(tail: bytes) -> Totals | None:
    if not tail.endswith(b"\n"):
        return None
    line = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    if not line.startswith(END_START):
        return None
    try:
        return msgspec.json.decode(decode_line(line).data, type=Totals)
    except (FormatError, *DECODE_ERRORS):
        return None


class Store:
    """The sessions of one directory.

    Args:
        directory: Where they lie; it need not exist until something is written.
    """

    def __init__(self, directory: str | os.PathLike[str] = ".vcr") -> None:
        self.directory = Path(directory)
        self.blobs = BlobStore(self.directory)

    def names(self) -> list[str]:
        """Return the names of all takes of all sessions, sorted."""
        return sorted(path.stem for path in self._files())

    def _files(self) -> Iterator[Path]:
        if self.directory.is_dir():
            yield from (path for path in self.directory.iterdir() if path.suffix == SUFFIX and path.is_file())

    def sessions(self) -> list[SessionSummary]:
        """Return a summary of every session, newest first."""
        found = [summarize_file(path) for path in self._files()]
        return sorted(found, key=lambda summary: (summary.info.created_at, summary.modified), reverse=True)

    def takes(self, session_id: str) -> list[int]:
        """Return the numbers of the takes of a session, in order."""
        found: list[int] = []
        for path in self._files():
            try:
                name, take = split_take(path.stem)
            except SessionIdError:
                continue  # a stray file is no take of any session
            if name == session_id:
                found.append(take)
        return sorted(found)

    def path(self, name: str) -> Path:
        """Return the file of a session: its latest take, or the one that is named (``my_run~2``).

        Raises:
            SessionIdError: If `name` is a path or otherwise no name.
            SessionNotFoundError: If there is no such session.
        """
        session_id, take = split_take(name)
        takes = self.takes(session_id)
        if not takes or ("~" in name and take not in takes):
            raise SessionNotFoundError(name, self.directory, self.names()[:8])
        return self.directory / file_name(session_id, take=take if "~" in name else takes[-1])

    def exact(self, name: str) -> Path:
        """Return the file of that very name: ``my_run`` is the first take, however many follow.

        So a fork names its parent, which must not become another one when the parent's id is used again.

        Raises:
            SessionIdError: If `name` is a path or otherwise no name.
            SessionNotFoundError: If there is no such file.
        """
        session_id, take = split_take(name)
        path = self.directory / file_name(session_id, take=take)
        if not path.is_file():
            raise SessionNotFoundError(name, self.directory, self.names()[:8])
        return path

    def resolve(self, file_or_name: str | os.PathLike[str]) -> Path:
        """Return the file that a person means: a path to one, or the name of a session in this directory."""
        path = Path(file_or_name)
        if path.suffix == SUFFIX and path.is_file():
            return path
        if path.suffix == SUFFIX or len(path.parts) > 1:
            if path.is_dir():
                raise SessionNotFoundError(str(path), path.parent, Store(path.parent).names()[:8])
            raise SessionNotFoundError(path.stem, path.parent, Store(path.parent).names()[:8])
        return self.path(str(file_or_name))

    def create(self, session_id: str, make: Callable[[Path, int], LogFile]) -> tuple[LogFile, int]:
        """Begin the next free take of a session.

        Args:
            session_id: A checked session id.
            make: Creates the file of that take; FileExistsError if another process was faster.

        Returns:
            The file and the number of the take.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        takes = self.takes(session_id)
        take = takes[-1] + 1 if takes else 1
        while True:
            try:
                return make(self.directory / file_name(session_id, take=take), take), take
            except FileExistsError:
                take += 1
