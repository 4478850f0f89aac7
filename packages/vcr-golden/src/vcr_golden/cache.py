"""The golden runs of a directory: save, replay, run again, explain, accept.  This is the front of the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vcr_core import UsageError, VCRPlayer, VCRRecorder
from vcr_core.engine.agents import kind_of_agent
from vcr_golden.effects import Effect, Effects
from vcr_golden.errors import GoldenError
from vcr_golden.golden_store import GoldenFiles, GoldenStore
from vcr_golden.hybrid_run import Policy
from vcr_golden.identity import check_identity
from vcr_golden.ledger import CostLedger, Usage
from vcr_golden.manifest import CodeFacts
from vcr_golden.near_miss import NearMiss, compare_identity
from vcr_golden.running import GoldenRun, Mode, Runner
from vcr_golden.saving import Saver


class NothingToAcceptError(GoldenError):
    """No changed run waits to be accepted.

    Attributes:
        task: The task.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(f"no changed run of {task!r} waits to be accepted; one is written when a golden test drifts")


class GoldenRunCache:
    """Successful runs, kept to be replayed.

    Args:
        cache_dir: Where they lie.
        effects: What steps do to the world, by step name, in place of decorators.
    """

    def __init__(self, cache_dir: str | Path = ".vcr/golden", *, effects: Mapping[str, Effect] | None = None) -> None:
        self.directory = Path(cache_dir)
        self.store = GoldenStore(self.directory)
        self.effects = Effects(effects)

    def save_golden_run(
        self,
        task: str,
        source: VCRRecorder | VCRPlayer | str | Path,
        *,
        identity: Mapping[str, Any] | None = None,
        agent: Any = None,
        trial: int = 0,
        tags: list[str] | None = None,
    ) -> str:
        """Keep a finished recording as the golden run of a task and trial, in place of the one there was.

        Args:
            task: What was asked for.
            source: The recorder that recorded it (it must be saved), a player, or the file.
            identity: Components that the recording cannot know, by name; see `vcr_golden.identity`.
            agent: The agent's function, if it is not at the top of a loaded module.
            trial: Which sample of the task.
            tags: Free words.

        Returns:
            The fingerprint: of all eight components and the trial.

        Raises:
            NotGoldenError: If the recording is empty, unfinished, failed or does not verify.
        """
        saver = Saver(self.store, self.effects)
        files = saver.save(task, source, identity=identity, agent=agent, trial=trial, tags=list(tags or []))
        return files.manifest.fingerprint

    def replay(self, task: str, *, trial: int = 0) -> tuple[list[Any], CostLedger]:
        """Return the stored outputs of a golden run, one for each step, and what they had cost.

        Nothing runs here; `run` runs the agent and notices a change.

        Raises:
            NoGoldenRunError: If there is none.
        """
        player = self.open(task, trial=trial)
        try:
            outputs = [player.goto_frame(row.index) for row in player.rows]
            return outputs, CostLedger(served=Usage.of(player.rows))
        finally:
            player.close()

    def run(
        self,
        task: str,
        agent: Any,
        *args: Any,
        mode: Mode = "replay",
        trial: int = 0,
        policy: Policy | None = None,
        from_frame: int | str | None = None,
        state_overrides: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, CostLedger]:
        """Run the agent of a golden run again, and return its result and the ledger.

        Args:
            task: The task.
            agent: The agent: the user's own, unchanged.
            *args: Its input; the recorded one if none is given.
            mode: ``replay`` serves every step and refuses a new input; ``hybrid`` serves what did not change and runs
                the rest; ``live`` serves nothing; ``branch`` is live from `from_frame` on.
            trial: Which sample of the task.
            policy: What hybrid does with irreversible steps that changed: ``run`` or ``serve``, by name or ``*``.
            from_frame: The cut of ``branch``.
            state_overrides: Changes to the state at that cut.
            **kwargs: More of the agent's input.

        Raises:
            NoGoldenRunError: If there is none.
            DivergenceError: If a replay asks for anything that was not recorded.
            IrreversibleStepError: If hybrid would have to repeat what cannot be undone.
            Exception: What the agent raises.
        """
        found = self.run_again(
            task,
            agent,
            args,
            kwargs,
            mode=mode,
            trial=trial,
            policy=policy,
            from_frame=from_frame,
            state_overrides=state_overrides,
        )
        if found.error is not None:
            raise found.error
        return found.result, found.ledger

    def run_again(  # noqa: PLR0913  # the options of four modes
        self,
        task: str,
        agent: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
        *,
        mode: Mode = "replay",
        trial: int = 0,
        policy: Policy | None = None,
        from_frame: int | str | None = None,
        state_overrides: Mapping[str, Any] | None = None,
    ) -> GoldenRun:
        """As `run`; what the agent raises, and the new recording, are in the result."""
        runner = self.runner(self.store.get(task, trial))
        kwargs = kwargs or {}
        try:
            if mode == "replay":
                return runner.replay(agent, args, kwargs)
            if mode == "hybrid":
                return runner.hybrid(agent, args, kwargs, policy)
            if mode == "live":
                return runner.live(agent, args, kwargs)
            if mode == "branch":
                return runner.branch(agent, args, kwargs, from_frame=from_frame, state_overrides=state_overrides)
        finally:
            runner.close()
        raise UsageError(f"there is no mode {mode!r}; there are replay, hybrid, live and branch")

    def runner(self, files: GoldenFiles) -> Runner:
        """Return what runs the agent of a golden run again; it is to be closed."""
        return Runner(files, self.effects, output_dir=self.directory / "runs")

    def explain(
        self,
        task: str,
        agent: Any = None,
        *args: Any,
        identity: Mapping[str, Any] | None = None,
        trial: int = 0,
        **kwargs: Any,
    ) -> NearMiss:
        """Compare what is asked for now with the golden run that is nearest to it.

        Args:
            task: The task; if there is no golden run of it, the nearest run of another task is shown.
            agent: Today's agent; name and code are compared.
            *args: Its input; without one the input is not compared.
            identity: Components by name; those that are not given are not compared.
            trial: Which sample of the task.
            **kwargs: More of the agent's input.

        Raises:
            NoGoldenRunError: If there is no golden run at all.
        """
        now = {**self._components_now(agent, args, kwargs), "task": task, **check_identity(identity)}
        candidates = self.store.of_task(task, trial)[:1] or self.store.all()
        if not candidates:
            self.store.get(task, trial)
        found = [self._compare(files, now, agent) for files in candidates]
        return min(found, key=lambda miss: len(miss.components))

    def _components_now(self, agent: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if agent is not None:
            found["agent"] = kind_of_agent(agent).name(agent)
        if args or kwargs:
            found["input"] = {"args": list(args), "kwargs": kwargs}
        return found

    def _compare(self, files: GoldenFiles, now: Mapping[str, Any], agent: Any) -> NearMiss:
        player = VCRPlayer.load(files.recording)
        try:
            return compare_identity(files, player, now, agent=agent)
        finally:
            player.close()

    def open(self, task: str, *, trial: int = 0) -> VCRPlayer:
        """Return the recording of a golden run, open.

        Raises:
            NoGoldenRunError: If there is none.
        """
        return VCRPlayer.load(self.store.get(task, trial).recording)

    def has(self, task: str, *, trial: int = 0) -> bool:
        """True if there is a golden run of a task."""
        return bool(self.store.of_task(task, trial))

    def invalidate(self, task: str, *, trial: int | None = None) -> bool:
        """Delete the golden runs of a task, of one trial or of all; return whether there were any."""
        found = self.store.of_task(task, trial)
        for files in found:
            self.store.remove(files)
        return bool(found)

    def list_runs(self) -> list[dict[str, Any]]:
        """Return what there is: one dict for each golden run, by task and trial."""
        return [describe(files) for files in self.store.all()]

    def accept(self, task: str, *, trial: int = 0, agent: Any = None) -> str:
        """Make the changed run that waits beside a golden one the golden run; return its fingerprint.

        Args:
            task: The task.
            trial: Which sample of the task.
            agent: The agent's function, where the run came from a recording alone: what code made it is known
                otherwise.

        Raises:
            NoGoldenRunError: If there is no golden run of the task.
            NothingToAcceptError: If none waits.
            NotGoldenError: If the changed run cannot be golden, for it failed.
        """
        files = self.store.get(task, trial)
        if not files.pending.exists():
            raise NothingToAcceptError(task)
        facts = None
        if files.pending_facts.exists():
            facts = CodeFacts.from_json(files.pending_facts.read_text(encoding="utf-8"), files.pending_facts)
        tags = files.manifest.tags
        saver = Saver(self.store, self.effects)
        accepted = saver.save(task, files.pending, identity=None, agent=agent, trial=trial, tags=tags, facts=facts)
        return accepted.manifest.fingerprint


def describe(files: GoldenFiles) -> dict[str, Any]:
    """Return what a list of golden runs shows of one, as JSON values."""
    manifest = files.manifest
    agent = manifest.components.get("agent")
    cost = manifest.totals["cost_usd"]
    return {
        "task": manifest.task,
        "trial": manifest.trial,
        "fingerprint": manifest.fingerprint,
        "session_id": manifest.session_id,
        "created_at": manifest.created_at,
        "agent": None if agent is None else agent.value,
        "frame_count": manifest.totals["steps"],
        "total_tokens": manifest.totals["tokens"],
        "total_cost_usd": None if cost is None else float(cost),
        "latency_ms": manifest.totals["latency_ms"],
        "tags": manifest.tags,
        "pending": files.pending.exists(),
        "file": str(files.recording),
    }
