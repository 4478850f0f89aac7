"""Runs one job in a process of its own: ``python -m vcr_server.job_process``, the order as JSON on standard input.

A process can be stopped whatever the agent does, and its end never takes the server along. What the agent prints goes
to standard error; standard output carries the result only.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.errors import VcrError
from vcr_core.player import VCRPlayer
from vcr_server.agents import load_agent


class Order(msgspec.Struct):
    """What to run.

    Attributes:
        directory: Where the recordings lie.
        session: The session to go on from.
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
        session: The new session, if it was begun.
        error: What went wrong.
        error_type: Its class.
    """

    session: str | None = None
    error: str | None = None
    error_type: str | None = None


def run_order(order: Order) -> Outcome:
    """Run a job to its end; every error becomes part of the outcome."""
    from vcr_core import ResumeConfig  # noqa: PLC0415  # the engine is needed in this process only

    try:
        agent = load_agent(order.agent)
        player = VCRPlayer.load_by_id(order.session, order.directory)
        outputs: dict[str, Any] = order.config.pop("output_overrides", {})
        by_index = {int(key) if key.isdigit() else key: value for key, value in outputs.items()}
        config = ResumeConfig(**order.config, output_overrides=by_index)
        if inspect.iscoroutinefunction(agent) or hasattr(agent, "ainvoke"):
            return Outcome(asyncio.run(player.aresume(agent, config)))
        return Outcome(player.resume(agent, config))
    except KeyboardInterrupt:
        raise
    except VcrError as error:
        return Outcome(order.config.get("new_session_id"), str(error), type(error).__name__)
    except Exception as error:  # noqa: BLE001  # an agent may raise anything, and the person must be told
        return Outcome(order.config.get("new_session_id"), f"{type(error).__name__}: {error}", type(error).__name__)


def main() -> int:
    """Read an order, run it, write the outcome."""
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    outcome = run_order(order)
    sys.stdout.flush()
    os.write(answer, msgspec.json.encode(outcome))
    return 0 if outcome.error is None else 1


if __name__ == "__main__":
    sys.exit(main())
