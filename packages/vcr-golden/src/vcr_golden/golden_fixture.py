"""What a golden test holds in its hand: it runs the agent in the mode that was asked for, and judges the run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vcr_golden.assertions import GoldenAssertionError, GoldenCheck, InconclusiveError
from vcr_golden.budgets import parse_budgets
from vcr_golden.cache import GoldenRunCache
from vcr_golden.drift import Drift, Normaliser
from vcr_golden.effects import Effect
from vcr_golden.gate import Gate, GateResult, Rules
from vcr_golden.running import GoldenRun, run_live
from vcr_golden.trace import read_trace
from vcr_golden.wilson import Rate

MODES = ("replay", "record", "hybrid", "live")


@dataclasses.dataclass(frozen=True)
class GoldenOptions:
    """How golden tests run.

    Attributes:
        mode: One of `MODES`.
        directory: Where golden runs lie.
    """

    mode: str = "replay"
    directory: Path = Path(".vcr/golden")


class Golden:
    """The golden run of one task.

    Args:
        task: The task.
        options: How tests run.
        trial: Which sample.
        ignore: Names or kinds of steps whose inputs and outputs are not compared.
        normalise: Applied to both final outputs before they are compared.
        runs: How many live trials are made.
        at_least: The success rate that they have to show.
        effects: What steps do to the world, by name.
        **limits: Budgets: cost, tokens, steps, latency.
    """

    def __init__(  # noqa: PLR0913  # the words of the marker
        self,
        task: str,
        options: GoldenOptions,
        *,
        trial: int = 0,
        ignore: Sequence[str] = (),
        normalise: Normaliser | None = None,
        runs: int = 1,
        at_least: float = 0.8,
        effects: Mapping[str, Effect] | None = None,
        **limits: Any,
    ) -> None:
        self.task = task
        self.mode = options.mode
        self.cache = GoldenRunCache(options.directory, effects=effects)
        self.rate: Rate | None = None
        self._trial = trial
        self._runs = runs
        self._at_least = at_least
        self._rules = Rules(tuple(ignore), normalise, tuple(parse_budgets(limits)))

    def run(self, agent: Any, *args: Any, check: bool = True, **kwargs: Any) -> GoldenCheck:
        """Run the agent in the mode of the tests, and return the run to be asserted about.

        Args:
            agent: The agent.
            *args: Its input; the recorded one if none is given (not when recording).
            check: Fail if the run differs from the golden one; False leaves that to the test's own assertions.
            **kwargs: More of its input.

        Raises:
            GoldenAssertionError: If it differs.
            InconclusiveError: If that cannot be told.
        """
        __tracebackhide__ = True  # pytest then shows the line of the test, not ours
        if self.mode == "record":
            return self._record(agent, args, kwargs)
        if self.mode == "live" and self._runs > 1:
            return self._trials(agent, args, kwargs)
        gate = Gate(self.cache, self._rules)
        mode: Any = self.mode
        result, run = gate.check_agent(self.task, agent, args, kwargs, mode=mode, trial=self._trial)
        found = GoldenCheck(result, run.result, run.error)
        if check:
            self._judge(result)
        return found

    def _judge(self, result: GateResult) -> None:
        __tracebackhide__ = True
        if result.drifts:
            raise GoldenAssertionError(result.drifts, task=self.task, hint=_hint(result))
        if result.verdict == "untestable":
            raise InconclusiveError(result.reasons())

    def _record(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GoldenCheck:
        run = run_live(agent, args, kwargs, output_dir=self.cache.directory / "runs")
        if run.error is not None:
            raise run.error
        assert run.recording is not None
        self.cache.save_golden_run(self.task, run.source or run.recording, agent=agent, trial=self._trial)
        trace = read_trace(run.recording)
        result = GateResult(self.task, self._trial, ledger=run.ledger, golden=trace, now=trace)
        return GoldenCheck(result, run.result, None)

    def _trials(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GoldenCheck:
        """Run it several times; pass if the success rate is high enough for certain."""
        gate = Gate(self.cache, self._rules)
        checks: list[tuple[GateResult, GoldenRun]] = [
            gate.check_agent(self.task, agent, args, kwargs, mode="live", trial=self._trial) for _ in range(self._runs)
        ]
        self.rate = Rate(sum(result.verdict == "same" for result, _ in checks), self._runs)
        enough = self.rate.at_least(self._at_least)
        text = f"{self.rate} succeeded, wanted at least {self._at_least:.0%}"
        if enough is False:
            raise GoldenAssertionError([Drift("rate", "trials", text)], task=self.task)
        if enough is None:
            raise InconclusiveError([f"{text}; more runs would tell"])
        result, run = next((entry for entry in checks if entry[0].verdict == "same"), checks[-1])
        return GoldenCheck(result, run.result, run.error)


def _hint(result: GateResult) -> str:
    if result.pending is not None:
        return f"If this is meant: vcr golden accept {result.task!r} (it takes {result.pending})"
    return "If this is meant: run the tests with --vcr=record"
