"""Beginning a session: lock, log, savepoint 0."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from vcr_acid.disk import Disk
from vcr_acid.errors import SessionOpenError, WorkspaceRefused
from vcr_acid.store.layout import Layout, check_session_name
from vcr_acid.store.refs import Refs
from vcr_acid.store.session_log import SessionLog
from vcr_acid.transaction import catalog
from vcr_acid.transaction.lock import WorkspaceLock
from vcr_acid.transaction.session import Session
from vcr_acid.transaction.user_git import keep_index
from vcr_acid.transaction.worktrees import create_worktree, remove_worktree_files

if TYPE_CHECKING:
    from vcr_acid.transaction.opened import OpenedWorkspace


def usual_modes() -> list[int]:
    """Permission bits this process gives to new files, executables and directories."""
    umask = os.umask(0)
    os.umask(umask)
    return [0o666 & ~umask, 0o777 & ~umask, 0o777 & ~umask]


def _refuse_open_session(layout: Layout, disk: Disk) -> None:
    """Refuse if a session's files are open; what is finished stands in nobody's way."""
    for state in catalog.open_sessions(layout):
        if not state.begin:
            # Killed before its first record: it never was.
            with contextlib.suppress(OSError):
                os.unlink(catalog.log_path(layout, state.session_id))
        elif state.begin["workspace"] != layout.workspace:
            continue
        elif state.status == "open":
            raise SessionOpenError(state.session_id, layout.workspace)
        elif not state.unfinished:
            catalog.close_log(layout, state.session_id, disk)  # killed before it could


def begin_session(
    owner: OpenedWorkspace, name: str, *, message: str, disk: Disk, state_dir: str | None
) -> tuple[Session, WorkspaceLock]:
    """Open a new session for ``owner``; see :meth:`ACIDWorkspace.begin`."""
    check_session_name(name)
    origin = owner.origin
    lock = WorkspaceLock(origin.lock, origin.workspace)
    in_place = owner.isolation == "branch"
    if not in_place and origin.private:
        raise WorkspaceRefused(origin.workspace, "isolation='worktree' needs a git repository")
    lock.acquire(f"session {name}", timeout=0.0 if in_place else 10.0)
    session: Session | None = None
    layout = origin
    try:
        origin.prepare(disk)
        if in_place:
            _refuse_open_session(origin, disk)
        session_id = catalog.choose_take(origin, name)
        if not in_place:
            layout = create_worktree(origin, session_id, disk=disk, state_dir=state_dir)
            lock.release()
            lock = WorkspaceLock(layout.lock, layout.workspace)
            lock.acquire(f"session {name}")
        log = SessionLog(catalog.log_path(layout, session_id), disk, create=True)
        try:
            session = Session(layout, log, disk, owner.policy, watch=owner.watch_wanted)
            _write_begin(session, owner, name, session_id, message)
            session.live.modes = session.state.begin["modes"]
            keep_index(session)
            session.store.prepare_directories()
            session.take(reason="begin", full=True)
        except BaseException:
            (session or log).close()
            with contextlib.suppress(OSError):
                os.unlink(log.path)
            raise
    except BaseException:
        lock.release()
        if layout is not origin:
            remove_worktree_files(origin, layout.top, disk)
        raise
    return session, lock


def _write_begin(session: Session, owner: OpenedWorkspace, name: str, session_id: str, message: str) -> None:
    origin = owner.origin
    branch, tip = ("refs/heads/main", None) if origin.private else session_target(session, origin)
    if origin.private:
        tip = session.refs.get(branch)
    session.guard.take()
    session.record(
        "begin",
        {
            "session": session_id,
            "name": name,
            "workspace": session.layout.workspace,
            "origin": origin.workspace,
            "prefix": session.layout.prefix,
            "isolation": owner.isolation,
            "branch": branch,
            "tip": tip.hex() if tip else None,
            "head": session.guard.take()[0].to_json(),
            "modes": usual_modes(),
            "message": message,
            "time": time.time(),
            "policy": owner.policy.to_json(),
        },
    )


def session_target(session: Session, origin: Layout) -> tuple[str, bytes | None]:
    """The branch the user's own worktree is on, and its commit."""
    return Refs(origin, session.disk).head()
