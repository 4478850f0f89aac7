"""Running a recorded run again: resume, replay, many forks at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from vcr_core.engine.agents import AgentKind, kind_of_agent
from vcr_core.engine.divergence import DivergenceError
from vcr_core.engine.entry import is_async
from vcr_core.engine.interceptors import prepare_interceptors
from vcr_core.engine.plan import ResumeConfig, ResumeMode
from vcr_core.engine.propagation import install, tasks_spawn_scopes
from vcr_core.engine.run import Run
from vcr_core.engine.tape import RunLine, Tape
from vcr_core.errors import UsageError
from vcr_core.frames import FrameRow
from vcr_core.json_patch import apply
from vcr_core.lazy_sequence import check_index
from vcr_core.player import VCRPlayer
from vcr_core.recorder import VCRRecorder
from vcr_core.values import Allowed, Tagged

if TYPE_CHECKING:
    from pathlib import Path

Progress = Callable[[str, int, int], None]
"""Called with the new session's id, the steps so far and the frames of the parent."""


MakeRun = Callable[..., Run]
"""Called as `Run` is: with the recorder, and ``tape``, ``config`` and ``root`` by name."""


class UnusedWarning(UserWarning):
    """A mock or an edit was asked for and never met."""


class Resumption(msgspec.Struct):
    """What came of running a recording again.

    Attributes:
        session_id: The new session, or None if nothing was recorded.
        result: What the agent returned.
        live_steps: Steps that ran live.
        served_steps: Steps that were served from the tape, mocked or skipped.
        unused: Mocks and edits that were never met, in words.
        error: What the agent raised, or None.
    """

    session_id: str | None
    result: Any
    live_steps: int
    served_steps: int
    unused: list[str]
    error: BaseException | None = None


def find_cut(player: VCRPlayer, config: ResumeConfig) -> int:
    """Return the index of the frame before which a resumed run goes live.

    Raises:
        FrameIndexError: If there is no such frame.
        CheckpointNotFoundError: If no checkpoint, and no step, has that name.
    """
    at = config.from_frame
    if config.mode is not ResumeMode.FORK:
        return len(player)
    if at is None:
        return _end_of(player)
    if isinstance(at, str):
        keys = {row.key: row.index for row in player.rows if row.key is not None}
        return keys[at] if at in keys else player.find_checkpoint(at) + 1
    return at if at == len(player) else check_index(player.path, at, len(player))


def _end_of(player: VCRPlayer) -> int:
    """The end of the tape; of a failed run, the step it failed in, or else the first of the frames it ended in."""
    end, cut = player.end, len(player)
    if end is not None and end.failed_at is not None:
        return min(end.failed_at, cut)
    while cut and player.rows[cut - 1].status in ("error", "cancelled"):
        cut -= 1
    return cut


