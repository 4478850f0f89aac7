"""Which workspace and which open session a command typed somewhere means."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from vcr_acid.cli.hook_client import ancestors
from vcr_acid.disk import Disk
from vcr_acid.errors import AcidError, WorkspaceRefused
from vcr_acid.store.layout import Layout, locate
from vcr_acid.transaction import catalog
from vcr_acid.transaction.session_state import SessionState


class NoOpenSessionError(AcidError):
    """No session is open where the command was typed.

    Attributes:
        path: Where it was looked for.
        wanted: The name that was asked for, if any.
    """

    def __init__(self, path: str, wanted: str | None = None) -> None:
        self.path = path
        self.wanted = wanted
        what = f"session {wanted!r} is not open" if wanted else "no session is open"
        super().__init__(f"{what} in {path} or above it. `vcr run -- COMMAND` begins one; `-C DIR` looks elsewhere.")


@dataclass(frozen=True)
class Place:
    """An open session: where it works, where it was begun from, and its id."""

    workspace: str
    origin: str
    session_id: str


def default_workspace(start: str) -> str:
    """The workspace for a new session: the top of the git worktree around ``start``, else ``start`` itself.

    Raises:
        WorkspaceRefused: ``start`` is a home directory, the root, or no directory.
        UnsupportedRepository: Its repository is of a kind that cannot be kept safe.
    """
    layout = locate(start, disk=Disk(), create=False)
    try:
        return locate(layout.top, disk=Disk(), create=False).workspace
    except WorkspaceRefused:  # a home directory under git, as some keep their settings
        return layout.workspace


def _layouts(start: str) -> list[Layout]:
    """The workspaces that could have been meant, nearest first."""
    found: list[Layout] = []
    for path in ancestors(os.path.realpath(start)):
        with contextlib.suppress(WorkspaceRefused):  # a home directory or the root holds no session
            found.append(locate(path, disk=Disk(), create=False))
    return found


def _has_logs(layout: Layout) -> bool:
    try:
        return any(name.endswith(catalog.OPEN) for name in os.listdir(layout.sessions))
    except OSError:
        return False


def find_place(start: str, session_id: str | None = None, *, to_work_in: bool = False) -> Place:
    """The open session of ``start`` or of the nearest directory above it; the latest one if there are several.

    Without an open one: a committed one whose effects did not all run, unless a session ``to_work_in`` is wanted.

    Raises:
        NoOpenSessionError: There is none.
    """
    layouts = [layout for layout in _layouts(start) if _has_logs(layout)]
    for is_usable in (_is_open,) if to_work_in else (_is_open, _is_unfinished):
        for layout in layouts:
            states = [one for one in catalog.open_sessions(layout) if is_usable(one) and _is_meant(one, session_id)]
            if states:
                state = max(states, key=lambda one: float(one.begin["time"]))
                return Place(state.begin["workspace"], state.begin["origin"], state.session_id)
    raise NoOpenSessionError(os.path.realpath(start), session_id)


def _is_open(state: SessionState) -> bool:
    return bool(state.begin) and state.status == "open"


def _is_unfinished(state: SessionState) -> bool:
    return bool(state.begin) and state.unfinished


def _is_meant(state: SessionState, session_id: str | None) -> bool:
    return session_id is None or session_id in (state.session_id, state.begin["name"])
