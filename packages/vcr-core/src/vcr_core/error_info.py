"""What a recording keeps of an exception."""

from __future__ import annotations

import traceback

from vcr_core.frames import ErrorInfo
from vcr_core.values.allowed import type_name
from vcr_core.values.encode import readable


def describe_error(error: BaseException, *, depth: int = 8) -> ErrorInfo:
    """Return what a frame keeps of an exception: type, message, traceback, notes and cause."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        notes = [readable(str(note)) for note in getattr(error, "__notes__", ())]
    except Exception as problem:  # noqa: BLE001  # an exception may be as broken as any other object
        lines, notes = [f"<no traceback: {type(problem).__name__}>"], []
    inner = describe_error(cause, depth=depth - 1) if cause is not None and depth > 0 else None
    name = type_name(type(error)).replace(":", ".").removeprefix("builtins.")
    return ErrorInfo(name, text_of(error), readable("".join(lines)), notes, inner)


def text_of(error: BaseException) -> str:
    """Return ``str(error)``, whatever the exception's own ``__str__`` does."""
    try:
        return readable(str(error))
    except Exception as problem:  # noqa: BLE001  # an exception's own __str__ may fail
        return f"<{type(error).__qualname__}, whose __str__ raised {type(problem).__name__}>"
