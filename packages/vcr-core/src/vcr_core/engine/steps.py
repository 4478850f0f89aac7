"""The decorators that make steps of functions: `@step`, `@tool`, `@llm` and `@vcr_record`.

They work on plain functions, coroutine functions, generators and asynchronous generators, and on methods of all four.
Outside of a run a decorated function is just called.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from vcr_core.engine.call_input import CallInput, Signature
from vcr_core.engine.plan import StepCall
from vcr_core.engine.running_step import RunningStep, stream_of
from vcr_core.engine.scope import current_run
from vcr_core.engine.served_step import CancelledStep, EndedStep
from vcr_core.values import Stream

if TYPE_CHECKING:
    from vcr_core.engine.run import Run
    from vcr_core.recorder import VCRRecorder

F = TypeVar("F", bound=Callable[..., Any])
MetadataOf = Callable[[Any], "dict[str, Any]"]


class StepSpec:
    """What is known of a decorated function: its name, kind and how its calls become inputs."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None,
        kind: str,
        effect: str | None,
        idempotency_key: str | Callable[..., str] | None,
        metadata: MetadataOf | None,
        recorder: VCRRecorder | None = None,
    ) -> None:
        self.function = function
        self.name = name or function.__name__
        self.kind = kind
        self.effect = effect
        self.idempotency_key = idempotency_key
        self.metadata = metadata
        self.recorder = recorder
        self.signature = Signature(function)

    def begin(self, run: Run, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[EndedStep, CallInput]:
        """Ask the run what becomes of a call."""
        given = self.signature.bind(args, kwargs)
        key = self.idempotency_key
        call = StepCall(
            self.name,
            self.kind,
            given.value,
            given.style,
            effect=self.effect,
            idempotency_key=key(*args, **kwargs) if callable(key) else key,
            function=self.function,
        )
        return run.begin(call), given

    def known(self, output: Any) -> dict[str, Any] | None:
        """Return the metadata of an output: what the user's function says, or the usage an LLM reports."""
        if self.metadata is not None:
            return self.metadata(output)
        return usage_of(output) if self.kind == "llm" else None

    def run(self) -> AbstractContextManager[Run | None]:
        """Return the run that a call is part of; with a recorder of its own, the recorder's."""
        run = current_run()
        if self.recorder is None or (run is not None and run.recorder is self.recorder):
            return nullcontext(run)
        from vcr_core.engine.entry import run_of  # noqa: PLC0415  # entry needs this module

        return run_of(self.recorder).entered()


def usage_of(output: Any) -> dict[str, Any] | None:
    """Return tokens and model of a response that carries them as the OpenAI or Anthropic SDKs do, else None."""
    usage = _field(output, "usage")
    if usage is None:
        return None
    found = {
        "tokens_input": _field(usage, "prompt_tokens", "input_tokens"),
        "tokens_output": _field(usage, "completion_tokens", "output_tokens"),
        "model": _field(output, "model"),
    }
    return {name: value for name, value in found.items() if isinstance(value, (int, str))} or None


def _field(value: Any, *names: str) -> Any:
    """Return the first of these keys or attributes that is there and not None."""
    for name in names:
        found = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else getattr(value, name, None)
        if found is not None:
            return found
    return None


def _wrap(spec: StepSpec) -> Callable[..., Any]:
    function = spec.function
    if inspect.isasyncgenfunction(function):
        wrapper = _wrap_async_generator(spec)
    elif inspect.isgeneratorfunction(function):
        wrapper = _wrap_generator(spec)
    elif inspect.iscoroutinefunction(function):
        wrapper = _wrap_coroutine(spec)
    else:
        wrapper = _wrap_plain(spec)
    wrapped = functools.wraps(function)(wrapper)
    wrapped.__vcr_step__ = spec  # type: ignore[attr-defined]  # found by those who ask what a function records as
    return wrapped


def _wrap_plain(spec: StepSpec) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None:
            return spec.function(*args, **kwargs)
        step, given = spec.begin(run, args, kwargs)
        step.wait()
        if not isinstance(step, RunningStep):
            return step.result()
        with step:
            output = given.call(spec.function, step.call.input)
        return step.succeed(output, metadata=spec.known(output))

    def call_in_own_run(*args: Any, **kwargs: Any) -> Any:
        with spec.run():
            return call(*args, **kwargs)

    return call if spec.recorder is None else call_in_own_run


def _wrap_coroutine(spec: StepSpec) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        run = current_run()
        if run is None:
            return await spec.function(*args, **kwargs)
        step, given = spec.begin(run, args, kwargs)
        await step.wait_async()
        if not isinstance(step, RunningStep):
            return step.result()
        with step:
            output = await given.call(spec.function, step.call.input)
        return step.succeed(output, metadata=spec.known(output))

    async def call_in_own_run(*args: Any, **kwargs: Any) -> Any:
        with spec.run():
            return await call(*args, **kwargs)

    return call if spec.recorder is None else call_in_own_run


class _Passing:
    """What a generator gives outside of a run: nothing of it is kept."""

    def entered(self) -> AbstractContextManager[None]:
        """Let the body run up to its next chunk."""
        return nullcontext()

    def add(self, chunk: Any) -> Any:
        return chunk

    def end(self, how: str, *, value: Any = None, error: BaseException | None = None) -> None:
        """Do nothing."""


class _Chunks(_Passing):
    """What a generator step has given so far."""

    def __init__(self, spec: StepSpec, step: RunningStep) -> None:
        self._spec = spec
        self._step = step
        self._started = step.run.clock.ticks_ms()
        self._chunks: list[Any] = []
        self._offsets: list[float] = []
        step.on_abandon = lambda: self.end("closed")

    def entered(self) -> AbstractContextManager[None]:
        """Let the body run up to its next chunk, as that of the step; what it raises is for `end`."""
        return self._step.entered()

    def add(self, chunk: Any) -> Any:
        self._chunks.append(chunk)
        self._offsets.append(self._step.run.clock.ticks_ms() - self._started)
        return chunk

    def end(self, how: str, *, value: Any = None, error: BaseException | None = None) -> None:
        """Record what there is."""
        stream = stream_of(self._chunks, self._offsets, how, value)
        if error is None:
            self._step.succeed(stream, metadata=self._spec.known(stream))
        else:
            self._step.fail(error, output={"stream": stream, "error": error})


def _wrap_generator(spec: StepSpec) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        with spec.run() as run:
            if run is None:
                plain: Generator[Any, Any, Any] = spec.function(*args, **kwargs)
                return (yield from plain)
            step, given = spec.begin(run, args, kwargs)
            step.wait_to_begin()
        if not isinstance(step, RunningStep):
            value = yield from _served_chunks(step)
            return step.result() if isinstance(step, CancelledStep) else value
        body = given.call(spec.function, step.call.input)
        chunks = _Chunks(spec, step)
        go_on = functools.partial(body.send, None)
        try:
            while True:
                try:
                    with chunks.entered():
                        chunk = go_on()
                except StopIteration as stop:
                    chunks.end("complete", value=stop.value)
                    return stop.value
                try:
                    go_on = functools.partial(body.send, (yield chunks.add(chunk)))
                except GeneratorExit:
                    body.close()
                    raise
                except BaseException as thrown:  # noqa: BLE001  # the body has to say what becomes of it
                    go_on = functools.partial(body.throw, thrown)
        except BaseException as error:
            _end_early(chunks, error)
            raise

    return call


def _wrap_async_generator(spec: StepSpec) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        with spec.run() as run:
            begun = None if run is None else spec.begin(run, args, kwargs)
        if begun is None:
            body, chunks = spec.function(*args, **kwargs), _Passing()
        else:
            step, given = begun
            await step.wait_to_begin_async()
            if not isinstance(step, RunningStep):
                async for chunk in _served_stream(step):
                    yield chunk
                return
            body, chunks = given.call(spec.function, step.call.input), _Chunks(spec, step)
        go_on = functools.partial(body.asend, None)
        try:
            while True:
                try:
                    with chunks.entered():
                        chunk = await go_on()
                except StopAsyncIteration:
                    chunks.end("complete")
                    return
                try:
                    go_on = functools.partial(body.asend, (yield chunks.add(chunk)))
                except GeneratorExit:
                    await body.aclose()
                    raise
                except BaseException as thrown:  # noqa: BLE001  # the body has to say what becomes of it
                    go_on = functools.partial(body.athrow, thrown)
        except BaseException as error:
            _end_early(chunks, error)
            raise

    return call


async def _served_stream(step: EndedStep) -> AsyncGenerator[Any, None]:
    for chunk in _served_chunks(step):
        yield chunk
    if isinstance(step, CancelledStep):
        await step.wait_async()


def _end_early(chunks: _Passing, error: BaseException) -> None:
    """Record a generator that was closed, cancelled, or raised."""
    if isinstance(error, GeneratorExit):
        chunks.end("closed")
    else:
        stopped = isinstance(error, (asyncio.CancelledError, KeyboardInterrupt))
        chunks.end("cancelled" if stopped else "error", error=error)


def _served_chunks(step: EndedStep) -> Generator[Any, None, Any]:
    """Give the chunks of a taped or mocked stream, and end it as it ended; what cancelled it is left to the step."""
    output: Any = step.taped() if isinstance(step, CancelledStep) else step.result()
    error = _field(output, "error")
    stream = _field(output, "stream")
    output = stream if isinstance(stream, Stream) else output
    if not isinstance(output, Stream):
        yield from output
        return None
    yield from output.chunks
    if isinstance(error, BaseException) and output.end == "error":
        raise error
    if output.end == "closed":
        raise step.run.diverged("stream", step.call.key or "", name=step.call.name, frame=step.index)
    return output.value


def _decorator(kind: str, function: Any, name: str | None, **options: Any) -> Any:
    if isinstance(function, str):
        function, name = None, function

    def decorate(target: Any) -> Any:
        if isinstance(target, (staticmethod, classmethod)):
            method = cast("Any", target)
            inner = _wrap(StepSpec(method.__func__, name=name, kind=kind, **options))
            return type(method)(inner)
        return _wrap(StepSpec(target, name=name, kind=kind, **options))

    return decorate if function is None else decorate(function)


@overload
def step(function: F, /) -> F: ...
@overload
def step(
    function: str | None = None,
    /,
    *,
    name: str | None = None,
    effect: str | None = None,
    idempotency_key: str | Callable[..., str] | None = None,
    metadata: MetadataOf | None = None,
) -> Callable[[F], F]: ...
def step(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    effect: str | None = None,
    idempotency_key: str | Callable[..., str] | None = None,
    metadata: MetadataOf | None = None,
) -> Any:
    """Make a function a step: recorded when it runs inside a run, served from the tape when the run is replayed.

    Inside a step other steps may run.  A step that is served does not run its body, so not those either.

    Args:
        function: The function; or its step name; or nothing, to give options.
        name: Name of the step; the function's by default.
        effect: ``write`` for a step with effects outside the agent: that it is about to run is written down first,
            and a resume after a crash refuses to guess whether it did.
        idempotency_key: Makes repeating such a step safe; a string, or a function of the same arguments.
        metadata: Given the output, returns what else to record (tokens, cost, model, anything).
    """
    return _decorator("node", function, name, effect=effect, idempotency_key=idempotency_key, metadata=metadata)


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(
    function: str | None = None,
    /,
    *,
    name: str | None = None,
    effect: str | None = None,
    idempotency_key: str | Callable[..., str] | None = None,
    metadata: MetadataOf | None = None,
) -> Callable[[F], F]: ...
def tool(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    effect: str | None = None,
    idempotency_key: str | Callable[..., str] | None = None,
    metadata: MetadataOf | None = None,
) -> Any:
    """Make a function a tool call: a step of kind ``tool``.  See `step`."""
    return _decorator("tool", function, name, effect=effect, idempotency_key=idempotency_key, metadata=metadata)


@overload
def llm(function: F, /) -> F: ...
@overload
def llm(
    function: str | None = None, /, *, name: str | None = None, metadata: MetadataOf | None = None
) -> Callable[[F], F]: ...
def llm(function: Any = None, /, *, name: str | None = None, metadata: MetadataOf | None = None) -> Any:
    """Make a function a model call: a step of kind ``llm``; tokens and model are read from a response's ``usage``."""
    return _decorator("llm", function, name, effect=None, idempotency_key=None, metadata=metadata)


def vcr_record(
    recorder: VCRRecorder,
    node_name: str | None = None,
    *,
    kind: str = "node",
    effect: str | None = None,
    idempotency_key: str | Callable[..., str] | None = None,
    metadata: MetadataOf | None = None,
) -> Callable[[F], F]:
    """Make a function a step that `recorder` records, also outside of a run.  See `step`.

    Args:
        recorder: Records the step; a call inside a run of another recorder is recorded by this one only.
        node_name: Name of the step; the function's by default.
        kind: node, llm or tool.
        effect: As for `step`.
        idempotency_key: As for `step`.
        metadata: As for `step`.
    """

    def decorate(function: F) -> F:
        spec = StepSpec(
            function,
            name=node_name,
            kind=kind,
            effect=effect,
            idempotency_key=idempotency_key,
            metadata=metadata,
            recorder=recorder,
        )
        return cast("F", _wrap(spec))

    return decorate
