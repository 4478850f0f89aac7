"""Which paths differ between two savepoints."""

from __future__ import annotations

from typing import Literal

from vcr_acid.restore.plan import Step, make_plan
from vcr_acid.store.snapshots import Snapshot
from vcr_acid.transaction.reports import Change


def _kind(step: Step) -> Literal["added", "deleted", "modified", "mode"]:
    if step.before is None:
        return "added"
    if step.after is None:
        return "deleted"
    return "mode" if step.before.key == step.after.key else "modified"


def compare_snapshots(old: Snapshot, new: Snapshot) -> list[Change]:
    """Changes from ``old`` to ``new``, by path; directories end in ``/``."""
    plan = make_plan(old, new, prefix="", keep_hidden=False)
    changes = [
        Change(step.path, _kind(step), step.before.key if step.before else None, step.after.key if step.after else None)
        for step in plan.steps
    ]
    known = {step.path for step in plan.steps} | set(plan.make_directories)
    changes += [Change(path + "/", "added", None, None) for path in plan.make_directories if path in new.extras["bare"]]
    gone = [path for path in plan.remove_directories if path in old.extras["bare"]]
    changes += [Change(path + "/", "deleted", None, None) for path in gone]
    changes += [Change(path, "mode", None, None) for path in plan.chmod if path not in known]
    return sorted(changes, key=lambda change: change.path)
