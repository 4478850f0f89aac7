"""Calls of language models: each is a step of kind ``llm``, with the tokens that the model counted.

The taps sit on every class that defines ``call`` or ``acall``, since CrewAI emits no events for models of one's own.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from crewai import BaseLLM

from vcr_core.engine import EndedStep, StepCall, current_run
from vcr_crewai.compat import add_usage, usage_of
from vcr_crewai.recorded_call import Recorded, arun_recorded, run_recorded

_SHOWN = ("tools", "response_model")
inside: ContextVar[int | None] = ContextVar("vcr_crewai_inside", default=None)
"""Identity of the model or tool whose call this is inside of, so that ``super().call()`` is no second step."""


class ModelCall(Recorded):
    """One call of a model."""

    def __init__(self, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._model = model
        self.args, self.kwargs = args, kwargs
        messages = kwargs["messages"] if "messages" in kwargs else args[0] if args else None
        given: dict[str, Any] = {"messages": messages}
        given.update((name, _plain(kwargs[name])) for name in _SHOWN if kwargs.get(name) is not None)
        super().__init__(StepCall(type(model).__name__, "llm", given, model=model.model, metadata=_origin(kwargs)))
        self._before = usage_of(model)

    def edit(self) -> None:
        """Call with the messages of the step: they are edited at a cut."""
        messages = self.call.input["messages"]
        if "messages" in self.kwargs:
            self.kwargs = {**self.kwargs, "messages": messages}
        elif self.args:
            self.args = (messages, *self.args[1:])

    def describe(self, output: Any) -> tuple[Any, dict[str, Any] | None]:
        """Keep the answer, and the tokens that the model counted for it."""
        now = usage_of(self._model)
        spent = {name: now[name] - count for name, count in self._before.items()}
        if not spent["total_tokens"]:
            return output, {"model": self._model.model}
        return output, {
            "model": self._model.model,
            "tokens_input": spent["prompt_tokens"],
            "tokens_output": spent["completion_tokens"],
            "tokens_used": spent["total_tokens"],
        }

    def restore(self, step: EndedStep, output: Any) -> Any:
        """Count the tokens again, so that the crew's usage is what it was."""
        if step.run.tape is not None and step.index is not None:
            row = step.run.tape.rows[step.index]
            counts = {"prompt_tokens": row.tokens_input, "completion_tokens": row.tokens_output}
            add_usage(self._model, {"total_tokens": row.tokens or 0, **{k: v or 0 for k, v in counts.items()}})
        return output


def _plain(value: Any) -> Any:
    return value.__name__ if isinstance(value, type) else value


def _origin(kwargs: dict[str, Any]) -> dict[str, Any] | None:
    task, agent = kwargs.get("from_task"), kwargs.get("from_agent")
    found = {"task": getattr(task, "name", None), "agent": getattr(agent, "role", None)}
    return {name: value for name, value in found.items() if value is not None} or None


@contextmanager
def marked(target: Any) -> Generator[None]:
    """Mark the block as inside a call of `target`."""
    token = inside.set(id(target))
    try:
        yield
    finally:
        inside.reset(token)


def tap_call(plain: Any) -> Any:
    """Return ``call`` with each call a step."""

    @functools.wraps(plain)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return plain(self, *args, **kwargs)
        recorded = ModelCall(self, args, kwargs)
        with marked(self):
            return run_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return call


def tap_acall(plain: Any) -> Any:
    """As `tap_call`, for ``acall``."""

    @functools.wraps(plain)
    async def acall(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None or inside.get() == id(self):
            return await plain(self, *args, **kwargs)
        recorded = ModelCall(self, args, kwargs)
        with marked(self):
            return await arun_recorded(run, recorded, lambda: plain(self, *recorded.args, **recorded.kwargs))

    return acall


def every_class(cls: type[Any]) -> Iterator[type[Any]]:
    """Give `cls` and all its subclasses, however deep."""
    seen: set[type[Any]] = set()
    stack: list[type[Any]] = [cls]
    while stack:
        found = stack.pop()
        if found not in seen:
            seen.add(found)
            yield found
            stack.extend(found.__subclasses__())


TAPS = {"call": tap_call, "acall": tap_acall}
ROOT: Any = BaseLLM
