"""How one run differs from another: each difference has a kind, a place and a text."""

from __future__ import annotations

import dataclasses
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

from vcr_core.diff import diff, first_difference
from vcr_core.diff_render import preview, render
from vcr_golden.trace import Trace, TraceStep

DriftKind = Literal[
    "order",
    "argument",
    "extra_step",
    "missing_step",
    "step_output",
    "output",
    "error",
    "forbidden",
    "state",
    "cost",
    "tokens",
    "steps",
    "latency",
    "rate",
]
Normaliser = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Drift:
    """One difference.

    Attributes:
        kind: What differs.
        where: The step, budget or value.
        message: In words, with what was recorded and what is now.
        path: JSON pointer, where there is one.
        expected: What the golden run has.
        actual: What is there now.
    """

    kind: DriftKind
    where: str
    message: str
    path: str | None = None
    expected: Any = None
    actual: Any = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


def compare_traces(
    golden: Trace, now: Trace, *, ignore: Iterable[str] = (), normalise: Normaliser | None = None
) -> list[Drift]:
    """Return how a run differs from the golden one, without budgets.

    Args:
        golden: The golden run.
        now: The other.
        ignore: Names or kinds of steps whose inputs and outputs are not compared, only that they are taken.
        normalise: Applied to both final outputs first.
    """
    ignored = frozenset(ignore)
    found = _compare_steps(golden.steps, now.steps, ignored)
    if now.cut_short:
        found = _without_what_was_cut(found)
    if now.error is not None and golden.error is None:
        found.append(Drift("error", "the run", f"the run failed: {now.error}", None, None, now.error))
    elif now.returned:
        found += compare_output(golden.output, now.output, normalise=normalise)
    return found


def _without_what_was_cut(found: list[Drift]) -> list[Drift]:
    """Leave out the steps that a run could not take because it was ended: those behind everything else."""
    while found and found[-1].kind == "missing_step":
        found = found[:-1]
    return found


def compare_output(golden: Any, now: Any, *, normalise: Normaliser | None = None) -> list[Drift]:
    """Return how the final output differs."""
    if normalise is not None:
        golden, now = normalise(golden), normalise(now)
    return _value_drift("output", "the final output", golden, now)


def _value_drift(kind: DriftKind, where: str, old: Any, new: Any) -> list[Drift]:
    difference = first_difference(old, new)
    if difference is None:
        return []
    path, expected, actual = difference
    at = f" at {path}" if path else ""
    text = f"{where} differs{at}: golden {preview(expected, limit=80)}, now {preview(actual, limit=80)}"
    return [Drift(kind, where, text, path, old, new)]


def _compare_steps(old: Sequence[TraceStep], new: Sequence[TraceStep], ignored: frozenset[str]) -> list[Drift]:
    def key(step: TraceStep) -> tuple[str, str]:
        return (step.name, "") if ignored & {step.name, step.kind} else step.call

    old_keys, new_keys = [key(step) for step in old], [key(step) for step in new]
    pairs: list[tuple[int, int]] = []
    for block in SequenceMatcher(None, old_keys, new_keys, autojunk=False).get_matching_blocks():
        pairs += [(block.a + offset, block.b + offset) for offset in range(block.size)]
    found: list[tuple[int, Drift]] = []
    for i, j in pairs:
        if not ignored & {new[j].name, new[j].kind}:
            found += [(j, drift) for drift in _output_drift(old[i], new[j])]
    paired_old, paired_new = {i for i, _ in pairs}, {j for _, j in pairs}
    left_old = [i for i in range(len(old)) if i not in paired_old]
    left_new = [j for j in range(len(new)) if j not in paired_new]
    found += _explain_unpaired(old, new, left_old, left_new, key)
    return [drift for _, drift in sorted(found, key=lambda entry: entry[0])]


def _output_drift(old: TraceStep, new: TraceStep) -> list[Drift]:
    if (old.row.status, old.row.error_type) != (new.row.status, new.row.error_type):
        return [
            Drift(
                "error",
                new.name,
                f"{new.name} ended as {new.row.status}, golden {old.row.status}",
                None,
                old.row.status,
                new.row.status,
            )
        ]
    if old.output_digest == new.output_digest:
        return []
    return _value_drift("step_output", f"the output of {new.name}", old.output, new.output)


def _explain_unpaired(
    old: Sequence[TraceStep],
    new: Sequence[TraceStep],
    left_old: list[int],
    left_new: list[int],
    key: Callable[[TraceStep], tuple[str, str]],
) -> list[tuple[int, Drift]]:
    found: list[tuple[int, Drift]] = []
    by_call, by_name = defaultdict[Any, deque[int]](deque), defaultdict[str, deque[int]](deque)
    for i in left_old:
        by_call[key(old[i])].append(i)
    explained: set[int] = set()
    not_moved: list[int] = []
    for j in left_new:
        if same := by_call[key(new[j])]:
            i = same.popleft()
            explained.add(i)
            text = f"{new[j].name} is step {j} now, golden step {i}: the order of the calls changed"
            found.append((j, Drift("order", new[j].name, text, None, i, j)))
        else:
            not_moved.append(j)
    for i in left_old:
        if i not in explained:
            by_name[old[i].name].append(i)
    for j in not_moved:
        step = new[j]
        if same := by_name[step.name]:
            i = same.popleft()
            explained.add(i)
            found += [
                (j, drift) for drift in _value_drift("argument", f"the input of {step.name}", old[i].input, step.input)
            ]
        else:
            found.append(
                (
                    j,
                    Drift(
                        "extra_step",
                        step.name,
                        f"{step.name} is taken at step {j}; the golden run does "
                        f"not take it. Its input: {preview(step.input, limit=80)}",
                        None,
                        None,
                        step.input,
                    ),
                )
            )
    for i in left_old:
        if i in explained:
            continue
        text = f"{old[i].name}, golden step {i}, is not taken. Its input: {preview(old[i].input, limit=80)}"
        found.append((i, Drift("missing_step", old[i].name, text, None, old[i].input, None)))
    return found


def render_drifts(drifts: Sequence[Drift]) -> str:
    """Return the differences as text: a line each, and the difference of the values below it."""
    parts: list[str] = []
    for drift in drifts:
        parts.append(f"{drift}\n")
        if drift.path is not None:
            text = render(diff(drift.expected, drift.actual))
            parts.append("".join(f"    {line}\n" for line in text.splitlines()))
    return "".join(parts)
