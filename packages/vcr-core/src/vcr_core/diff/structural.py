"""The diff of two values: as operations to show, and as an RFC 6902 patch.

Both walk the two values once, without recursion, and use the same alignment of lists. Drawing the result does not
belong here; see :mod:`vcr_core.diff_render`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from vcr_core.diff.content import ContentIndex, is_object, plain_equal
from vcr_core.diff.pairing import ListAligner, Step
from vcr_core.diff.places import Place, pointer_to
from vcr_core.json_pointer import kind_of

__all__ = ["Op", "diff", "diff_as_patch", "summarize"]


class Op(msgspec.Struct, frozen=True):
    """One operation between an old and a new value.

    Attributes:
        op: ``add`` (only ``new`` counts), ``remove`` (only ``old``), ``replace``, or ``move`` (``old`` and ``new``
            are equal; the element changed its place in its list).
        path: Pointer into the new value; for ``remove``, into the old one.
        old: What stood there before.
        new: What stands there now.
        old_path: Pointer into the old value; None for ``add``. It differs from ``path`` where elements shifted.
    """

    op: Literal["add", "remove", "replace", "move"]
    path: str
    old: Any = None
    new: Any = None
    old_path: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the operation as JSON shows it: ``from`` only where it differs from ``path``, no empty sides."""
        fields: dict[str, Any] = {"op": self.op, "path": self.path}
        if self.old_path is not None and self.old_path != self.path:
            fields["from"] = self.old_path
        if self.op in ("remove", "replace"):
            fields["old"] = self.old
        if self.op != "remove":
            fields["new"] = self.new
        return fields


class _Task(NamedTuple):
    """Something still to be told about one place: a finished operation, or a pair to look into."""

    kind: Literal["add", "remove", "replace", "move", "look"]
    old: Any
    new: Any
    old_place: Place
    new_place: Place


def _walk(old: Any, new: Any, *, sequential: bool) -> Iterator[_Task]:
    """Yield the finished tasks between two values in document order.

    With ``sequential`` the tasks of each container come in an order in which they can be applied one after another,
    places in lists are those at that moment, and there are no moves.
    """
    aligner = ListAligner(ContentIndex())
    stack = [_Task("look", old, new, None, None)]
    while stack:
        task = stack.pop()
        if task.kind != "look":
            yield task
        elif is_object(task.old) and is_object(task.new):
            stack.extend(reversed(_look_into_dicts(task)))
        elif kind_of(task.old) is list and kind_of(task.new) is list:
            steps = aligner.steps(task.old, task.new)
            stack.extend(reversed(_in_patch_order(task, steps) if sequential else _in_list_order(task, steps)))
        elif not aligner.same(task.old, task.new):
            yield task._replace(kind="replace")


def _look_into_dicts(task: _Task) -> list[_Task]:
    """Old keys in their order, then new keys in theirs."""
    old, new = task.old, task.new
    tasks: list[_Task] = []
    for key, value in old.items():
        if key not in new:
            tasks.append(_Task("remove", value, None, (task.old_place, key), (task.new_place, key)))
        elif not plain_equal(value, new[key], budget=1):
            tasks.append(_Task("look", value, new[key], (task.old_place, key), (task.new_place, key)))
    for key, value in new.items():
        if key not in old:
            tasks.append(_Task("add", None, value, None, (task.new_place, key)))
    return tasks


def _in_list_order(task: _Task, steps: Iterable[Step]) -> list[_Task]:
    return [
        _Task(
            "look" if step.kind == "change" else step.kind,
            task.old[step.i] if step.i >= 0 else None,
            task.new[step.j] if step.j >= 0 else None,
            (task.old_place, step.i),
            (task.new_place, step.j),
        )
        for step in steps
    ]


def _in_patch_order(task: _Task, steps: list[Step]) -> list[_Task]:
    """Removals from the end, additions from the start, then what changed in its final place."""
    gone = sorted((step.i for step in steps if step.kind in ("remove", "move")), reverse=True)
    come = sorted(step.j for step in steps if step.kind in ("add", "move"))
    tasks = [_Task("remove", task.old[i], None, None, (task.new_place, i)) for i in gone]
    tasks += [_Task("add", None, task.new[j], None, (task.new_place, j)) for j in come]
    changed = [step for step in steps if step.kind in ("change", "replace")]
    return tasks + _in_list_order(task, changed)


def diff(old: Any, new: Any) -> list[Op]:
    """Return the operations that lead from ``old`` to ``new``, in document order; none when they are the same.

    Lists are aligned by content, so an element that was inserted, changed or taken out is one operation wherever it
    stands. Values are those of the inputs, not copies; the inputs must not contain themselves.
    """
    ops: list[Op] = []
    for task in _walk(old, new, sequential=False):
        if task.kind == "remove":
            place = pointer_to(task.old_place)
            ops.append(Op("remove", place, task.old, None, place))
        elif task.kind == "add":
            ops.append(Op("add", pointer_to(task.new_place), None, task.new))
        else:
            kind: Literal["replace", "move"] = "move" if task.kind == "move" else "replace"
            ops.append(Op(kind, pointer_to(task.new_place), task.old, task.new, pointer_to(task.old_place)))
    return ops


def diff_as_patch(old: Any, new: Any) -> list[dict[str, Any]]:
    """Return an RFC 6902 patch of ``add``, ``remove`` and ``replace`` with ``apply(old, patch)`` equal to ``new``.

    Equal means in content and type, but for the order of dict keys. Values are those of ``new``, not copies.
    """
    patch: list[dict[str, Any]] = []
    for task in _walk(old, new, sequential=True):
        operation: dict[str, Any] = {"op": task.kind, "path": pointer_to(task.new_place)}
        if task.kind != "remove":
            operation["value"] = task.new
        patch.append(operation)
    return patch


def summarize(ops: Iterable[Op]) -> dict[str, dict[str, Any]]:
    """Return ``{"added": {pointer: value}, "removed": {pointer: value}, "modified": {pointer: {"old", "new"}}}``.

    Pointers of what was removed lead into the old value, all others into the new one. An element that moved was
    removed at one pointer and added at another.
    """
    added: dict[str, Any] = {}
    removed: dict[str, Any] = {}
    modified: dict[str, Any] = {}
    for op in ops:
        if op.op == "replace":
            modified[op.path] = {"old": op.old, "new": op.new}
            continue
        if op.op != "remove":
            added[op.path] = op.new
        if op.op != "add":
            removed[op.path if op.old_path is None else op.old_path] = op.old
    return {"added": added, "removed": removed, "modified": modified}
