"""Record an agent run step by step, go to any step, change it, and go on from there.

The names below are the public API.  They are loaded when first used, so that a process that only records does not pay
for what it does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vcr_core.compare import SessionComparison, compare_sessions
    from vcr_core.engine import (
        DivergenceError,
        InDoubtError,
        Mock,
        ResumeConfig,
        ResumeMode,
        Resumption,
        StepError,
        assert_deterministic,
        branch,
        llm,
        patched,
        resume_many,
        route_values,
        session,
        step,
        tool,
        vcr_record,
    )
    from vcr_core.errors import UsageError, VcrError
    from vcr_core.frames import ErrorInfo, Frame, FrameMetadata, FrameRow, SessionInfo, Totals
    from vcr_core.player import VCRPlayer
    from vcr_core.recorder import VCRRecorder
    from vcr_core.redaction import Redactor
    from vcr_core.session_writer import RecordingError, RecordingWarning
    from vcr_core.store import SessionSummary, Store
    from vcr_core.values import Allowed, Stream, Tagged, register_type

__version__ = "1.0.0"

_HOMES = {
    "engine": (
        "DivergenceError",
        "InDoubtError",
        "Mock",
        "ResumeConfig",
        "ResumeMode",
        "Resumption",
        "StepError",
        "assert_deterministic",
        "branch",
        "llm",
        "patched",
        "resume_many",
        "route_values",
        "session",
        "step",
        "tool",
        "vcr_record",
    ),
    "compare": ("SessionComparison", "compare_sessions"),
    "errors": ("UsageError", "VcrError"),
    "frames": ("ErrorInfo", "Frame", "FrameMetadata", "FrameRow", "SessionInfo", "Totals"),
    "player": ("VCRPlayer",),
    "recorder": ("VCRRecorder",),
    "redaction": ("Redactor",),
    "session_writer": ("RecordingError", "RecordingWarning"),
    "store": ("SessionSummary", "Store"),
    "values": ("Allowed", "Stream", "Tagged", "register_type"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]  # the names are given by __getattr__
    "Allowed",
    "DivergenceError",
    "ErrorInfo",
    "Frame",
    "FrameMetadata",
    "FrameRow",
    "InDoubtError",
    "Mock",
    "RecordingError",
    "RecordingWarning",
    "Redactor",
    "ResumeConfig",
    "ResumeMode",
    "Resumption",
    "SessionComparison",
    "SessionInfo",
    "SessionSummary",
    "StepError",
    "Store",
    "Stream",
    "Tagged",
    "Totals",
    "UsageError",
    "VCRPlayer",
    "VCRRecorder",
    "VcrError",
    "__version__",
    "assert_deterministic",
    "branch",
    "compare_sessions",
    "llm",
    "patched",
    "register_type",
    "resume_many",
    "route_values",
    "session",
    "step",
    "tool",
    "vcr_record",
]


__getattr__ = lazy_names(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
