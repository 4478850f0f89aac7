"""Which paths differ between two savepoints."""

from __future__ import annotations

from vcr_acid.restore.plan import make_plan
from vcr_acid.store.snapshots import Snapshot
from vcr_acid.transaction.reports import Change


def compare_snapshots(old: Snapshot, new: Snapshot) -> list[Change]:
    """Changes from ``old`` to ``new``, by path; directories end in ``/``."""
    plan = make_plan(old, new, prefix="")
    changes: list[Change] = []
    for step in plan.steps:
        before = step.before.key if step.before else None
        after = step.after.key if step.after else None
        kind = "added" if before is None else "deleted" if after is None else "mode" if before == after else "modified"
        changes.append(Change(step.path, kind, before, after))
    known = {step.path for step in plan.steps}
    changes += [Change(path, "deleted", old.extras and None, None) for path, _ in plan.skipped if _is_file(old, new, path)]
    changes += [Change(path + "/", "added", None, None) for path in plan.make_directories if path in new.extras["bare"]]
    changes += [Change(path + "/", "deleted", None, None) for path in plan.remove_directories if path in old.extras["bare"]]
    made = set(plan.make_directories)
    changes += [Change(path, "mode", None, None) for path in plan.chmod if path not in known and path not in made]
    return sorted(changes, key=lambda change: change.path)


def _is_file(old: Snapshot, new: Snapshot, path: str) -> bool:
    return old.lookup(path) is not None and new.lookup(path) is None
