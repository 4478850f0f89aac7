"""What a test may assert of a run: its output, its tool calls, its states, its cost.

Every assertion raises `GoldenAssertionError`, which names the kind of the difference, and returns the checked run, so
that they can be chained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from vcr_core.diff_render import preview
from vcr_golden.budgets import check_budgets, parse_budgets
from vcr_golden.drift import Drift, DriftKind, Normaliser, compare_output, compare_traces, render_drifts
from vcr_golden.errors import GoldenError
from vcr_golden.gate import GateResult
from vcr_golden.ledger import CostLedger
from vcr_golden.shapes import shape_problem, subset_problem
from vcr_golden.trace import Trace, TraceStep
from vcr_golden.wire import PackedInputs

Sequencing = Literal["exact", "ordered_subset", "multiset"]
_GOLDEN: Any = object()


class GoldenAssertionError(GoldenError, AssertionError):
    """A run is not what the golden run is, or what the test wants.

    Attributes:
        kinds: What differs.
        drifts: The differences.
    """

    def __init__(self, drifts: Sequence[Drift], *, task: str = "", hint: str = "") -> None:
        self.drifts = list(drifts)
        self.kinds = [drift.kind for drift in drifts]
        head = f"golden run {task!r} drifted" if task else "golden assertion failed"
        super().__init__(f"{head}:\n{render_drifts(self.drifts)}{hint}".rstrip())


class InconclusiveError(GoldenError, AssertionError):
    """It cannot be told whether a run passes; that is no pass.

    Attributes:
        reasons: What is missing.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("inconclusive, which is no pass:\n" + "\n".join(f"  {reason}" for reason in reasons))


