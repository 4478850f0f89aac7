"""The golden gate: is a run what the golden run is?  Same, drift, or untestable, with reasons.

The run is a replay of today's agent (offline), a hybrid or live run of it, or another recording.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from vcr_core import DivergenceError, FrameRow, VCRPlayer, VCRRecorder
from vcr_core.engine import StepCall
from vcr_core.exporters.packing import pack_session
from vcr_golden.budgets import Inconclusive, Limit, check_budgets
from vcr_golden.cache import GoldenRunCache
from vcr_golden.drift import Drift, DriftKind, Normaliser, compare_traces, render_drifts
from vcr_golden.golden_store import GoldenFiles
from vcr_golden.ledger import CostLedger
from vcr_golden.observed_run import ObservedRun
from vcr_golden.running import GoldenRun, Mode
from vcr_golden.saving import code_facts
from vcr_golden.trace import Trace, TraceStep, read_trace, step_of, trace_of
from vcr_golden.wire import PackedInputs, digest_of

Verdict = Literal["same", "drift", "untestable"]
EXIT_CODES: dict[Verdict, int] = {"same": 0, "drift": 2, "untestable": 125}


@dataclasses.dataclass
class GateResult:
    """What the gate says of one golden run.

    Attributes:
        task: The task.
        trial: The trial.
        drifts: How the run differs, the first difference first.
        inconclusive: Budgets that nothing can be said of.
        problem: Why it could not be tested at all.
        ledger: What was served and spent.
        golden: The golden run.
        now: The run that was compared, or None.
        pending: The changed run that can be accepted, or None.
    """

    task: str
    trial: int = 0
    drifts: list[Drift] = dataclasses.field(default_factory=list[Drift])
    inconclusive: list[Inconclusive] = dataclasses.field(default_factory=list[Inconclusive])
    problem: str | None = None
    ledger: CostLedger = dataclasses.field(default_factory=CostLedger)
    golden: Trace | None = None
    now: Trace | None = None
    pending: Path | None = None

    @property
    def verdict(self) -> Verdict:
        """``same``, ``drift`` or ``untestable``; what is inconclusive is no pass."""
        if self.drifts:
            return "drift"
        return "untestable" if self.problem is not None or self.inconclusive else "same"

    def reasons(self) -> list[str]:
        """Return the reasons, one line each."""
        problems = [] if self.problem is None else [f"untestable: {self.problem}"]
        return [*map(str, self.drifts), *map(str, self.inconclusive), *problems]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "task": self.task,
            "trial": self.trial,
            "verdict": self.verdict,
            "drifts": [dataclasses.asdict(drift) for drift in self.drifts],
            "inconclusive": [dataclasses.asdict(entry) for entry in self.inconclusive],
            "problem": self.problem,
            "ledger": self.ledger.as_dict(),
            "pending": None if self.pending is None else str(self.pending),
        }


@dataclasses.dataclass(frozen=True)
class Rules:
    """What counts as drift.

    Attributes:
        ignore: Names or kinds of steps whose inputs and outputs are not compared.
        normalise: Applied to both final outputs first.
        limits: Budgets.
    """

    ignore: tuple[str, ...] = ()
    normalise: Normaliser | None = None
    limits: tuple[Limit, ...] = ()


class Gate:
    """Compares runs with the golden runs of a cache.

    Args:
        cache: The golden runs.
        rules: What counts as drift.
        keep_pending: Write a run that drifted beside the golden one, to be looked at and accepted.
    """

    def __init__(self, cache: GoldenRunCache, rules: Rules | None = None, *, keep_pending: bool = True) -> None:
        self._cache = cache
        self._rules = rules or Rules()
        self._keep_pending = keep_pending

    def check_recording(self, task: str, other: VCRPlayer, *, trial: int = 0) -> GateResult:
        """Compare another recording with the golden run of a task."""
        files = self._cache.store.get(task, trial)
        result = GateResult(task, trial, golden=read_trace(files.recording), now=trace_of(other))
        self._compare(result)
        if result.drifts:
            self._keep(files, result, other.path)
        return result

    def check_agent(
        self,
        task: str,
        agent: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        mode: Mode = "replay",
        trial: int = 0,
        options: dict[str, Any] | None = None,
    ) -> tuple[GateResult, GoldenRun]:
        """Run the agent again and compare it with the golden run; what the agent raises is part of the answer."""
        files = self._cache.store.get(task, trial)
        result = GateResult(task, trial, golden=read_trace(files.recording))
        if mode == "replay":
            run = self._replay(files, agent, args, kwargs or {}, result)
        else:
            run = self._cache.run_again(task, agent, args, kwargs, mode=mode, trial=trial, **(options or {}))
            assert run.recording is not None, "all modes but replay record"
            result.now = read_trace(run.recording)
        result.ledger = run.ledger
        self._compare(result)
        if isinstance(run.error, DivergenceError) and not result.drifts:
            result.drifts.append(_divergence_drift(run.error))
        if result.drifts:
            self._keep(files, result, run.recording, run.source, agent)
        return result, run

    def _replay(
        self, files: GoldenFiles, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: GateResult
    ) -> GoldenRun:
        runner = self._cache.runner(files)
        try:
            found, observed = runner.observe(agent, args, kwargs)
            result.now = _observed_trace(runner.player, found, observed)
            return found
        finally:
            runner.close()

    def _compare(self, result: GateResult) -> None:
        assert result.golden is not None
        assert result.now is not None
        rules = self._rules
        result.drifts += compare_traces(result.golden, result.now, ignore=rules.ignore, normalise=rules.normalise)
        over, unclear = check_budgets(list(rules.limits), result.golden.usage, result.now.usage)
        result.drifts += over
        result.inconclusive += unclear

    def _keep(
        self,
        files: GoldenFiles,
        result: GateResult,
        recording: Path | None,
        source: VCRRecorder | None = None,
        agent: Any = None,
    ) -> None:
        """Write the diff, and the recording if there is a whole one, beside the golden run; and by what code it is."""
        if not self._keep_pending:
            return
        files.pending_diff.write_text(render_drifts(result.drifts), encoding="utf-8")
        if recording is None:
            return
        player = VCRPlayer.load(recording)
        try:
            files.pending_facts.unlink(missing_ok=True)
            files.pending.unlink(missing_ok=True)
            pack_session(player, files.pending)
            if source is not None:
                facts = code_facts(player.rows, agent, source.functions, self._cache.effects, files.manifest.steps)
                files.pending_facts.write_text(facts.to_json(), encoding="utf-8")
        finally:
            player.close()
        result.pending = files.pending


def _observed_trace(player: VCRPlayer, found: GoldenRun, observed: ObservedRun | None) -> Trace:
    """Return what a replay did: the frames it was served, and the step at which it left the recording."""
    served: list[int] = []
    if observed is not None and observed.tape is not None:
        for index in observed.served_order():
            row = observed.tape.rows[index]
            served += [*observed.tape.subtree(row.key or ""), index]
    steps = [step_of(player, player.rows[index]) for index in served]
    refused = None if observed is None else observed.refused
    if refused is not None:
        steps.append(_refused_step(refused))
    if isinstance(found.error, DivergenceError):
        return Trace(steps, None, returned=False, cut_short=True)
    if found.error is not None:
        return Trace(steps, None, returned=False, error=f"{type(found.error).__name__}: {found.error}")
    return Trace(steps, PackedInputs().wire(found.result))


def _refused_step(call: StepCall) -> TraceStep:
    given = PackedInputs().wire(call.input)
    name = call.label if call.kind == "tool" and call.label else call.name
    row = FrameRow(-1, call.name, call.kind, label=call.label, model=call.model, key=call.key)
    return TraceStep(name, call.kind, given, None, row, digest_of(given), "")


_OF_DIVERGENCE: dict[str, DriftKind] = {
    "input": "argument",
    "unexpected": "extra_step",
    "leftover": "missing_step",
    "stalled": "order",
}


def _divergence_drift(error: DivergenceError) -> Drift:
    kind = _OF_DIVERGENCE.get(error.kind, "error")
    return Drift(kind, error.key, str(error), error.path, error.expected, error.actual)
