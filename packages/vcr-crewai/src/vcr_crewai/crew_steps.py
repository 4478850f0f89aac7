"""Crews, tasks and the attempts of agents: each is a step, and contains what it does.

A task that is served does to the crew what it did: its output is seeded, so that later tasks find their context.  Its
callbacks are part of it, and are not called again.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from crewai import CrewOutput, TaskOutput

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall, current_run
from vcr_core.engine.plan import names_step
from vcr_core.engine.served_step import ServedStep
from vcr_core.frames import FrameRow
from vcr_crewai.compat import position_of
from vcr_crewai.model_calls import inside, marked
from vcr_crewai.recorded_call import Recorded, arun_recorded, run_recorded
from vcr_crewai.run_opening import recorded_entry

CREW = "crew"


def _edited_fields(output: Any) -> dict[str, Any]:
    """Return the fields that an edited output changes: those it names, or, of anything else, the text."""
    return dict(output) if isinstance(output, dict) else {"raw": str(output)}  # pyright: ignore[reportUnknownArgumentType]


class CrewCall(Recorded):
    """One kickoff of a crew."""

    def __init__(self, crew: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._crew = crew
        self.args, self.kwargs = args, kwargs
        inputs = kwargs.get("inputs", args[0] if args else None)
        facts = {"what": "crew", "process": crew.process.value}
        super().__init__(StepCall(crew.name or CREW, "node", {"inputs": inputs}, metadata=facts))

    def begin(self, run: Run) -> EndedStep:
        """Ask the run; where it would serve the kickoff but a task inside has an edit, the crew puts it together anew.

        Its tasks are all served then, and nothing is called.
        """
        step = run.begin(self.call)
        if isinstance(step, ServedStep) and _edits_inside(run, self.call.key or ""):
            step.abandon()
            return RunningStep(run, step.scope, self.call, index=step.index, edited=True)
        return step

    def edit(self) -> None:
        """Kick off with the inputs of the step: they are edited at a cut."""
        self.args = self.args[1:]
        self.kwargs = {**self.kwargs, "inputs": self.call.input["inputs"]}
        if self.args:
            self.args = (self.kwargs.pop("inputs"), *self.args)

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Leave the crew as the kickoff left it; an edit may be the text alone, or the fields that change."""
        if not isinstance(output, CrewOutput) and step.run.tape is not None and step.index is not None:
            output = step.run.tape.player.state(step.index).model_copy(update=_edited_fields(output))
        if isinstance(output, CrewOutput):
            for task, of_task in zip(self._crew.tasks, output.tasks_output, strict=False):
                task.output = of_task
            self._crew.usage_metrics = self._crew.token_usage = output.token_usage
        return output


def _edits_inside(run: Run, key: str) -> bool:
    """True if the output of a task that ran inside of the step `key` is to be another one."""
    tape, names = run.tape, list(run.config.output_overrides)
    if tape is None or not names:
        return False
    inside_of = (tape.rows[index] for index in tape.subtree(key))
    return any(
        row.index in names or names_step([n for n in names if isinstance(n, str)], _call_of(row))
        for row in inside_of
        if row.parent == key
    )


def _call_of(row: FrameRow) -> StepCall:
    return StepCall(row.node_name, row.kind, key=row.key, label=row.label)


class TaskCall(Recorded):
    """One execution of a task."""

    def __init__(self, task: Any, agent: Any, context: str | None) -> None:
        self._task, self._agent = task, agent or task.agent
        self.context = context
        place, shared = position_of(task, self._agent)
        name = task.name or (f"task {place + 1}" if place is not None else "task")
        if shared and task.name:
            name = f"{task.name} {(place or 0) + 1}"
        given = {
            "description": task.description,
            "expected_output": task.expected_output,
            "agent": getattr(self._agent, "role", None),
            "context": context,
        }
        super().__init__(StepCall(name, "node", given, metadata={"what": "task", "task": place}))

    def edit(self) -> None:
        """Run with the description and context of the step: they are edited at a cut."""
        given = self.call.input
        self.context = given["context"]
        if given["description"] != self._task.description:
            self._task.description = given["description"]
        if given["expected_output"] != self._task.expected_output:
            self._task.expected_output = given["expected_output"]

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Seed the task's output; an edit may be the text alone, or the fields that change."""
        task, agent = self._task, self._agent
        made = output if isinstance(output, TaskOutput) else self._edited(output)
        if agent is not None:
            task.agent = agent
            task.processed_by_agents.add(agent.role)
        task.prompt_context = self.context
        task.output = made
        return made

    def _edited(self, output: Any) -> TaskOutput:
        task = self._task
        facts: dict[str, Any] = {
            "name": task.name or task.description,
            "description": task.description,
            "expected_output": task.expected_output,
            "agent": getattr(self._agent, "role", ""),
        }
        return TaskOutput.model_validate({**facts, **_edited_fields(output)})


