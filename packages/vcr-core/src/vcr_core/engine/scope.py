"""Where in the tree of branches a step is: the part of its identity that no scheduling can change.

A *scope* is the main line of a run, a spawned task or thread, the inside of a step, or a ``with branch(…)`` block.
Its path is made of spawn ordinals, given when the task or thread is **created**: the creating code runs in the same
order each time, while the children may run in any order.  The path of the second task that the main line creates is
``0/1``; a step in it has the key ``0/1:search#0``.

On replay a spawned scope is *bound* to its taped sibling at its first step: to its own ordinal if name and input agree
there, else to the lowest free sibling that agrees.  So a run whose children are created in another order, for one made
from a set, still finds its tape.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vcr_core.engine.plan import StepCall
    from vcr_core.engine.run import Run

ROOT = "0"


class Scope:
    """One line of execution inside a run.

    Attributes:
        run: The run it belongs to.
        parent: The scope it was spawned from, or None.
        line: The scope of the task or thread that this runs in: itself, or one around it.
        spawned_with: Digest of what the task or thread was created with, or None.
        step: Key of the step whose body this is, or of the nearest one around it; None outside of steps.
        call: What that step was asked for; an interceptor looks here for what it is inside of.
        chain: Name of the line of states that the frames of its steps belong to, once one was recorded.
    """

    __slots__ = (
        "_lock",
        "_names",
        "_ordinals",
        "_path",
        "_spawned",
        "call",
        "chain",
        "line",
        "parent",
        "run",
        "spawned_with",
        "step",
    )

    def __init__(
        self, run: Run, *, path: str | None, parent: Scope | None = None, ordinal: str = "", step: str | None = None
    ) -> None:
        self.run = run
        self.parent = parent
        self.line: Scope = self if parent is None or path is None else parent.line
        self.spawned_with: str | None = None
        self.step = step
        self.call: StepCall | None = None if parent is None else parent.call
        self.chain: str | None = None
        self._path = path
        self._names = ordinal
        self._spawned = 0
        self._ordinals: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def bound(self) -> str | None:
        """The path, once it is known for good; None for a spawned scope before its first step."""
        return self._path

    def spawn(self, *created_with: object) -> Scope:
        """Return the scope of a task or thread that is being created here, with those functions and arguments."""
        with self._lock:
            ordinal, self._spawned = self._spawned, self._spawned + 1
        self.run.branch_begun()
        child = Scope(self.run, path=None, parent=self, ordinal=str(ordinal), step=self.step)
        child.spawned_with = self.run.inputs.digest(created_with)
        return child

    def inside(self, key: str, call: StepCall | None = None) -> Scope:
        """Return the scope of the body of the step `key`."""
        inner = Scope(self.run, path=key, parent=self, step=key)
        inner.call = call or inner.call
        return inner

    def named(self, name: str) -> Scope:
        """Return the scope of a ``with branch(key=name)`` block; a name used again is numbered.

        In a task or thread that has taken no step yet, the name stands in place of the spawn ordinal.
        """
        above = self.parent if self._path is None and self.parent is not None else self
        repeat = above.next_ordinal(f"/{name}")
        path = f"{above.path(None)}/{name}"
        return Scope(self.run, path=path if repeat == 0 else f"{path}~{repeat + 1}", parent=self, step=self.step)

    def next_ordinal(self, name: str) -> int:
        """Return how often `name` was used in this scope before."""
        with self._lock:
            ordinal = self._ordinals.get(name, 0)
            self._ordinals[name] = ordinal + 1
        return ordinal

    def take_spawned_with(self) -> str | None:
        """Return the digest the first time, None after that: the first frame of a branch carries it."""
        digest, self.spawned_with = self.spawned_with, None
        return digest

    def peek_ordinal(self, name: str) -> int:
        """Return how often `name` was used in this scope so far, without using it."""
        with self._lock:
            return self._ordinals.get(name, 0)

    def path(self, choose: Callable[[str, str], str] | None) -> str:
        """Return the path, binding this scope if it is not bound yet.

        Args:
            choose: Given the parent's path and the path by own ordinal, returns the path to bind to; None takes the
                own ordinal.
        """
        if self._path is None:
            assert self.parent is not None
            above, own = self.parent.path(None), self.own_path()
            self._path = own if choose is None else choose(above, own)
        return self._path

    def own_path(self) -> str:
        """Return the path by own ordinal, without binding to it; the bound path where there is one."""
        if self._path is not None:
            return self._path
        assert self.parent is not None
        return f"{self.parent.path(None)}/{self._names}"


current_scope: ContextVar[Scope | None] = ContextVar("vcr_scope", default=None)


def current_run() -> Run | None:
    """Return the run that the calling code is part of, or None."""
    scope = current_scope.get()
    return None if scope is None else scope.run
