"""A workspace and its open session: construction, begin, attach, detach."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable
from typing import Any, Literal

from vcr_acid.disk import Disk
from vcr_acid.effects.ledger import EffectLedger
from vcr_acid.errors import NoSessionError, SessionFinished, SessionOpenError
from vcr_acid.policies import Policy
from vcr_acid.store.layout import Layout, locate
from vcr_acid.store.session_log import SessionLog
from vcr_acid.transaction import catalog, recovery
from vcr_acid.transaction.lock import WorkspaceLock
from vcr_acid.transaction.opening import begin_session
from vcr_acid.transaction.recording import CheckpointRecorder, StateCodec, record_savepoint
from vcr_acid.transaction.session import Session, disk_errors
from vcr_acid.transaction.session_state import Savepoint

Isolation = Literal["branch", "worktree"]


class OpenedWorkspace:
    """The lifecycle part of :class:`~vcr_acid.ACIDWorkspace`."""

    def __init__(  # noqa: PLR0913  # one keyword more for programs of ai-agent-vcr 1.x
        self,
        path: str | os.PathLike[str],
        recorder: CheckpointRecorder | None = None,
        *,
        isolation: Isolation = "branch",
        policy: Policy | None = None,
        watch: bool = True,
        state_dir: str | None = None,
        disk: Disk | None = None,
        max_untracked_file_bytes: int | None = None,
    ) -> None:
        self.recorder = recorder
        self.isolation: Isolation = isolation
        self.policy = policy or Policy()
        if max_untracked_file_bytes is not None:
            self.policy = dataclasses.replace(self.policy, max_file_size=max_untracked_file_bytes)
        self._disk = disk or Disk()
        self._state_dir = os.path.abspath(state_dir) if state_dir else None
        self.watch_wanted = watch
        self.origin: Layout = locate(path, disk=self._disk, state_dir=state_dir)
        self._session: Session | None = None
        self._lock: WorkspaceLock | None = None
        self._effects: EffectLedger | None = None
        self._codec: StateCodec | None = None
        self._undo_effects: dict[str, Callable[[Any], object]] = {}
        self._guard = threading.RLock()

    # -- opening and closing ------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the agent works: the workspace, or the session's own worktree."""
        return self._session.layout.workspace if self._session else self.origin.workspace

    @property
    def session_id(self) -> str | None:
        """The open session."""
        return self._session.state.session_id if self._session else None

    def begin(self, session_id: str | None = None, *, message: str = "") -> Savepoint:
        """Begin a session: take the lock and savepoint 0.

        A name that was used and finished begins a new take (``name+2``).

        Raises:
            SessionNameError: Not a name; nothing was touched.
            WorkspaceBusy: Another session works in this directory.
            SessionOpenError: An earlier session of this directory is not finished.
            StoreError: The disk refused; there is no session.
        """
        with self._guard:
            if self._session is not None:
                raise SessionOpenError(self._session.state.session_id, self.path)
            name = session_id or catalog.new_session_name()
            with disk_errors("begin"):
                opened = begin_session(self, name, message=message, disk=self._disk, state_dir=self._state_dir)
            self._session, self._lock = opened
            self._effects = EffectLedger(self._session, self._undo_effects)
            first = self._session.state.savepoints[0]
            return self._note_frame(first, None)

    def attach(self, session_id: str | None = None) -> str:
        """Go on with an open session (the latest by default), after recovering it if need be.

        Without an open one: with a committed one whose effects did not all run. Its files stay as they are; its effects
        can be tried again.

        Raises:
            NoSessionError: There is none.
            WorkspaceBusy: Another process has it.
        """
        with self._guard:
            if self._session is not None:
                raise SessionOpenError(self._session.state.session_id, self.path)
            state = catalog.find_open(self.origin, session_id)
            with disk_errors("attach"):
                layout = locate(state.begin["workspace"], disk=self._disk, state_dir=self._state_dir)
                lock = WorkspaceLock(layout.lock, layout.workspace)
                lock.acquire(f"session {state.session_id}")
                try:
                    log = SessionLog(catalog.log_path(layout, state.session_id), self._disk)
                    policy = Policy.from_json(state.begin["policy"])
                    self._session = Session(layout, log, self._disk, policy, watch=self.watch_wanted)
                    self._lock = lock
                    recovery.recover_session(self._session)
                except BaseException:
                    self._release()
                    lock.release()
                    raise
            self.isolation = state.begin["isolation"]
            self._effects = EffectLedger(self._session, self._undo_effects)
            if not self._session.state.unfinished:
                self._release()
                raise NoSessionError(self.origin.workspace, session_id)
            return self._session.state.session_id

    def detach(self) -> None:
        """Let go of the session without ending it; ``attach`` goes on."""
        with self._guard:
            self._release()

    def _release(self) -> None:
        if self._session is not None:
            self._session.close()
        if self._lock is not None:
            self._lock.release()
        self._session = self._lock = self._effects = self._codec = None

    def _open(self) -> Session:
        if self._session is None:
            raise NoSessionError(self.origin.workspace)
        return self._session

    def _open_files(self) -> Session:
        session = self._open()
        if session.state.status != "open":
            keys = [effect.key for effect in session.state.unfinished_effects]
            raise SessionFinished(session.state.session_id, session.state.status, keys)
        return session

    def _note_frame(self, savepoint: Savepoint, state: dict[str, Any] | None) -> Savepoint:
        session = self._open()
        frame = record_savepoint(self.recorder, state, savepoint)
        if frame is None:
            return savepoint
        with disk_errors("savepoint"):
            session.record("frame", {"number": savepoint.number, "frame": frame.index}, sync=False)
        return session.state.savepoints[savepoint.number]
