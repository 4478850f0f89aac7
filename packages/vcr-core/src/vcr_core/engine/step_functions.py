"""Which function stands behind each step of a recording, for those who compare code with what was recorded."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vcr_core.session_recorder import SessionRecorder

_functions: weakref.WeakKeyDictionary[SessionRecorder, dict[str, Any]] = weakref.WeakKeyDictionary()


def note_function(recorder: SessionRecorder, name: str, function: Any) -> None:
    """Remember the function of a step that was taken."""
    _functions.setdefault(recorder, {})[name] = function


def functions_of(recorder: SessionRecorder) -> dict[str, Any]:
    """Return the functions of the steps that were recorded by `recorder` in this process, by step name."""
    return dict(_functions.get(recorder, {}))
