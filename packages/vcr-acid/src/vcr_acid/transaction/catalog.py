"""Which sessions a workspace has: finding, creating and closing their logs."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator

from vcr_acid.disk import Disk
from vcr_acid.errors import NoSessionError, SessionOpenError
from vcr_acid.store.layout import Layout, check_session_name
from vcr_acid.store.session_log import read_log
from vcr_acid.transaction.session_state import SessionState

OPEN = ".log"
CLOSED = ".closed"


def new_session_name() -> str:
    """A name nobody has yet."""
    return time.strftime("acid-%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(2)


def _names(layout: Layout, ending: str) -> list[str]:
    try:
        found = [name[: -len(ending)] for name in os.listdir(layout.sessions) if name.endswith(ending)]
    except FileNotFoundError:
        return []
    return sorted(found)


def read_state(path: str) -> SessionState:
    """A session's state, read without opening it."""
    state = SessionState()
    for record in read_log(path):
        state.apply(record.kind, record.data)
    return state


def log_path(layout: Layout, session_id: str, ending: str = OPEN) -> str:
    """Where a session's log lies."""
    return os.path.join(layout.sessions, session_id + ending)


def open_sessions(layout: Layout) -> Iterator[SessionState]:
    """Sessions of this workspace, or begun from it, that are not finished."""
    for name in _names(layout, OPEN):
        state = read_state(log_path(layout, name))
        if not state.begin or layout.workspace in (state.begin["workspace"], state.begin["origin"]):
            yield state if state.begin else SessionState(session_id=name)


def closed_sessions(layout: Layout) -> list[str]:
    """Names of finished sessions of the repository."""
    return _names(layout, CLOSED)


def find_open(layout: Layout, session_id: str | None) -> SessionState:
    """The unfinished session with a name, or the latest one, one whose files are open before one with effects only.

    Raises:
        NoSessionError: There is none.
    """
    if session_id is not None:
        check_session_name(session_id.partition("+")[0])
    found = [
        state
        for state in open_sessions(layout)
        if state.begin
        and state.unfinished
        and (session_id is None or session_id in (state.session_id, state.begin["name"]))
    ]
    if not found:
        raise NoSessionError(layout.workspace, session_id)
    return max(found, key=lambda state: (state.status == "open", state.begin["time"]))


def choose_take(layout: Layout, name: str) -> str:
    """The id under which a session called ``name`` begins: the name, or its next take.

    Raises:
        SessionOpenError: A session of that name is open.
    """
    check_session_name(name)
    take, session_id = 1, name
    refs = os.path.join(layout.common_dir, "refs", "vcr")
    while True:
        log = log_path(layout, session_id)
        if os.path.exists(log) and read_state(log).status == "open":
            raise SessionOpenError(session_id, layout.workspace)
        used = (log, log_path(layout, session_id, CLOSED), os.path.join(refs, session_id))
        if not any(os.path.exists(path) for path in used):
            return session_id
        take += 1
        session_id = f"{name}+{take}"


def close_log(layout: Layout, session_id: str, disk: Disk) -> None:
    """Mark a session finished."""
    disk.rename(log_path(layout, session_id), log_path(layout, session_id, CLOSED))
    disk.fsync_directory(layout.sessions)