class AttemptCall(Recorded):
    """One attempt of an agent at a task."""

    def __init__(self, agent: Any, prompt: Any, task: Any) -> None:
        self.prompt = prompt
        attempt = getattr(agent, "_times_executed", 0) + 1
        facts = {"what": "agent", "attempt": attempt, "task": getattr(task, "name", None)}
        given = {"prompt": prompt}
        super().__init__(StepCall(str(agent.role).strip(), "node", given, metadata=facts))

    def edit(self) -> None:
        """Ask what the step asks: it is edited at a cut."""
        self.prompt = self.call.input["prompt"]


def tap_kickoff(plain: Any) -> Any:
    """Return ``Crew.kickoff`` with each call a step, and a run of its own where none is open."""

    @functools.wraps(plain)
    def kickoff(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None:
            return recorded_entry(self, "kickoff", plain, args, kwargs)
        if self.stream or inside.get() == id(self):
            return plain(self, *args, **kwargs)
        recorded = CrewCall(self, args, kwargs)
        return run_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return kickoff


def tap_akickoff(plain: Any) -> Any:
    """As `tap_kickoff`, for ``akickoff``."""

    @functools.wraps(plain)
    async def akickoff(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None:
            return await recorded_entry(self, "akickoff", plain, args, kwargs)
        if self.stream or inside.get() == id(self):
            return await plain(self, *args, **kwargs)
        recorded = CrewCall(self, args, kwargs)
        return await arun_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return akickoff


def tap_entry(method: str) -> Callable[[Any], Any]:
    """Return the tap of a method that kicks off in its own way: in a session it begins a run."""

    def tap(plain: Any) -> Any:
        if inspect.iscoroutinefunction(plain):

            @functools.wraps(plain)
            async def aentry(self: Any, *args: Any, **kwargs: Any) -> Any:
                if current_run() is not None:
                    return await plain(self, *args, **kwargs)
                return await recorded_entry(self, method, plain, args, kwargs)

            return aentry

        @functools.wraps(plain)
        def entry(self: Any, *args: Any, **kwargs: Any) -> Any:
            if current_run() is not None:
                return plain(self, *args, **kwargs)
            return recorded_entry(self, method, plain, args, kwargs)

        return entry

    return tap


def tap_task(plain: Any) -> Any:
    """Return the body of ``Task.execute_sync`` with each call a step."""

    @functools.wraps(plain)
    def execute(self: Any, agent: Any, context: Any, tools: Any) -> Any:
        run = current_run()
        if run is None:
            return plain(self, agent, context, tools)
        recorded = TaskCall(self, agent, context)
        return run_recorded(run, recorded, lambda: plain(self, agent, recorded.context, tools))

    return execute


def tap_atask(plain: Any) -> Any:
    """As `tap_task`, for a coroutine."""

    @functools.wraps(plain)
    async def execute(self: Any, agent: Any, context: Any, tools: Any) -> Any:
        run = current_run()
        if run is None:
            return await plain(self, agent, context, tools)
        recorded = TaskCall(self, agent, context)
        return await arun_recorded(run, recorded, lambda: plain(self, agent, recorded.context, tools))

    return execute


def tap_attempt(plain: Any) -> Any:
    """Return an agent's attempt with each call a step; the one with a timeout calls the one without."""

    @functools.wraps(plain)
    def attempt(self: Any, task_prompt: Any, task: Any, *timeout: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return plain(self, task_prompt, task, *timeout)
        recorded = AttemptCall(self, task_prompt, task)
        with marked(self):
            return run_recorded(run, recorded, lambda: plain(self, recorded.prompt, task, *timeout))

    return attempt


def tap_aattempt(plain: Any) -> Any:
    """As `tap_attempt`, for a coroutine."""

    @functools.wraps(plain)
    async def attempt(self: Any, task_prompt: Any, task: Any, *timeout: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return await plain(self, task_prompt, task, *timeout)
        recorded = AttemptCall(self, task_prompt, task)
        with marked(self):
            return await arun_recorded(run, recorded, lambda: plain(self, recorded.prompt, task, *timeout))

    return attempt
