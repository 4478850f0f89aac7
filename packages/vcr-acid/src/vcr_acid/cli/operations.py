"""What commands do to an open session, as plain values: the same in this process and through a keeper."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from vcr_acid.errors import AcidError, NothingToUndo
from vcr_acid.transaction.reports import Change, RollbackReport
from vcr_acid.transaction.session_state import Savepoint
from vcr_acid.transaction.workspace import ACIDWorkspace

Values = dict[str, Any]


class OutsidePathError(AcidError):
    """A path that is not in the workspace.

    Attributes:
        path: As it was given.
        workspace: Where it should be.
    """

    def __init__(self, path: str, workspace: str) -> None:
        self.path = path
        self.workspace = workspace
        super().__init__(f"{path} is outside the workspace {workspace}. Nothing was changed.")


def describe_savepoint(savepoint: Savepoint) -> Values:
    """A savepoint as JSON."""
    return dataclasses.asdict(savepoint)


def describe_changes(changes: list[Change]) -> list[Values]:
    """Changes as JSON; a deleted and an added file of the same content are one rename."""
    gone = {change.old: change for change in changes if change.kind == "deleted" and change.old}
    renamed: dict[str, str] = {}
    for change in changes:
        if change.kind == "added" and change.new in gone:
            renamed[change.path] = gone.pop(change.new).path
    hidden = set(renamed.values())
    rows: list[Values] = []
    for change in changes:
        if change.path in renamed:
            rows.append({"path": change.path, "kind": "renamed", "from": renamed[change.path]})
        elif change.path not in hidden:
            rows.append({"path": change.path, "kind": change.kind})
    return rows


def _savepoint(acid: ACIDWorkspace, values: Values) -> Values:
    made = acid.savepoint(node_name=values.get("message") or "", reason="asked for")
    return {"savepoint": describe_savepoint(made)}


def _undo(acid: ACIDWorkspace, values: Values) -> Values:
    steps = acid.status().can_undo if values.get("all") else values["steps"]
    if steps == 0 and values.get("all"):
        raise NothingToUndo("undo", 1, 0)
    report = acid.undo(steps)
    while not _touched(report) and acid.status().can_undo:  # a savepoint that was asked for may hold no change
        report = acid.undo()
    return _moved(acid, report)


def _redo(acid: ACIDWorkspace, values: Values) -> Values:
    steps = acid.status().can_redo if values.get("all") else values["steps"]
    if steps == 0 and values.get("all"):
        raise NothingToUndo("redo", 1, 0)
    report = acid.redo(steps)
    while not _touched(report) and acid.status().can_redo:
        report = acid.redo()
    return _moved(acid, report)


def _touched(report: RollbackReport) -> bool:
    return bool(report.written or report.deleted or report.skipped or report.escrowed or report.effects)


def _restore(acid: ACIDWorkspace, values: Values) -> Values:
    number = acid.savepoints()[-1].number + 1 + values["number"] if values["number"] < 0 else values["number"]
    if not values["paths"]:
        return _moved(acid, acid.rollback(to_savepoint=number))
    return _moved(acid, acid.restore(number, [_inside(acid, values["cwd"], path) for path in values["paths"]]))


def _inside(acid: ACIDWorkspace, cwd: str, path: str) -> str:
    """A path as it was typed, from the top of the workspace."""
    found = os.path.relpath(os.path.join(cwd, path), acid.path)
    if found.split(os.sep, 1)[0] == os.pardir:
        raise OutsidePathError(path, acid.path)
    return found


def _moved(acid: ACIDWorkspace, report: RollbackReport) -> Values:
    status = acid.status()
    return {
        "savepoint": describe_savepoint(report.savepoint),
        "before": report.before.number,
        "written": list(report.written),
        "deleted": list(report.deleted),
        "escrowed": [list(pair) for pair in report.escrowed],
        "skipped": [list(pair) for pair in report.skipped],
        "effects": [dataclasses.asdict(effect) for effect in report.effects],
        "notes": list(report.notes),
        "can_undo": status.can_undo,
        "can_redo": status.can_redo,
    }


def _log(acid: ACIDWorkspace, _: Values) -> Values:
    status = acid.status()
    return {
        "session": status.session_id,
        "workspace": status.workspace,
        "current": status.savepoint.number if status.savepoint else None,
        "changed": list(status.changed),
        "savepoints": [describe_savepoint(one) for one in acid.savepoints()],
    }


def _status(acid: ACIDWorkspace, _: Values) -> Values:
    values = dataclasses.asdict(acid.status())
    values["changes"] = describe_changes(acid.diff(0))
    return values


def _commit(acid: ACIDWorkspace, values: Values) -> Values:
    for path in values["resolve"]:
        acid.resolve_as_it_is(_inside(acid, values["cwd"], path))
    return dataclasses.asdict(acid.commit(values.get("message"), drop_effects=bool(values.get("drop_effects"))))


def _abort(acid: ACIDWorkspace, _: Values) -> Values:
    session_id = acid.session_id
    report = acid.abort()
    return {
        "session": session_id,
        "before": report.before.commit,
        "written": list(report.written),
        "deleted": list(report.deleted),
        "escrowed": [list(pair) for pair in report.escrowed],
        "skipped": [list(pair) for pair in report.skipped],
        "notes": list(report.notes),
    }


OPERATIONS: dict[str, Callable[[ACIDWorkspace, Values], Values]] = {
    "savepoint": _savepoint,
    "undo": _undo,
    "redo": _redo,
    "restore": _restore,
    "log": _log,
    "status": _status,
    "commit": _commit,
    "abort": _abort,
}
#: They end the session, so a keeper whose program still runs refuses them.
ENDING = frozenset({"commit", "abort"})
