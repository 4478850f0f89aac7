"""Errors of vcr-acid.

::

    VcrError
      AcidError
        WorkspaceRefused        this directory must not be a workspace
        UnsupportedRepository   the repository uses a feature we cannot keep safe
        WorkspaceBusy           another process holds the workspace
        SessionNameError        not a usable session name
        SessionOpenError        an open session stands in the way
        SessionFinished         the session's files are settled; only its effects are left
        NoSessionError          the call needs an open session
        SavepointNotFound       no such savepoint in this session
        NothingToUndo           already at the oldest (undo) or newest (redo) position
        StoreError              the disk said no; nothing was acknowledged
        LogDamaged              the session log cannot be read
        CommitConflict          commit in a ``with`` block met a conflict
        CommitRefused           commit would lose or hide somebody's work
        EffectError             an outside effect failed or its outcome is unknown

What belongs elsewhere: reports of what was done (they are values, not errors).
"""

from __future__ import annotations

from collections.abc import Sequence

from vcr_core.errors import VcrError


class AcidError(VcrError):
    """Base of everything vcr-acid raises on purpose."""


class WorkspaceRefused(AcidError):
    """The directory is too large or too precious to be one workspace."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} cannot be a workspace: {reason}. Nothing was touched; choose a project directory.")


class UnsupportedRepository(AcidError):
    """The repository uses something this package cannot keep safe."""

    def __init__(self, path: str, feature: str, advice: str) -> None:
        self.path = path
        self.feature = feature
        super().__init__(f"the repository at {path} uses {feature}, which is not supported: {advice}")


class WorkspaceBusy(AcidError):
    """Another process holds this workspace."""

    def __init__(self, path: str, holder: str) -> None:
        self.path = path
        self.holder = holder
        super().__init__(
            f"{path} is in use by {holder or 'another process'}. Two sessions in one directory would mix their "
            "changes: wait for it, or use isolation='worktree' to work beside it."
        )


class SessionNameError(AcidError):
    """A session id is a name, not a path."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(
            f"session id {session_id!r} is not usable: use 1 to 100 letters, digits, '.', '_' or '-', beginning with "
            "a letter or digit, without '..' and not ending in '.' or '.lock'"
        )


class SessionOpenError(AcidError):
    """An open session of this workspace stands in the way."""

    def __init__(self, session_id: str, path: str) -> None:
        self.session_id = session_id
        self.path = path
        super().__init__(
            f"session {session_id!r} is still open in {path}. Go on with attach({session_id!r}), or end it with "
            "commit() or abort(); after a crash call ACIDWorkspace.recover(path) first."
        )


class SessionFinished(AcidError):
    """The session was committed or aborted; only effects that did not run keep it."""

    def __init__(self, session_id: str, status: str, effects: Sequence[str]) -> None:
        self.session_id = session_id
        self.status = status
        self.effects = tuple(effects)
        super().__init__(
            f"session {session_id!r} is {status}, so its files stay as they are. What is left of it are effects "
            f"({', '.join(self.effects)}): retry_effect() them, then commit(); or give them up with "
            "commit(drop_effects=True), in a shell `vcr commit --drop-effects`."
        )


class NoSessionError(AcidError):
    """The call needs an open session."""

    def __init__(self, path: str, wanted: str | None = None) -> None:
        self.path = path
        self.wanted = wanted
        what = f"session {wanted!r}" if wanted else "an open session"
        super().__init__(f"there is no {what} in {path}: call begin() first, or attach() to an earlier one")


class SavepointNotFound(AcidError):
    """No savepoint answers to the wanted number, frame or name."""

    def __init__(self, wanted: str, known: Sequence[str]) -> None:
        self.wanted = wanted
        self.known = tuple(known)
        super().__init__(f"no savepoint for {wanted}; known: {', '.join(self.known) or 'none'}")


class NothingToUndo(AcidError):
    """The session already stands at the end of its timeline in that direction."""

    def __init__(self, direction: str, steps: int, possible: int) -> None:
        self.direction = direction
        self.steps = steps
        self.possible = possible
        super().__init__(f"cannot {direction} {steps} step(s): {possible} possible. Nothing was changed.")


class StoreError(AcidError):
    """The operating system refused a read or write; the operation was not acknowledged."""

    def __init__(self, operation: str, path: str, code: int | None, detail: str) -> None:
        self.operation = operation
        self.path = path
        self.errno = code
        super().__init__(
            f"{operation} failed at {path}: {detail}. The operation was not completed; your index, HEAD and branches "
            "are unchanged. Free the resource and try again; if files were being restored, run recover()."
        )

    @classmethod
    def from_os(cls, operation: str, error: OSError) -> StoreError:
        """Wrap an ``OSError`` of ``operation``."""
        path = error.filename
        text = path.decode("utf-8", "replace") if isinstance(path, bytes) else str(path or "")
        return cls(operation, text, error.errno, error.strerror or str(error))


class LogDamaged(AcidError):
    """A session log has no readable beginning."""

    def __init__(self, path: str, detail: str) -> None:
        self.path = path
        super().__init__(f"the session log {path} cannot be read: {detail}. Its savepoints remain under refs/vcr/.")


class CommitConflict(AcidError):
    """Commit met a conflict inside a ``with`` block; the session stays open."""

    def __init__(self, session_id: str, paths: Sequence[str]) -> None:
        self.session_id = session_id
        self.paths = tuple(paths)
        shown = ", ".join(self.paths[:5]) + (" …" if len(self.paths) > 5 else "")
        super().__init__(
            f"session {session_id!r} conflicts with the branch in {len(self.paths)} path(s): {shown}. Nothing was "
            "changed; resolve() them and commit() again, or abort()."
        )


class CommitRefused(AcidError):
    """Commit would overwrite or hide somebody's work."""

    def __init__(self, reason: str, paths: Sequence[str] = (), advice: str = "") -> None:
        self.reason = reason
        self.paths = tuple(paths)
        shown = f" ({', '.join(self.paths[:5])})" if self.paths else ""
        super().__init__(f"commit refused: {reason}{shown}. Nothing was changed. {advice}".rstrip())


class EffectError(AcidError):
    """An outside effect failed, or its outcome is unknown after a crash."""

    def __init__(self, key: str, status: str, detail: str) -> None:
        self.key = key
        self.status = status
        super().__init__(f"effect {key!r} is {status}: {detail}")
