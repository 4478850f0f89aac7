"""The public face: a workspace with transactions, synchronous and asynchronous."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

from vcr_acid.transaction.reports import Change, CommitResult, RollbackReport, Status
from vcr_acid.transaction.session_state import Effect, Savepoint
from vcr_acid.transaction.transactions import Transactions

Result = TypeVar("Result")


async def _in_thread(call: Callable[..., Result], *args: Any) -> Result:
    """Run to the end even if the waiting task is cancelled: a half-awaited transaction still finishes."""
    import asyncio  # a third of the import time, and synchronous callers need none of it

    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, call, *args))


class ACIDWorkspace(Transactions):
    """Transactions over the files of a directory.

    ``begin → savepoint* → rollback* → commit | abort``, and ``recover`` after any crash. Savepoints never touch the
    user's index, HEAD, stash or branches.

    Args:
        path: A project directory: a git worktree, a directory in one, or a plain directory.
        recorder: A ``vcr_core.VCRRecorder``; each savepoint becomes a checkpoint frame. None works, too.
        isolation: ``branch`` works in place under a lock; ``worktree`` works beside it in a linked worktree.
        policy: What happens to secrets, dependencies, ignored and large files.
        watch: Use inotify where it can be trusted.
        state_dir: Where private repositories and worktrees lie (default ``$XDG_STATE_HOME/vcr``).
        disk: For tests.
        max_untracked_file_bytes: The policy's `max_file_size`, under the name it had in ai-agent-vcr 1.x.

    Example:
        >>> acid = ACIDWorkspace("/my/project")  # doctest: +SKIP
        >>> acid.begin(session_id="task-001")  # doctest: +SKIP
        >>> acid.savepoint({"step": 1}, node_name="coder")  # doctest: +SKIP
        >>> acid.undo()  # doctest: +SKIP
    """

    async def __aenter__(self) -> ACIDWorkspace:
        await _in_thread(self.__enter__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _in_thread(self.__exit__, kind, error, trace)

    async def abegin(self, session_id: str | None = None, *, message: str = "") -> Savepoint:
        """:meth:`begin` off the event loop."""
        return await _in_thread(functools.partial(self.begin, session_id, message=message))

    async def aattach(self, session_id: str | None = None) -> str:
        """:meth:`attach` off the event loop."""
        return await _in_thread(self.attach, session_id)

    async def asavepoint(
        self, state: dict[str, Any] | None = None, *, node_name: str = "", reason: str = "savepoint"
    ) -> Savepoint:
        """:meth:`savepoint` off the event loop."""
        return await _in_thread(functools.partial(self.savepoint, state, node_name=node_name, reason=reason))

    async def aautosave(self, *, reason: str = "auto") -> Savepoint | None:
        """:meth:`autosave` off the event loop."""
        return await _in_thread(functools.partial(self.autosave, reason=reason))

    async def adiff(self, a: int, b: int | None = None) -> list[Change]:
        """:meth:`diff` off the event loop."""
        return await _in_thread(self.diff, a, b)

    async def astatus(self) -> Status:
        """:meth:`status` off the event loop."""
        return await _in_thread(self.status)

    async def arollback(
        self, *, to_frame_index: int | None = None, to_savepoint: int | None = None, to_name: str | None = None
    ) -> RollbackReport:
        """:meth:`rollback` off the event loop."""
        call = functools.partial(
            self.rollback, to_frame_index=to_frame_index, to_savepoint=to_savepoint, to_name=to_name
        )
        return await _in_thread(call)

    async def aundo(self, steps: int = 1) -> RollbackReport:
        """:meth:`undo` off the event loop."""
        return await _in_thread(self.undo, steps)

    async def aredo(self, steps: int = 1) -> RollbackReport:
        """:meth:`redo` off the event loop."""
        return await _in_thread(self.redo, steps)

    async def arestore(self, savepoint: int, paths: Sequence[str] | None = None) -> RollbackReport:
        """:meth:`restore` off the event loop."""
        return await _in_thread(self.restore, savepoint, paths)

    async def aresolve(self, path: str, content: bytes | str | None) -> None:
        """:meth:`resolve` off the event loop."""
        await _in_thread(self.resolve, path, content)

    async def aresolve_as_it_is(self, path: str) -> None:
        """:meth:`resolve_as_it_is` off the event loop."""
        await _in_thread(self.resolve_as_it_is, path)

    async def acommit(self, message: str | None = None, *, drop_effects: bool = False) -> CommitResult:
        """:meth:`commit` off the event loop."""
        return await _in_thread(functools.partial(self.commit, message, drop_effects=drop_effects))

    async def aabort(self) -> RollbackReport:
        """:meth:`abort` off the event loop."""
        return await _in_thread(self.abort)

    async def aeffect(
        self,
        key: str,
        do: Callable[[], Any],
        undo: Callable[[Any], object] | None = None,
        *,
        when: Literal["now", "commit"] = "now",
    ) -> Any:
        """:meth:`effect` off the event loop."""
        return await _in_thread(functools.partial(self.effect, key, do, undo, when=when))

    async def aretry_effect(self, key: str, undo: Callable[[Any], object] | None = None) -> Effect:
        """:meth:`retry_effect` off the event loop."""
        return await _in_thread(self.retry_effect, key, undo)
