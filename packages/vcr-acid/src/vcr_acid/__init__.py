"""Transactions over a workspace: savepoints, exact rollback, recovery after a crash.

Importing this package imports none of its parts; a name is looked up at its first use, so the hook client and the
command line's help stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vcr_acid.errors import AcidError
    from vcr_acid.policies import Policy, Treatment
    from vcr_acid.transaction.reports import (
        Change,
        CommitResult,
        ConflictedPath,
        RecoveryReport,
        RollbackReport,
        SessionRecovery,
        Status,
        StorageReport,
    )
    from vcr_acid.transaction.session_state import Effect, Savepoint
    from vcr_acid.transaction.workspace import ACIDWorkspace

__all__ = [
    "ACIDWorkspace",
    "AcidError",
    "Change",
    "CommitResult",
    "ConflictedPath",
    "Effect",
    "Policy",
    "RecoveryReport",
    "RollbackReport",
    "Savepoint",
    "SessionRecovery",
    "Status",
    "StorageReport",
    "Treatment",
]

_HOMES = {
    "ACIDWorkspace": "transaction.workspace",
    "AcidError": "errors",
    "Effect": "transaction.session_state",
    "Policy": "policies",
    "Savepoint": "transaction.session_state",
    "Treatment": "policies",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = _HOMES.get(name, "transaction.reports")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
