"""What can be done in an open session: savepoints, going back and forth, effects, ending."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

from vcr_acid.disk import Disk
from vcr_acid.effects.ledger import describe_waiting
from vcr_acid.errors import CommitConflict, EffectError
from vcr_acid.merge.publish import Publisher
from vcr_acid.restore.apply import RestoreOutcome
from vcr_acid.scanner.nodes import GITLINK, TREE
from vcr_acid.store.housekeeping import collect_garbage, measure, pack_session
from vcr_acid.transaction import catalog, recovery
from vcr_acid.transaction.comparison import compare_snapshots
from vcr_acid.transaction.opened import OpenedWorkspace
from vcr_acid.transaction.recording import StateCodec
from vcr_acid.transaction.reports import Change, CommitResult, RecoveryReport, RollbackReport, Status, StorageReport
from vcr_acid.transaction.resolving import check_path, decide, decide_as_it_is
from vcr_acid.transaction.session import disk_errors
from vcr_acid.transaction.session_state import Effect, Savepoint
from vcr_acid.transaction.user_git import describe_git_changes
from vcr_acid.transaction.worktrees import remove_worktree

Self = TypeVar("Self", bound="Transactions")
#: Loose objects of so many savepoints become one pack.
PACK_EVERY = 100


class Transactions(OpenedWorkspace):
    """The synchronous part of :class:`~vcr_acid.ACIDWorkspace`."""

    # -- savepoints ---------------------------------------------------------------------------------------------------

    def savepoint(
        self, state: dict[str, Any] | None = None, *, node_name: str = "", reason: str = "savepoint"
    ) -> Savepoint:
        """Save state and files together.

        Returns:
            The savepoint; its ``index`` is the frame's index if there is a recorder.

        Raises:
            StoreError: The disk refused; there is no new savepoint, the session goes on.
        """
        with self._guard:
            session = self._open_files()
            if self._codec is None:
                self._codec = StateCodec(session.escrow.read_key, session.dotenv_values)
            codec = self._codec
            savepoint = session.take(node_name=node_name, reason=reason, state=lambda: codec.encode(state))
            savepoint = self._note_frame(savepoint, state if self.recorder is None else codec.for_recorder(state))
            if savepoint.number and savepoint.number % PACK_EVERY == 0:
                # The savepoint is acknowledged; if packing fails now, the next hundred will be packed with it.
                with contextlib.suppress(OSError):
                    pack_session(session)
            return savepoint

    def autosave(self, *, node_name: str = "", reason: str = "auto") -> Savepoint | None:
        """A savepoint if anything changed since the last one, else None."""
        with self._guard:
            session = self._open_files()
            before = len(session.state.savepoints)
            found = session.take_if_changed(reason=node_name or reason)
            return self._note_frame(found, None) if found.number >= before else None

    def unscanned(self) -> int | None:
        """Bytes of change events heard since the last scan; None if the workspace is not watched. Costs no scan."""
        with self._guard:
            return self._open().live.queued()

    def savepoints(self) -> list[Savepoint]:
        """All savepoints of the session, oldest first."""
        return list(self._open().state.savepoints)

    def state_at(self, savepoint: int) -> dict[str, Any] | None:
        """The agent state saved with a savepoint."""
        session = self._open()
        return StateCodec.decode(session.snapshot(session.state.find(number=savepoint)).state)

    def diff(self, a: int, b: int | None = None) -> list[Change]:
        """Paths that differ between two savepoints; without ``b`` between one and the workspace now (or at the end)."""
        with self._guard:
            session = self._open()
            old = session.state.find(number=a)
            if b is not None:
                new = session.state.find(number=b)
            elif session.state.status == "open":
                new = session.take_if_changed(reason="auto")
            else:
                new = session.state.current
            return compare_snapshots(session.snapshot(old), session.snapshot(new))

    def read_file(self, savepoint: int, path: str) -> bytes | None:
        """Content of a file or link in a savepoint; None if it was not there (or is protected)."""
        session = self._open()
        entry = session.snapshot(session.state.find(number=savepoint)).lookup(path)
        return session.store.read_blob(entry[1]) if entry and entry[0] not in (TREE, GITLINK) else None

    # -- going back and forth -----------------------------------------------------------------------------------------

    def rollback(
        self, *, to_frame_index: int | None = None, to_savepoint: int | None = None, to_name: str | None = None
    ) -> RollbackReport:
        """Go back to a savepoint; what was there is saved first, so ``undo()`` takes this back.

        Without arguments: to the current savepoint, dropping what changed since.

        Raises:
            SavepointNotFound: No such savepoint.
            StoreError: Before any change if something needed is missing.
        """
        with self._guard:
            session = self._open_files()
            if to_frame_index is None and to_savepoint is None and to_name is None:
                target = session.state.current
            else:
                target = session.state.find(number=to_savepoint, frame_index=to_frame_index, name=to_name)
            before = session.take_before("rollback")
            return self._go(target, before, "rollback", None)

    def undo(self, steps: int = 1) -> RollbackReport:
        """Take back the last savepoint's changes (or what changed since it, or a rollback).

        Raises:
            NothingToUndo: There are not so many steps.
        """
        with self._guard:
            session = self._open_files()
            before = session.take_before("undo")
            cursor = session.state.step_back(steps)
            return self._go(session.state.savepoints[session.state.timeline[cursor]], before, "undo", cursor)

    def redo(self, steps: int = 1) -> RollbackReport:
        """Take back an undo.

        Raises:
            NothingToUndo: Nothing was undone, or something changed since.
        """
        with self._guard:
            session = self._open_files()
            session.state.step_forward(steps)
            before = session.take_before("redo")
            cursor = session.state.step_forward(steps)
            return self._go(session.state.savepoints[session.state.timeline[cursor]], before, "redo", cursor)

    def restore(self, savepoint: int, paths: Sequence[str] | None = None) -> RollbackReport:
        """Bring back some paths (or all) from a savepoint without moving on the timeline; ``undo()`` takes it back."""
        with self._guard:
            session = self._open_files()
            target = session.state.find(number=savepoint)
            before = session.take_before("restore")
            with disk_errors("restore"):
                chosen = None if paths is None else [self._relative(path) for path in paths]
                outcome = session.restore(target, before, operation="restore", paths=chosen or [""])
                after = session.take_if_changed(reason=f"restored from {savepoint}")
            return _report(after, before, outcome, None, ())

    def _relative(self, path: str) -> str:
        full = os.path.normpath(os.path.join(self.path, path))
        if full != self.path and not full.startswith(self.path + os.sep):
            raise ValueError(f"{path} is outside the workspace {self.path}")
        return os.path.relpath(full, self.path) if full != self.path else ""

    def _go(self, target: Savepoint, before: Savepoint, operation: str, cursor: int | None) -> RollbackReport:
        session = self._open()
        outcome = session.restore(target, before, operation=operation, cursor=cursor)
        with disk_errors(operation):
            assert self._effects is not None
            undone = self._effects.undo_after(target.number) if operation in ("rollback", "undo") else ()
            state = StateCodec.decode(session.snapshot(target).state)
            if self.recorder is not None:
                frame = self.recorder.record_checkpoint(
                    state or {},
                    f"{operation} to savepoint {target.number}",
                    metadata={"savepoint": target.number, "commit": target.commit, "operation": operation},
                )
                session.record("alias", {"frame": frame.index, "number": target.number}, sync=False)
        return _report(target, before, outcome, state, undone)

    # -- effects ------------------------------------------------------------------------------------------------------

    def effect(
        self,
        key: str,
        do: Callable[[], Any],
        undo: Callable[[Any], object] | None = None,
        *,
        when: Literal["now", "commit"] = "now",
    ) -> Any:
        """Do something outside the files once, and be able to take it back.

        Args:
            key: Names the effect; the same key never runs twice.
            do: Runs now (or at commit); its result must be JSON.
            undo: Gets the result of ``do``; runs on rollback past this point, in reverse order.
            when: ``commit`` for what cannot be taken back.

        Raises:
            EffectError: It failed, or an earlier run's outcome is unknown after a crash.
        """
        with self._guard:
            self._open()
            assert self._effects is not None
            with disk_errors("effect"):
                return self._effects.run(key, do, undo, when=when)

    def retry_effect(self, key: str, undo: Callable[[Any], object] | None = None) -> Effect:
        """Try an effect again, e.g. after a restart: its undo, or the effect itself if a commit could not run it.

        Args:
            key: Which.
            undo: Gets the result of ``do``; in place of an effect that a commit could not run, None.

        Raises:
            EffectError: There is no such effect, its function is missing, or it failed again.
        """
        with self._guard:
            self._open()
            assert self._effects is not None
            with disk_errors("effect"):
                return self._effects.retry(key, undo)

    def effects(self) -> list[Effect]:
        """All outside effects of the session, in order."""
        return sorted(self._open().state.effects.values(), key=lambda effect: effect.order)

    # -- ending -------------------------------------------------------------------------------------------------------

    def commit(self, message: str | None = None, *, drop_effects: bool = False) -> CommitResult:
        """Merge the session's work into the branch as one commit, then run the effects that waited for it.

        Args:
            message: The commit's message.
            drop_effects: Give up the effects that cannot be run now.

        Returns:
            ``committed`` or ``nothing`` (the session is finished, unless ``waiting`` names effects that did not run:
            they can be tried again, and then ``commit()`` is called again), or ``conflict`` (nothing changed anywhere;
            the session stays open for :meth:`resolve`).

        Raises:
            CommitRefused: It would overwrite or hide somebody's work; nothing changed.
        """
        with self._guard:
            session = self._open()
            result = self._publish(message)
            if not result.ok:
                return result
            with disk_errors("commit"):
                assert self._effects is not None
                waiting = self._effects.run_deferred() if session.state.status == "committed" else []
                keys = tuple(effect.key for effect in waiting)
                if waiting and not drop_effects:
                    notes = (*result.notes, describe_waiting(waiting))
                    return dataclasses.replace(result, notes=notes, waiting=keys)
                for effect in waiting:
                    self._effects.drop(effect.key)
                self._finish(keep_worktree=False)
            if not waiting:
                return result
            return dataclasses.replace(result, notes=(*result.notes, f"given up: {', '.join(keys)}"))

    def _publish(self, message: str | None) -> CommitResult:
        session = self._open()
        if session.state.status != "open":
            note = f"the session was {session.state.status} before"
            return CommitResult("nothing", branch=session.state.begin["branch"], notes=(note,))
        session.take_if_changed(reason="before commit", full=True)
        with disk_errors("commit"):
            return Publisher(session, self.origin, self._disk).run(message)

    def resolve(self, path: str, content: bytes | str | None) -> None:
        """Decide a conflict: the content the path shall have in the commit, or None to delete it.

        Where a conflict is between links, the content is where the link shall lead.

        Raises:
            UsageError: No commit may hold such a path; nothing was decided.
        """
        with self._guard:
            data = content.encode() if isinstance(content, str) else content
            decide(self._open_files(), check_path(self.path, path), data, None)

    def resolve_as_it_is(self, path: str) -> None:
        """Decide a conflict: the commit shall have the path as the workspace has it now, or delete it if it is gone.

        Raises:
            UsageError: There is no file or link at such a path; nothing was decided.
        """
        with self._guard:
            decide_as_it_is(self._open_files(), check_path(self.path, path))

    def abort(self) -> RollbackReport:
        """Put all files back as they were at begin and end the session; its savepoints stay readable."""
        with self._guard:
            session = self._open_files()
            before = session.take_before("abort", full=True)
            report = self._go(session.state.savepoints[0], before, "rollback", None)
            notes = tuple(describe_git_changes(session))
            with disk_errors("abort"):
                session.record("aborted", {"time": time.time(), "notes": list(notes)})
                self._finish(keep_worktree=False)
            return dataclasses.replace(report, notes=notes)

    def _finish(self, *, keep_worktree: bool) -> None:
        session = self._open()
        state = session.state
        layout = session.layout
        self._release()
        catalog.close_log(layout, state.session_id, self._disk)
        if state.begin["isolation"] == "worktree" and not keep_worktree:
            remove_worktree(self.origin, layout, state, self._disk)

    # -- questions ----------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Where the session stands; scans the workspace."""
        with self._guard:
            session = self._open()
            state = session.state
            with disk_errors("status"):
                tree = session.scan()
                saved = session.compare(tree) != "changed"
                changed = tuple(sorted(session.scanner.changed)) if not saved else ()
                session.store.write_pending()
            return Status(
                session_id=state.session_id,
                state=state.status,
                workspace=session.layout.workspace,
                isolation=state.begin["isolation"],
                branch=state.begin["branch"],
                savepoint=state.current if state.savepoints else None,
                savepoints=len(state.savepoints),
                can_undo=state.cursor + (0 if saved else 1),
                can_redo=len(state.timeline) - 1 - state.cursor if saved else 0,
                changed=changed,
                unsaved=tuple(sorted(session.scanner.extras.unsaved.items())),
                effects=tuple(self.effects()),
                watching=session.watching,
                git=tuple(describe_git_changes(session)),
                recovery_needed=state.pending is not None or state.committing is not None,
            )

    @classmethod
    def recover(cls, path: str | os.PathLike[str], *, state_dir: str | None = None) -> RecoveryReport:
        """Finish or undo whatever a crash interrupted. Safe to call at any time, as often as you like.

        Raises:
            WorkspaceBusy: A living session works there.
        """
        return recovery.recover_workspace(path, disk=Disk(), state_dir=state_dir)

    def storage(self) -> StorageReport:
        """How much the repository's savepoints take."""
        with disk_errors("gc"):
            return measure(self.origin)

    def gc(self, *, keep: int = 10) -> StorageReport:
        """Pack what is open and drop finished sessions but the latest ``keep``."""
        with self._guard, disk_errors("gc"):
            if self._session is not None:
                pack_session(self._session)
            return collect_garbage(self.origin, self._disk, keep=keep)

    # -- with --------------------------------------------------------------------------------------------------------
    def __enter__(self: Self) -> Self:
        if self._session is None:
            self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is None:
            return
        if kind is not None:
            if self._session.state.status == "open":
                self.abort()
            self.detach()
            return
        session = self._session
        result = self.commit()
        self.detach()
        if not result.ok:
            raise CommitConflict(session.state.session_id, [conflict.path for conflict in result.conflicts])
        if result.waiting:
            waiting = [session.state.effects[key] for key in result.waiting]
            raise EffectError(waiting[0].key, waiting[0].status, describe_waiting(waiting))


def _report(
    target: Savepoint,
    before: Savepoint,
    outcome: RestoreOutcome,
    state: dict[str, Any] | None,
    effects: Sequence[Effect],
) -> RollbackReport:
    return RollbackReport(
        savepoint=target,
        before=before,
        written=tuple(outcome.written),
        deleted=tuple(outcome.deleted),
        escrowed=tuple(outcome.escrowed),
        skipped=tuple(outcome.skipped),
        state=state,
        effects=tuple(effects),
    )