class Resumer:
    """One recording about to be run again with one configuration."""

    def __init__(
        self,
        player: VCRPlayer,
        agent: Any,
        config: ResumeConfig,
        *,
        record: bool = True,
        output_dir: Path | None = None,
        make_run: MakeRun = Run,
    ) -> None:
        self.kind: AgentKind = kind_of_agent(agent)
        self.agent = agent
        self.config = config
        cut = find_cut(player, config)
        self._player = VCRPlayer.load(player.path, allow=Allowed(config.allow, loaded=True))
        self.tape = Tape(self._player, cut=cut, all_runs=getattr(self.kind, "calls_all_runs", False))
        self._record = record
        self._make_run = make_run
        self._output_dir = output_dir or player.path.parent

    @property
    def calls_recorded_agent(self) -> bool:
        """True if the agent is called with the recorded input, False if with the state before the cut."""
        recorded, config = self.tape.run, self.config
        from_tape = config.mode is not ResumeMode.FORK
        if (config.call == "agent" or from_tape) and recorded is None:
            raise UsageError(
                f"{self._player.path} was recorded by hand: there is no recorded input to call the agent with"
            )
        if recorded is None or config.call == "state":
            return False
        return from_tape or config.call == "agent" or _same_agent(recorded.agent, self.kind.name(self.agent))

    def given(self) -> dict[str, Any]:
        """Return the arguments that the agent is called with, restored."""
        if self.calls_recorded_agent:
            assert self.tape.run is not None
            given: dict[str, Any] = self._player.decode(self._player.expand(self.tape.run.input))
        else:
            given = {"args": [self._state_before_cut()], "kwargs": {}}
        self._refuse_tagged(given)
        return given

    def _refuse_tagged(self, given: Any) -> None:
        """Refuse to call an agent with what stands for an object: it could only fail on it, or pass it over."""
        stack: list[Any] = [given]
        while stack:
            value = stack.pop()
            if isinstance(value, Tagged) and value.kind != "opaque":
                raise UsageError(
                    f"{self._player.path}: the agent is to be called with a {value.type_name}, which cannot be "
                    f"restored here. Import its module, or pass allow=[{value.type_name!r}]"
                )
            if isinstance(value, (dict, list, tuple)):
                items = cast("Any", value)
                stack.extend(items.values() if isinstance(value, dict) else items)

    def _state_before_cut(self) -> Any:
        cut, player = self.tape.cut, self._player
        if not len(player):
            return {}
        state = player.wire_state(cut, "input") if cut < len(player) else player.wire_state(cut - 1)
        overrides = self.config.state_overrides
        if isinstance(overrides, dict):
            changes = cast("dict[str, Any]", overrides)
            restored: Any = player.decode(state)
            return {**cast("dict[str, Any]", restored), **changes} if isinstance(restored, dict) else restored
        return player.decode(apply(state, overrides))

    def recorder(self) -> VCRRecorder | None:
        """Return the recorder of the new session, started."""
        if not self._record:
            return None
        self.given()  # what cannot be called leaves no session behind
        recorder = VCRRecorder(self._output_dir)
        recorder.start_session(
            self.config.new_session_id,
            parent_session_id=self._player.name,
            forked_from_frame=self.tape.cut,
            tags=self.config.tags,
            metadata={"mode": self.config.mode.value},
            agent=self.kind.name(self.agent),
        )
        return recorder

    def begin(self, recorder: VCRRecorder | None) -> Run:
        """Return the run that serves this tape, and write down what was asked for."""
        install()
        prepare_interceptors(self.tape.rows)
        whole = self.calls_recorded_agent
        tape = self.tape if whole else Tape(self._player, cut=0)
        config = self.config if whole else msgspec.structs.replace(self.config, state_overrides={})
        root = tape.run.root if tape.run is not None else "0"
        run = self._make_run(recorder, tape=tape if whole else None, config=config, root=root)
        if recorder is not None:
            if not whole:
                recorder.share_frames(self._player.name, self.tape.cut)
            recorder.next_run()
            line = RunLine(root, self.kind.name(self.agent), self.given(), kind=self.config.mode.value)
            recorder.writer.write_line("run", line)
            if self.config.state_overrides or self.config.output_overrides:
                edit = {"frame": self.tape.cut, "state": self.config.state_overrides}
                outputs = [[key, value] for key, value in self.config.output_overrides.items()]
                recorder.writer.write_line("edit", {**edit, "outputs": outputs})
        return run

    def end(self, run: Run, result: Any, error: BaseException | None) -> Resumption:
        """Close the run and its session, and tell what came of it."""
        divergence: BaseException | None = None
        try:
            if error is None:
                run.finish()
            else:
                run.close()
                divergence = run.error
        except DivergenceError as found:
            divergence = found
        recorder, failure = run.recorder, divergence or error
        unused = [] if failure is not None else run.unused()
        if recorder is not None:
            self._end_session(run, recorder, result, failure)
        for text in unused:
            warnings.warn(text, UnusedWarning, stacklevel=4)
        session_id = recorder.session_id if recorder is not None else None
        if recorder is not None:
            recorder.close()
        return Resumption(session_id, result, run.live_steps, run.served_steps, unused, failure)

    def _end_session(self, run: Run, recorder: VCRRecorder, result: Any, failure: BaseException | None) -> None:
        if failure is None:
            recorder.writer.write_line("result", {"root": run.scope.path(None), "output": result})
            if not self.calls_recorded_agent and not run.live_steps:
                given = self.given()["args"][0]
                row = FrameRow(-1, self.kind.name(self.agent).rpartition(":")[2], "node", call="state")
                recorder.record_frame(row, given, result)
        elif not run.knows(failure):
            row = FrameRow(-1, self.kind.name(self.agent).rpartition(":")[2], "error", "error")
            recorder.record_frame(row, None, failure, style="call", error=failure)
        if failure is None:
            recorder.finish_run("ok")
        else:
            recorder.finish_run("error", run.origin_of(failure))


