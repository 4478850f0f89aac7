"""Transactions over a workspace: savepoints, exact rollback, recovery after a crash.

Importing this package imports none of its parts; a name is looked up at its first use, so the hook client and the
command line's help stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcr_core.lazy_names import lazy_names

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

_HOMES = {
    "errors": ("AcidError",),
    "policies": ("Policy", "Treatment"),
    "transaction.reports": (
        "Change",
        "CommitResult",
        "ConflictedPath",
        "RecoveryReport",
        "RollbackReport",
        "SessionRecovery",
        "Status",
        "StorageReport",
    ),
    "transaction.session_state": ("Effect", "Savepoint"),
    "transaction.workspace": ("ACIDWorkspace",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

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


__getattr__ = lazy_names(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
