"""What operations hand back. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from vcr_acid.transaction.session_state import Effect, Savepoint


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback, undo, redo, restore or abort did.

    Attributes:
        savepoint: Where the workspace stands now.
        before: The savepoint that holds what was there before; ``undo()`` returns to it.
        written: Paths written (or whose permission bits were set).
        deleted: Paths deleted; directories end in ``/``. All of them are saved in ``before``.
        escrowed: Paths whose unsaved content was moved aside, with the place it lies now.
        skipped: Paths left alone, and why.
        state: The agent state of the savepoint, if it has one.
        effects: Outside effects that were undone, or could not be.
        notes: What else a person should know.
    """

    savepoint: Savepoint
    before: Savepoint
    written: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    escrowed: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    state: dict[str, Any] | None = None
    effects: tuple[Effect, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """One path that differs between two savepoints."""

    path: str
    kind: Literal["added", "deleted", "modified", "mode"]
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Status:
    """Where a session stands.

    Attributes:
        session_id: Its name.
        state: ``open``, ``committed`` or ``aborted``.
        workspace: Where the agent works.
        isolation: ``branch`` or ``worktree``.
        branch: The branch a commit goes to; ``HEAD`` when detached.
        savepoint: Where the session stands.
        savepoints: How many there are.
        can_undo: Steps back that are possible.
        can_redo: Steps forward that are possible.
        changed: Paths that differ from the current savepoint now.
        unsaved: Files that savepoints leave out, and why.
        effects: Outside effects and their status.
        watching: Whether changes are heard of without a walk.
        git: What the agent's own git commands changed since begin.
        recovery_needed: A crash interrupted an operation: call ``recover``.
    """

    session_id: str
    state: str
    workspace: str
    isolation: str
    branch: str
    savepoint: Savepoint | None
    savepoints: int
    can_undo: int
    can_redo: int
    changed: tuple[str, ...] = ()
    unsaved: tuple[tuple[str, str], ...] = ()
    effects: tuple[Effect, ...] = ()
    watching: bool = False
    git: tuple[str, ...] = ()
    recovery_needed: bool = False


@dataclass(frozen=True)
class ConflictedPath:
    """One path (from the workspace's top) that could not be merged.

    The ids (hex) are blobs; None means the path is absent on that side.
    """

    path: str
    reason: str
    base: str | None = None
    ours: str | None = None
    theirs: str | None = None


@dataclass(frozen=True)
class CommitResult:
    """How a commit ended.

    Attributes:
        status: ``committed``, ``nothing`` (no difference to the branch) or ``conflict`` (nothing changed anywhere).
        commit: The new commit (hex), if one was made.
        branch: The branch it went to.
        paths: What it changed.
        conflicts: Why it could not; pass their resolutions to ``resolve()``.
        attempts: How often the branch had moved in between, plus one.
        notes: What else a person should know.
        waiting: Effects that did not run: the files are committed, the session stays until they ran or are given up.
    """

    status: Literal["committed", "nothing", "conflict"]
    commit: str | None = None
    branch: str = ""
    paths: tuple[str, ...] = ()
    conflicts: tuple[ConflictedPath, ...] = ()
    attempts: int = 1
    notes: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the session's work is in the branch."""
        return self.status != "conflict"


@dataclass(frozen=True)
class SessionRecovery:
    """What recovery did for one session."""

    session_id: str
    state: str
    actions: tuple[str, ...]
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class RecoveryReport:
    """What recovery did in one workspace."""

    workspace: str
    sessions: tuple[SessionRecovery, ...] = ()
    removed_temporary: int = 0

    @property
    def open_sessions(self) -> tuple[str, ...]:
        """Sessions that can be gone on with."""
        return tuple(s.session_id for s in self.sessions if s.state == "open")


@dataclass
class StorageReport:
    """How much our data takes, in bytes."""

    sessions: dict[str, int] = field(default_factory=dict[str, int])
    logs: int = 0
    escrow: int = 0
    loose: int = 0
    packed: int = 0
    removed: list[str] = field(default_factory=list[str])
    freed: int = 0
