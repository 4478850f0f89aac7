"""Running the agent of a golden run again: served, partly served, live, or from a step on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import dataclasses
import functools
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Literal

from vcr_core import DivergenceError, FrameRow, ResumeConfig, ResumeMode, Resumption, UsageError, VCRPlayer, VCRRecorder
from vcr_core.engine import run_again
from vcr_core.engine.entry import is_async
from vcr_golden.agent_call import input_difference, refuse_new_input, with_input
from vcr_golden.effects import Effects
from vcr_golden.golden_store import GoldenFiles
from vcr_golden.hybrid_run import HybridRun, Policy
from vcr_golden.ledger import CostLedger, Usage
from vcr_golden.observed_run import ObservedRun, ReplayRun
from vcr_golden.run_lines import RunLines, read_run_lines

_PATIENCE = 2.0
Mode = Literal["replay", "hybrid", "live", "branch"]


@dataclasses.dataclass
class GoldenRun:
    """What came of running a golden run again.

    Attributes:
        result: What the agent returned.
        error: What it raised, or how it diverged; None if neither.
        ledger: What was served and spent.
        recording: The new recording; None if nothing was recorded.
        reasons: Why each step ran live (hybrid), by key.
        caught_up: Served writes that were done after all (hybrid).
        source: The closed recorder of it; it knows the functions of its steps.
    """

    result: Any
    error: BaseException | None
    ledger: CostLedger
    recording: Path | None = None
    reasons: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    caught_up: list[str] = dataclasses.field(default_factory=list[str])
    source: VCRRecorder | None = None


class Runner:
    """One golden run about to be run again.

    Args:
        files: The golden run.
        effects: What its steps do to the world.
        output_dir: Where new recordings go; hybrid and branched ones lie beside the golden run they refer to.
    """

    def __init__(self, files: GoldenFiles, effects: Effects, *, output_dir: Path) -> None:
        self._files = files
        self._effects = effects
        self._output_dir = output_dir
        self.player = VCRPlayer.load(files.recording)
        self.lines: RunLines = read_run_lines(self.player)

    def close(self) -> None:
        """Give the file back."""
        self.player.close()

    def replay(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GoldenRun:
        """Serve every step; another input is a divergence."""
        found, observed = self.observe(agent, args, kwargs)
        if found.error is None and observed is not None:
            try:
                observed.check_all()
            except DivergenceError as error:
                return GoldenRun(found.result, error, CostLedger())
        return found

    def observe(
        self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[GoldenRun, ObservedRun | None]:
        """As `replay`, but a change of order does not end it; also return what was seen.

        The second is None if the input is another one, so that nothing ran.
        """
        try:
            if args or kwargs:
                refuse_new_input(self.lines, args, kwargs)
        except DivergenceError as error:
            return GoldenRun(None, error, CostLedger()), None
        runs: list[ObservedRun] = []

        def make_run(recorder: VCRRecorder | None, **options: Any) -> ObservedRun:
            runs.append(ObservedRun(recorder, **options))
            return runs[-1]

        config = ResumeConfig(mode=ResumeMode.REPLAY, call="agent", patience=_PATIENCE)
        outcome = _outside_of_loops(
            functools.partial(run_again, self.player, agent, config, record=False, make_run=make_run), agent
        )
        tape = runs[0].tape
        assert tape is not None
        asked = runs[0].asked
        rows = [
            tape.rows[index] for index in (*asked, *(i for a in asked for i in tape.subtree(tape.rows[a].key or "")))
        ]
        return GoldenRun(outcome.result, outcome.error, CostLedger(served=Usage.of(rows))), runs[0]

    def hybrid(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any], policy: Policy | None) -> GoldenRun:
        """Serve the steps that are what they were, run the others."""
        runs: list[HybridRun] = []

        def make_run(recorder: VCRRecorder | None, **options: Any) -> HybridRun:
            run = HybridRun(recorder, manifest=self._files.manifest, effects=self._effects, policy=policy, **options)
            runs.append(run)
            return run

        config = ResumeConfig(mode=ResumeMode.REPLAY, call="agent", tags=["hybrid"])
        found = self._run(self._given(agent, args, kwargs), config, make_run)
        found.reasons, found.caught_up = runs[0].reasons, runs[0].caught_up
        return found

    def branch(
        self,
        agent: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        from_frame: int | str | None,
        state_overrides: Mapping[str, Any] | None,
    ) -> GoldenRun:
        """Serve the steps before a cut, run everything from it on."""
        if args or kwargs:
            refuse_new_input(self.lines, args, kwargs)
        config = ResumeConfig(
            mode=ResumeMode.FORK, call="agent", from_frame=from_frame, state_overrides=dict(state_overrides or {})
        )
        return self._run(agent, config, ReplayRun)

    def live(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GoldenRun:
        """Run everything, and record it."""
        if not args and not kwargs and self.lines.input is not None:
            given = self.player.decode(self.lines.input)
            args, kwargs = tuple(given["args"]), given["kwargs"]
        return run_live(agent, args, kwargs, output_dir=self._output_dir)

    def _given(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (args or kwargs) and input_difference(self.lines, args, kwargs) is not None:
            return with_input(agent, args, kwargs)
        return agent

    def _run(self, agent: Any, config: ResumeConfig, make_run: Callable[..., ReplayRun]) -> GoldenRun:
        directory = self._files.recording.parent
        recorders: list[VCRRecorder | None] = []

        def make(recorder: VCRRecorder | None, **options: Any) -> ReplayRun:
            recorders.append(recorder)
            return make_run(recorder, **options)

        outcome = _outside_of_loops(
            functools.partial(run_again, self.player, agent, config, output_dir=directory, make_run=make), agent
        )
        assert outcome.session_id is not None
        path = directory / f"{outcome.session_id}.vcr"
        return GoldenRun(outcome.result, outcome.error, ledger_of(path), path, source=recorders[0])


def _outside_of_loops(start: Callable[[], Resumption], agent: Any) -> Resumption:
    """Run it here; in a thread of its own if it needs an event loop and one is running here (a test, a notebook)."""
    if not is_async(agent) or not _in_loop():
        return start()
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="vcr-golden") as pool:
        return pool.submit(contextvars.copy_context().run, start).result()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_async(start: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    if not _in_loop():
        return asyncio.run(start())
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="vcr-golden") as pool:
        return pool.submit(contextvars.copy_context().run, lambda: asyncio.run(start())).result()


def run_live(agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, output_dir: Path) -> GoldenRun:
    """Run an agent and record it; what it raises is in the result."""
    recorder = VCRRecorder(output_dir)
    recorder.start_session(tags=["golden-live"])
    result: Any = None
    failure: BaseException | None = None
    try:
        if is_async(agent):
            result = _run_async(lambda: recorder.arun(agent, *args, **kwargs))
        else:
            result = recorder.run(agent, *args, **kwargs)
    except Exception as error:  # noqa: BLE001  # the agent's own error is part of the result
        failure = error
    path = recorder.path
    if path is None:
        raise UsageError("nothing was recorded") from failure
    recorder.close()
    return GoldenRun(result, failure, ledger_of(path), path, source=recorder)


def ledger_of(path: Path) -> CostLedger:
    """Return the ledger of a recording: what came from a tape was served, the rest was spent."""
    player = VCRPlayer.load(path)
    try:
        served: list[FrameRow] = []
        live: list[FrameRow] = []
        for row in player.rows:
            (served if row.origin == "tape" else live).append(row)
    finally:
        player.close()
    return CostLedger(Usage.of(served), Usage.of(live))