class GoldenCheck:
    """A run of a golden agent, to be asserted about.

    Attributes:
        gate: What the gate says of it.
        result: What the agent returned.
        error: What it raised, or None.
    """

    def __init__(self, gate: GateResult, result: Any, error: BaseException | None) -> None:
        self.gate = gate
        self.result = result
        self.error = error

    @property
    def golden(self) -> Trace:
        """What the golden run did."""
        return _there(self.gate.golden)

    @property
    def trace(self) -> Trace:
        """What this run did."""
        return _there(self.gate.now)

    @property
    def ledger(self) -> CostLedger:
        """What was served and spent."""
        return self.gate.ledger

    def assert_same(self, *, ignore: Sequence[str] = (), normalise: Normaliser | None = None) -> GoldenCheck:
        """Everything is as in the golden run: steps, inputs, outputs, the final output."""
        return self._fail_if(compare_traces(self.golden, self.trace, ignore=ignore, normalise=normalise))

    def assert_output(
        self,
        expected: Any = _GOLDEN,
        *,
        subset: Any = None,
        shape: Any = None,
        normalise: Normaliser | None = None,
    ) -> GoldenCheck:
        """The final output is the golden one, or as said.

        Args:
            expected: What it has to be; the golden output if nothing is said.
            subset: What it has to contain: members of dicts, elements of lists in order.
            shape: What it has to look like: a type, ``{"name": type}``, ``[type]``, a set of allowed values, a
                predicate; nested as the output is.
            normalise: Applied to both before they are compared exactly.
        """
        now = self.trace.output
        if subset is not None:
            return self._fail_if(_problem("output", "the final output", subset_problem(subset, now), subset, now))
        if shape is not None:
            return self._fail_if(_problem("output", "the final output", shape_problem(shape, self.result), None, now))
        golden = self.golden.output if expected is _GOLDEN else PackedInputs().wire(expected)
        return self._fail_if(compare_output(golden, now, normalise=normalise))

    def assert_tools(self, expected: Sequence[str] | None = None, *, how: Sequencing = "exact") -> GoldenCheck:
        """The tools were called in this sequence.

        Args:
            expected: Names; those of the golden run if None.
            how: ``exact``: these and no others, in order.  ``ordered_subset``: these in order, others in between.
                ``multiset``: these and no others, in any order.
        """
        names = [step.name for step in self.golden.tools] if expected is None else list(expected)
        now = [step.name for step in self.trace.tools]
        if how == "ordered_subset":
            rest = iter(now)
            good = all(name in rest for name in names)
        else:
            good = now == names if how == "exact" else Counter(now) == Counter(names)
        if good:
            return self
        return self._fail_if([_sequence_drift(names, now, how)])

    def assert_tool_args(self, tool: str, subset: Mapping[str, Any], *, nth: int = 0) -> GoldenCheck:
        """The `nth` call of a tool (from 0) had these arguments; others are not looked at."""
        calls = [step for step in self.trace.tools if step.name == tool]
        if nth >= len(calls):
            text = f"{tool} is called {len(calls)} times, not {nth + 1}"
            return self._fail_if([Drift("missing_step", tool, text, None, nth + 1, len(calls))])
        given = calls[nth].input
        return self._fail_if(
            _problem("argument", f"the input of {tool}", subset_problem(dict(subset), given), dict(subset), given)
        )

    def assert_never_called(self, *tools: str) -> GoldenCheck:
        """None of these tools was called."""
        found = [step for step in self.trace.tools if step.name in tools]
        return self._fail_if([_forbidden(step) for step in found])

    def assert_state(self, checkpoint: str, subset: Any) -> GoldenCheck:
        """The state at a checkpoint, or after the last step of that name, contains this."""
        states = [step.output for step in self.trace.steps if checkpoint in (step.row.label, step.row.node_name)]
        if not states:
            text = f"there is no checkpoint or step {checkpoint!r}"
            return self._fail_if([Drift("state", checkpoint, text, None, subset, None)])
        problem = subset_problem(subset, states[-1])
        return self._fail_if(_problem("state", f"the state at {checkpoint}", problem, subset, states[-1]))

    def assert_no_extra_steps(self) -> GoldenCheck:
        """No step was taken that the golden run does not take."""
        return self._of_kind("extra_step")

    def assert_no_missing_steps(self) -> GoldenCheck:
        """No step of the golden run was left out."""
        return self._of_kind("missing_step")

    def assert_budget(self, **limits: Any) -> GoldenCheck:
        """Cost, tokens, steps and latency are within these limits: numbers, or ``"+10%"`` over the golden run.

        Raises:
            InconclusiveError: If the run does not tell what it used.
        """
        over, unclear = check_budgets(parse_budgets(limits), self.golden.usage, self.trace.usage)
        self._fail_if(over)
        if unclear:
            raise InconclusiveError([str(entry) for entry in unclear])
        return self

    def _of_kind(self, kind: DriftKind) -> GoldenCheck:
        return self._fail_if([d for d in compare_traces(self.golden, self.trace) if d.kind == kind])

    def _fail_if(self, drifts: Sequence[Drift]) -> GoldenCheck:
        if drifts:
            raise GoldenAssertionError(drifts)
        return self


def _there(trace: Trace | None) -> Trace:
    assert trace is not None
    return trace


def _problem(kind: DriftKind, where: str, problem: tuple[str, str] | None, expected: Any, actual: Any) -> list[Drift]:
    if problem is None:
        return []
    path, text = problem
    return [Drift(kind, where, f"{where}{' at ' + path if path else ''}: {text}", None, expected, actual)]


def _forbidden(step: TraceStep) -> Drift:
    text = f"{step.name} must not be called; it was, with {preview(step.input, limit=80)}"
    return Drift("forbidden", step.name, text, None, None, step.input)


def _sequence_drift(names: list[str], now: list[str], how: Sequencing) -> Drift:
    missing, extra = Counter(names) - Counter(now), Counter(now) - Counter(names)
    kind: DriftKind = "order"
    if missing or (extra and how != "ordered_subset"):
        kind = "missing_step" if missing else "extra_step"
    text = f"the tools are {', '.join(now) or 'none'}; wanted ({how}) {', '.join(names) or 'none'}"
    return Drift(kind, "tools", text, None, names, now)
