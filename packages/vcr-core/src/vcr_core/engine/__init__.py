"""The step engine: one mechanism that records an agent's steps and serves them again.

The model.  An agent is ordinary code.  A *step* is a call whose result is recorded; the code between steps simply runs
again on replay, so closures and locals rebuild themselves.  A step is known by its *key*: the branch it is in, its name
and how often that name was used there (`scope`).  Its input is not part of the key; it is asserted, so that a changed
input is an error that says where it differs (`divergence`), never a quiet live call.  A tape (`tape`) serves the steps
before the *cut*; from there on they run live (`run`).  Where branches raced, the order in which their steps completed
is reproduced (`order`).

Integrations take part with `current_run` and `Run.begin`::

    run = current_run()
    step = run.begin(StepCall("search", "tool", {"query": query}))
    step.wait()  # or: await step.wait_async()
    if not isinstance(step, RunningStep):
        return step.result()  # served, mocked or skipped
    with step:
        output = really_search(query)
    return step.succeed(output, metadata={"cost_usd": 0.01})
"""

from __future__ import annotations

from vcr_core.engine.bisect import KEEP, BisectResult, bisect_run
from vcr_core.engine.determinism import NotDeterministicError, assert_deterministic
from vcr_core.engine.divergence import DivergenceError, InDoubtError, StepError
from vcr_core.engine.entry import agent_name, record_arun, record_run, run_of
from vcr_core.engine.plan import Mock, ResumeConfig, ResumeMode, StepCall
from vcr_core.engine.recorded_values import branch, patched, recorded_value, route_values, session
from vcr_core.engine.resume import Resumption, arun_again, resume_many, run_again
from vcr_core.engine.run import Run
from vcr_core.engine.running_step import RunningStep
from vcr_core.engine.scope import current_run
from vcr_core.engine.served_step import EndedStep
from vcr_core.engine.steps import llm, step, tool, vcr_record

__all__ = [
    "KEEP",
    "BisectResult",
    "DivergenceError",
    "EndedStep",
    "InDoubtError",
    "Mock",
    "NotDeterministicError",
    "ResumeConfig",
    "ResumeMode",
    "Resumption",
    "Run",
    "RunningStep",
    "StepCall",
    "StepError",
    "agent_name",
    "arun_again",
    "assert_deterministic",
    "bisect_run",
    "branch",
    "current_run",
    "llm",
    "patched",
    "record_arun",
    "record_run",
    "recorded_value",
    "resume_many",
    "route_values",
    "run_again",
    "run_of",
    "session",
    "step",
    "tool",
    "vcr_record",
]
