"""The process that runs the agent: ``python -m vcr_tui.resume_worker``, started by the debugger.

Apart from the debugger's own process it sees the agent's code as it is now, and what the agent prints or breaks stays
off the screen.  It reads a `ResumePlan` as JSON from its input and writes `Event`s, one JSON object a line; what the
agent prints goes to a file.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.errors import VcrError
from vcr_tui.errors import TuiError
from vcr_tui.resume_plan import ResumePlan

_REPORT_EVERY = 0.05


class Event(msgspec.Struct, omit_defaults=True):
    """How far a resume is, or how it ended.

    Attributes:
        session: Name of the new session, once it is known.
        steps: Steps so far.
        done: True at the end.
        served: Steps that came from the tape.
        live: Steps that ran.
        error: What went wrong, or what the agent raised.
        unused: Edits that the run never met.
    """

    session: str = ""
    steps: int = 0
    done: bool = False
    served: int = 0
    live: int = 0
    error: str = ""
    unused: list[str] = []


class AgentNotFoundError(TuiError):
    """The agent that is to be run cannot be imported.

    Attributes:
        agent: What was named.
    """

    def __init__(self, agent: str, reason: str) -> None:
        self.agent = agent
        super().__init__(
            f"the agent {agent!r} cannot be loaded: {reason}. Name it as module:function, importable from the "
            "directory where the debugger was started, or as path/to/file.py:function."
        )


def load_agent(agent: str) -> Any:
    """Return the callable that ``module:function`` or ``file.py:function`` names.

    Raises:
        AgentNotFoundError: If there is none, or importing it fails.
    """
    module_name, colon, attributes = agent.rpartition(":")
    if not colon or not module_name or not attributes:
        raise AgentNotFoundError(agent, "a colon between module and function is missing")
    try:
        found = _import(module_name)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
    except AgentNotFoundError:
        raise
    except (Exception, SystemExit) as error:  # the user's module may raise anything
        raise AgentNotFoundError(agent, f"{type(error).__name__}: {error}") from error
    return found


def _import(module_name: str) -> Any:
    if not module_name.endswith(".py"):
        return importlib.import_module(module_name)
    path = Path(module_name).resolve()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise AgentNotFoundError(module_name, "there is no such file")
    sys.path.insert(0, str(path.parent))
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Reporter:
    """Writes events to the debugger, not too many."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._told = 0.0

    def progress(self, session: str, steps: int, _frames: int) -> None:
        """Tell how far it is; called by the engine after each step."""
        now = time.monotonic()
        if steps <= 1 or now - self._told >= _REPORT_EVERY:
            self._told = now
            self.send(Event(session, steps))

    def send(self, event: Event) -> None:
        """Write one event; a debugger that went away is no reason to stop the agent's run."""
        try:
            os.write(self._descriptor, msgspec.json.encode(event) + b"\n")
        except OSError:
            return


def run_plan(plan: ResumePlan, reporter: Reporter) -> Event:
    """Run the agent as planned and return how it ended.

    Raises:
        VcrError: If it could not begin.
    """
    from vcr_core.engine.plan import ResumeConfig  # noqa: PLC0415
    from vcr_core.engine.resume import run_again  # noqa: PLC0415  # looking at a run needs no engine
    from vcr_core.player import VCRPlayer  # noqa: PLC0415

    agent = load_agent(plan.agent)
    player = VCRPlayer.load(plan.path)
    outputs: dict[int | str, Any] = {index: player.decode(value) for index, value in plan.outputs.items()}
    config = ResumeConfig(
        from_frame=plan.from_frame,
        state_overrides=plan.overrides,
        output_overrides=outputs,
        new_session_id=plan.session_id,
    )
    result = run_again(player, agent, config, progress=reporter.progress)
    return Event(
        result.session_id or "",
        result.live_steps + result.served_steps,
        True,
        result.served_steps,
        result.live_steps,
        "" if result.error is None else f"{type(result.error).__name__}: {result.error}",
        result.unused,
    )


def main() -> int:
    """Run one plan; the exit code says only whether it could begin."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=ResumePlan)
    reporter = Reporter(os.dup(1))
    os.dup2(2, 1)  # what the agent prints goes where the debugger sent the errors: a file
    sys.path.insert(0, str(Path.cwd()))
    try:
        reporter.send(run_plan(plan, reporter))
    except VcrError as error:
        reporter.send(Event(done=True, error=str(error)))
        return 1
    except Exception as error:
        import traceback  # noqa: PLC0415  # only when something broke

        traceback.print_exc()
        reporter.send(Event(done=True, error=f"{type(error).__name__}: {error}"))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
