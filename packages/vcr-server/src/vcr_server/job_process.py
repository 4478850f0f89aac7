"""Runs one job in a process of its own: ``python -m vcr_server.job_process``, the order as JSON on standard input.

A process can be stopped whatever the agent does, and its end never takes the server along. What the agent prints goes
to standard error; standard output carries `Outcome`s only, one a line: the name of the new session as soon as it is
known, and at the end how it went.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.errors import VcrError
from vcr_core.player import VCRPlayer
from vcr_core.store import Store
from vcr_server.agents import load_agent


class Order(msgspec.Struct):
    """What to run.

    Attributes:
        directory: Where the recordings lie.
        session: The session to go on from, as its file is named: ``my_run`` is the first take of that name.
        agent: ``module:function``.
        config: Arguments of `vcr_core.ResumeConfig`.
    """

    directory: str
    session: str
    agent: str
    config: dict[str, Any]


class Outcome(msgspec.Struct, omit_defaults=True):
    """How it went.

    Attributes:
        session: Name of the new session, if it was begun; a name that was taken became another take of it.
        error: What went wrong.
        error_type: Its class.
        ended: True at the end.
    """

    session: str | None = None
    error: str | None = None
    error_type: str | None = None
    ended: bool = False


def run_order(order: Order, tell: Callable[[Outcome], None] = lambda _: None) -> Outcome:
    """Run a job to its end; every error becomes part of the outcome.

    Args:
        order: What to run.
        tell: Called once with the new session, after its first step.
    """
    from vcr_core import ResumeConfig  # noqa: PLC0415  # the engine is needed in this process only
    from vcr_core.engine.resume import arun_again, run_again  # noqa: PLC0415

    told: set[str] = set()

    def progress(session: str, _steps: int, _frames: int) -> None:
        if session not in told:
            told.add(session)
            tell(Outcome(session))

    try:
        agent = load_agent(order.agent)
        player = VCRPlayer.load(Store(order.directory).exact(order.session))
        outputs: dict[str, Any] = order.config.pop("output_overrides", {})
        by_index = {int(key) if key.isdigit() else key: player.decode(value) for key, value in outputs.items()}
        config = ResumeConfig(**order.config, output_overrides=by_index)
        if inspect.iscoroutinefunction(agent) or hasattr(agent, "ainvoke"):
            ended = asyncio.run(arun_again(player, agent, config, progress=progress))
        else:
            ended = run_again(player, agent, config, progress=progress)
    except Exception as error:  # noqa: BLE001  # an agent's module may raise anything, and the person must be told
        return _failure(None, error)
    return Outcome(ended.session_id, ended=True) if ended.error is None else _failure(ended.session_id, ended.error)


def _failure(session: str | None, error: BaseException) -> Outcome:
    kind = type(error).__name__
    return Outcome(session, str(error) if isinstance(error, VcrError) else f"{kind}: {error}", kind, True)


def main() -> int:
    """Read an order, run it, write the outcome."""
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)

    def tell(outcome: Outcome) -> None:
        os.write(answer, msgspec.json.encode(outcome) + b"\n")

    outcome = run_order(order, tell)
    sys.stdout.flush()
    tell(outcome)
    return 0 if outcome.error is None else 1


if __name__ == "__main__":
    sys.exit(main())
