"""Transactions over a workspace: savepoints, exact rollback, recovery after a crash."""

from __future__ import annotations

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
