"""After a crash: finish what was acknowledged or begun, forget what was not.

Every step may itself be interrupted and run again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

from vcr_acid.disk import Disk
from vcr_acid.errors import LogDamaged
from vcr_acid.merge.publish import finish_commit
from vcr_acid.policies import Policy
from vcr_acid.store.layout import Layout, locate
from vcr_acid.store.session_log import SessionLog
from vcr_acid.store.temporary import clear_abandoned
from vcr_acid.transaction import catalog
from vcr_acid.transaction.lock import WorkspaceLock
from vcr_acid.transaction.reports import RecoveryReport, SessionRecovery
from vcr_acid.transaction.session import Session, disk_errors


def recover_session(session: Session) -> list[str]:
    """Bring one session whose lock is held to a state before or after each operation; returns what was done."""
    actions: list[str] = []
    repaired = session.replay_objects()
    if repaired:
        actions.append(f"wrote {repaired} object(s) and ref(s) again from the log")
    pending = session.state.pending
    outcome = session.finish_restore()
    if outcome is not None and pending is not None:
        actions.append(
            f"finished the interrupted {pending['op']} to savepoint {pending['to']}: {len(outcome.written)} written, "
            f"{len(outcome.deleted)} deleted, {len(outcome.escrowed)} moved to escrow"
        )
    if session.state.committing is not None:
        actions.append(finish_commit(session))
    if not session.state.savepoints and session.state.status == "open":
        session.take(reason="begin", full=True)
        actions.append("took the first savepoint")
    return actions


@contextlib.contextmanager
def _locked(layout: Layout, why: str) -> Generator[None, None, None]:
    lock = WorkspaceLock(layout.lock, layout.workspace)
    lock.acquire(why)
    try:
        yield
    finally:
        lock.release()


def _recover_one(origin: Layout, name: str, disk: Disk, state_dir: str | None) -> SessionRecovery | None:
    path = catalog.log_path(origin, name)
    state = catalog.read_state(path)
    if not state.begin:
        with contextlib.suppress(OSError):
            os.unlink(path)
        return SessionRecovery(name, "never begun", ("removed the empty log",))
    if origin.workspace not in (state.begin["workspace"], state.begin["origin"]):
        return None
    layout = locate(state.begin["workspace"], disk=disk, state_dir=state_dir)
    with _locked(layout, "recovery"):
        log = SessionLog(path, disk)
        session = Session(layout, log, disk, Policy.from_json(state.begin["policy"]), watch=False)
        try:
            actions = recover_session(session)
            status, unfinished = session.state.status, session.state.unfinished_effects
        finally:
            session.close()
        if status != "open" and not unfinished:
            catalog.close_log(origin, name, disk)
            actions.append(f"closed the {status} session")
    return SessionRecovery(name, status, tuple(actions), tuple(unfinished))


def recover_workspace(path: str | os.PathLike[str], *, disk: Disk, state_dir: str | None) -> RecoveryReport:
    """Recover every unfinished session begun from a workspace."""
    origin = locate(path, disk=disk, state_dir=state_dir)
    found: list[SessionRecovery] = []
    with disk_errors("recover"):
        if not os.path.isdir(origin.sessions):
            return RecoveryReport(origin.workspace)
        for file in sorted(os.listdir(origin.sessions)):
            if not file.endswith(catalog.OPEN):
                continue
            try:
                one = _recover_one(origin, file[: -len(catalog.OPEN)], disk, state_dir)
            except LogDamaged as error:
                one = SessionRecovery(file[: -len(catalog.OPEN)], "damaged", (str(error),))
            if one is not None:
                found.append(one)
        removed = clear_abandoned(origin)
    return RecoveryReport(origin.workspace, tuple(found), removed)
