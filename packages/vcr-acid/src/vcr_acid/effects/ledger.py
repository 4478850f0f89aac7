"""Effects outside the files: done once, undone in reverse, never half-known in silence.

Each step is in the session's log before and after it runs. After a crash between the two the outcome is *unknown*, and
nothing runs again until a person or the program decides. The callables live only in this process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from vcr_acid.errors import EffectError
from vcr_acid.transaction.session_state import Effect

if TYPE_CHECKING:
    from vcr_acid.transaction.session import Session

Undo = Callable[[Any], object]


class EffectLedger:
    """The effects of one session; their statuses are those of :class:`Effect`."""

    def __init__(self, session: Session, undo: dict[str, Undo]) -> None:
        self._session = session
        self._undo = undo
        self._deferred: dict[str, Callable[[], Any]] = {}

    def _note(self, key: str, status: str, **more: Any) -> None:
        self._session.record("effect", {"key": key, "status": status, **more})

    def _get(self, key: str) -> Effect | None:
        return self._session.state.effects.get(key)

    def run(self, key: str, do: Callable[[], Any], undo: Undo | None, *, when: Literal["now", "commit"]) -> Any:
        """Do an effect once; see :meth:`ACIDWorkspace.effect`."""
        known = self._get(key)
        if undo is not None:
            self._undo[key] = undo
        if known is not None:
            if known.status in ("done", "kept", "undo failed"):
                return known.result
            if known.status in ("doing", "undoing"):
                raise EffectError(
                    key, "unknown", "a crash came between its start and its end. Find out whether it happened, then "
                    "call retry_effect() to undo it, or use a new key to do it again."
                )  # fmt: skip
        at = self._session.state.savepoints[-1].number
        if when == "commit":
            self._deferred[key] = do
            self._note(key, "deferred", savepoint=at)
            return None
        return self._do(key, do, at, undoable=undo is not None)

    def _do(self, key: str, do: Callable[[], Any], at: int, *, undoable: bool, deferred: bool = False) -> Any:
        self._note(key, "doing", savepoint=at, deferred=deferred)
        try:
            result = do()
        except Exception as error:
            self._note(key, "failed", error=f"{type(error).__name__}: {error}"[:500])
            raise EffectError(key, "failed", f"{type(error).__name__}: {error}") from error
        self._note(key, "done" if undoable else "kept", result=_plain(result))
        return result

    def undo_after(self, savepoint: int) -> tuple[Effect, ...]:
        """Undo, newest first, every effect that came after a savepoint; failures stay retriable."""
        touched: list[Effect] = []
        for effect in sorted(self._session.state.effects.values(), key=lambda e: -e.order):
            if effect.savepoint < savepoint:
                continue
            if effect.deferred and effect.status in ("deferred", "failed"):
                self._deferred.pop(effect.key, None)
                self._note(effect.key, "undone")
            elif effect.status in ("done", "undo failed", "undoing"):
                self._undo_one(effect.key, self._undo.get(effect.key))
            else:
                continue
            touched.append(self._session.state.effects[effect.key])
        return tuple(touched)

    def _undo_one(self, key: str, undo: Undo | None) -> None:
        effect = self._session.state.effects[key]
        if undo is None:
            self._note(key, "undo failed", error="no undo function in this process; call retry_effect(key, undo)")
            return
        self._note(key, "undoing")
        try:
            undo(effect.result)
        except Exception as error:  # noqa: BLE001  # whatever it raises, the state is "undo failed" and can be retried
            self._note(key, "undo failed", error=f"{type(error).__name__}: {error}"[:500])
        else:
            self._note(key, "undone")

    def retry(self, key: str, undo: Undo | None) -> Effect:
        """Run an undo (or, for a deferred effect, ``undo`` as the deferred call) again."""
        effect = self._get(key)
        if effect is None:
            raise EffectError(key, "unknown", "this session has no such effect")
        if effect.deferred and effect.status in ("deferred", "failed"):
            call = self._deferred.get(key)
            chosen = (lambda: undo(None)) if undo is not None else call
            if chosen is None:
                raise EffectError(key, effect.status, "its function is not in this process; pass it")
            self._do(key, chosen, effect.savepoint, undoable=False, deferred=True)
        elif effect.status in ("undo failed", "undoing", "doing", "done"):
            self._undo_one(key, undo or self._undo.get(key))
        return self._session.state.effects[key]

    def run_deferred(self) -> list[Effect]:
        """Run what waited for the commit, in order; returns what still waits because it failed or could not be run."""
        for effect in sorted(self._session.state.effects.values(), key=lambda e: e.order):
            call = self._deferred.get(effect.key)
            if call is not None and effect.deferred and effect.status in ("deferred", "failed"):
                with contextlib.suppress(EffectError):  # its status and error say it
                    self._do(effect.key, call, effect.savepoint, undoable=False, deferred=True)
        return [effect for effect in self._session.state.effects.values() if effect.waits]

    def drop(self, key: str) -> None:
        """Give up an effect: it will not run any more."""
        self._note(key, "dropped")


def describe_waiting(effects: Sequence[Effect]) -> str:
    """Which effects a commit could not run, why, and what can be done."""
    shown = ", ".join(f"{effect.key} ({_why_waiting(effect)})" for effect in effects)
    return (
        f"the files are committed, effects still wait: {shown}; retry_effect() them where their functions are (after "
        "attach()) and commit() again, or commit(drop_effects=True) (`vcr commit --drop-effects`) gives them up"
    )


def _why_waiting(effect: Effect) -> str:
    if effect.status == "deferred":
        return "its function is not in this process"
    return f"{effect.status}: {effect.error}" if effect.error else "unknown: a crash came while it ran"


def _plain(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return {"repr": repr(value)[:1000]}