def _same_agent(recorded: str, now: str) -> bool:
    """Compare agents by qualified name and the last part of the module, which may have been run as a script."""
    (module_a, _, name_a), (module_b, _, name_b) = recorded.partition(":"), now.partition(":")
    return name_a == name_b and module_a.rpartition(".")[2] == module_b.rpartition(".")[2]


@contextmanager
def _reporting(run: Run, session_id: str | None, total: int, progress: Progress | None) -> Generator[None]:
    if progress is not None:
        run.on_step = lambda _key: progress(session_id or "", run.live_steps + run.served_steps, total)
    with run.entered():
        yield


def run_again(
    player: VCRPlayer,
    agent: Any,
    config: ResumeConfig | None = None,
    *,
    record: bool = True,
    output_dir: Path | None = None,
    progress: Progress | None = None,
    make_run: MakeRun = Run,
) -> Resumption:
    """Run a recording again and return what came of it; what the agent raises is in the result, not raised.

    Args:
        player: The recording.
        agent: What to call; a coroutine function is run in an event loop of its own.
        config: Where to cut and what to change; without one the run goes on where it ended or failed.
        record: Write a new session; False only serves.
        output_dir: Where the new session goes; beside the recording by default.
        progress: Called after each step.
        make_run: Makes the `Run`; a subclass of it may decide by another policy.
    """
    resumer = Resumer(player, agent, config or ResumeConfig(), record=record, output_dir=output_dir, make_run=make_run)
    if is_async(agent):
        return asyncio.run(_run_again_async(resumer, progress))
    recorder = resumer.recorder()
    run = resumer.begin(recorder)
    result: Any = None
    error: BaseException | None = None
    with _reporting(run, recorder.session_id if recorder else None, len(resumer.tape.rows), progress):
        try:
            result = resumer.kind.call(agent, resumer.given(), run)
        except Exception as raised:  # noqa: BLE001  # the agent's own error is part of the result
            error = raised
        except BaseException as raised:
            resumer.end(run, None, raised)
            raise
    return resumer.end(run, result, error)


async def arun_again(
    player: VCRPlayer,
    agent: Any,
    config: ResumeConfig | None = None,
    *,
    record: bool = True,
    output_dir: Path | None = None,
    progress: Progress | None = None,
    make_run: MakeRun = Run,
) -> Resumption:
    """As `run_again`, in the running event loop."""
    resumer = Resumer(player, agent, config or ResumeConfig(), record=record, output_dir=output_dir, make_run=make_run)
    return await _run_again_async(resumer, progress)


async def _run_again_async(resumer: Resumer, progress: Progress | None) -> Resumption:
    recorder = resumer.recorder()
    run = resumer.begin(recorder)
    result: Any = None
    error: BaseException | None = None
    session_id = recorder.session_id if recorder else None
    with (
        _reporting(run, session_id, len(resumer.tape.rows), progress),
        tasks_spawn_scopes(asyncio.get_running_loop()),
    ):
        try:
            result = await resumer.kind.acall(resumer.agent, resumer.given(), run)
        except Exception as raised:  # noqa: BLE001  # the agent's own error is part of the result
            error = raised
        except BaseException as raised:
            resumer.end(run, None, raised)
            raise
    return resumer.end(run, result, error)


def raise_failure(resumption: Resumption) -> str:
    """Return the new session's id; raise what the agent raised, or how it diverged."""
    if resumption.error is not None:
        raise resumption.error
    assert resumption.session_id is not None
    return resumption.session_id


def resume_many(
    agent: Any,
    configs: Sequence[ResumeConfig],
    *,
    player: VCRPlayer,
    workers: int = 4,
    progress: Progress | None = None,
) -> list[Resumption]:
    """Run several forks of one recording at once, each in a thread (an asynchronous agent in a loop) of its own.

    Args:
        agent: What to call; it must be safe to run in several threads.
        configs: One configuration for each fork.
        player: The recording.
        workers: How many run at the same time.
        progress: Called after each step of any of them.

    Returns:
        What came of each, in the order of `configs`; an error of one does not stop the others.
    """

    def one(config: ResumeConfig) -> Resumption:
        try:
            return run_again(player, agent, config, progress=progress)
        except Exception as error:  # noqa: BLE001  # one fork that cannot begin must not stop the others
            return Resumption(None, None, 0, 0, [], error)

    with concurrent.futures.ThreadPoolExecutor(max(1, workers), thread_name_prefix="vcr-fork") as pool:
        return list(pool.map(one, configs))
