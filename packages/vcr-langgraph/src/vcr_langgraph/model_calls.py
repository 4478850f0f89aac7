"""Calls of chat models inside nodes: each is a step, so that a node that runs again may have its answers served.

The taps sit on LangChain's own classes, between the callbacks of a call and the model, and do nothing outside of a
recorded graph.  So callbacks see served calls too, but for the tokens of an answer that was not streamed to the node.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall, current_run
from vcr_core.engine.running_step import stream_of
from vcr_core.values import Stream
from vcr_langgraph.compat import AGENERATE, GENERATE, messages_of, model_name_of, will_stream
from vcr_langgraph.graph_call import current_call


def recording_run() -> Run | None:
    """Return the run that the calling code is part of, if it is inside a node of a recorded graph."""
    return None if current_call.get() is None else current_run()


def begin_model_call(run: Run, model: Any, messages: list[BaseMessage], options: dict[str, Any]) -> EndedStep:
    """Ask the run what becomes of a call of a chat model."""
    shown = {name: value for name, value in options.items() if value is not None and name != "run_manager"}
    call = StepCall(type(model).__name__, "llm", {"messages": messages, **shown}, model=model_name_of(model))
    return run.begin(call)


def usage_of(message: Any) -> dict[str, Any]:
    """Return tokens and model of an answer, as far as it tells."""
    usage = getattr(message, "usage_metadata", None) or {}
    facts = getattr(message, "response_metadata", None) or {}
    found = {
        "tokens_input": usage.get("input_tokens"),
        "tokens_output": usage.get("output_tokens"),
        "tokens_used": usage.get("total_tokens"),
        "model": facts.get("model_name") or facts.get("model"),
    }
    return {name: value for name, value in found.items() if value is not None}


def describe_result(result: ChatResult) -> dict[str, Any]:
    """Return what a frame keeps of a model's answer."""
    described: dict[str, Any] = {"message": result.generations[0].message} if result.generations else {}
    if len(result.generations) > 1:
        described["others"] = [generation.message for generation in result.generations[1:]]
    info = [generation.generation_info for generation in result.generations]
    if any(info):
        described["info"] = info
    if result.llm_output:
        described["llm_output"] = result.llm_output
    return described


def restore_result(described: Any) -> Any:
    """Return a model's answer from what a frame keeps; a mock may give a message or its text."""
    if isinstance(described, ChatResult):
        return described
    if isinstance(described, str):
        described = AIMessageChunk(content=described)
    if isinstance(described, BaseMessage):
        described = {"message": described}
    messages = [described["message"], *described.get("others", ())]
    whole = [message_chunk_to_message(m) if isinstance(m, AIMessageChunk) else m for m in messages]
    info = described.get("info") or [None] * len(whole)
    generations = [ChatGeneration(message=m, generation_info=i) for m, i in zip(whole, info, strict=True)]
    return ChatResult(generations=generations, llm_output=described.get("llm_output"))


class TapedModel(BaseChatModel):
    """Streams recorded chunks, with the callbacks of a real model.

    Attributes:
        chunks: What the recorded model streamed.
    """

    chunks: list[Any]

    @property
    def _llm_type(self) -> str:
        return "vcr-tape"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        whole = functools.reduce(lambda a, b: a + b, self.chunks)
        return ChatResult(generations=[ChatGeneration(message=message_chunk_to_message(whole))])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=chunk)


def taped_model(model: Any, answer: Any) -> TapedModel:
    """Return a model that streams a recorded answer with the names and callbacks of `model`."""
    if isinstance(answer, Stream):
        chunks = answer.chunks
    else:
        message = restore_result(answer).generations[0].message
        fields: dict[str, Any] = {**message.__dict__, "type": "AIMessageChunk"}
        chunks = [AIMessageChunk(**fields)]
    return TapedModel(chunks=chunks, callbacks=model.callbacks, tags=model.tags, metadata=model.metadata)


class Chunks:
    """What a streaming model has given so far.

    Args:
        step: The step of the call.
    """

    def __init__(self, step: RunningStep) -> None:
        self._step = step
        self._started = step.run.clock.ticks_ms()
        self._chunks: list[Any] = []
        self._offsets: list[float] = []

    def add(self, chunk: Any) -> Any:
        """Keep a chunk and return it."""
        self._chunks.append(chunk.model_copy())
        self._offsets.append(self._step.run.clock.ticks_ms() - self._started)
        return chunk

    def end(self, how: str) -> None:
        """Record what came, and how it ended."""
        whole = functools.reduce(lambda a, b: a + b, self._chunks) if self._chunks else None
        facts = {**usage_of(whole), "text": getattr(whole, "content", None)}
        self._step.succeed(stream_of(self._chunks, self._offsets, how), metadata=facts)


def tap_generate(plain: Any) -> Any:
    """Return ``_generate_with_cache`` with each call a step."""

    @functools.wraps(plain)
    def generate(self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        run = recording_run()
        if run is None:
            return plain(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        step = begin_model_call(run, self, messages, {"stop": stop, **kwargs})
        step.wait()
        if not isinstance(step, RunningStep):
            return restore_result(step.result())
        with step:
            result = plain(self, step.call.input["messages"], stop=stop, run_manager=run_manager, **kwargs)
        step.succeed(describe_result(result), metadata=usage_of(result.generations[0].message))
        return result

    return generate


def tap_agenerate(plain: Any) -> Any:
    """As `tap_generate`, for ``_agenerate_with_cache``."""

    @functools.wraps(plain)
    async def agenerate(self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        run = recording_run()
        if run is None:
            return await plain(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        step = begin_model_call(run, self, messages, {"stop": stop, **kwargs})
        await step.wait_async()
        if not isinstance(step, RunningStep):
            return restore_result(step.result())
        with step:
            result = await plain(self, step.call.input["messages"], stop=stop, run_manager=run_manager, **kwargs)
        step.succeed(describe_result(result), metadata=usage_of(result.generations[0].message))
        return result

    return agenerate


def tap_stream(plain: Any) -> Any:
    """Return ``stream`` with each call that really streams a step."""

    @functools.wraps(plain)
    def stream(self: Any, input: Any, config: Any = None, *, stop: Any = None, **kwargs: Any) -> Iterator[Any]:
        run = None if isinstance(self, TapedModel) else recording_run()
        if run is None or not will_stream(self, async_api=False, options=kwargs):
            yield from plain(self, input, config, stop=stop, **kwargs)
            return
        messages = messages_of(self, input)
        step = begin_model_call(run, self, messages, {"stop": stop, **kwargs})
        step.wait()
        if not isinstance(step, RunningStep):
            yield from taped_model(self, step.result()).stream(messages, config)
            return
        body = plain(self, step.call.input["messages"], config, stop=stop, **kwargs)
        chunks = Chunks(step)
        try:
            while True:
                try:
                    with step:
                        chunk = next(body)
                except StopIteration:
                    break
                yield chunks.add(chunk)
        except GeneratorExit:
            body.close()
            chunks.end("closed")
            raise
        chunks.end("complete")

    return stream


def tap_astream(plain: Any) -> Any:
    """As `tap_stream`, for ``astream``."""

    @functools.wraps(plain)
    async def astream(
        self: Any, input: Any, config: Any = None, *, stop: Any = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        run = None if isinstance(self, TapedModel) else recording_run()
        if run is None or not will_stream(self, async_api=True, options=kwargs):
            async for chunk in plain(self, input, config, stop=stop, **kwargs):
                yield chunk
            return
        messages = messages_of(self, input)
        step = begin_model_call(run, self, messages, {"stop": stop, **kwargs})
        await step.wait_async()
        if not isinstance(step, RunningStep):
            async for chunk in taped_model(self, step.result()).astream(messages, config):
                yield chunk
            return
        body = plain(self, step.call.input["messages"], config, stop=stop, **kwargs)
        chunks = Chunks(step)
        try:
            while True:
                try:
                    with step:
                        chunk = await body.__anext__()
                except StopAsyncIteration:
                    break
                yield chunks.add(chunk)
        except GeneratorExit:
            await body.aclose()
            chunks.end("closed")
            raise
        chunks.end("complete")

    return astream


TAPS = {GENERATE: tap_generate, AGENERATE: tap_agenerate, "stream": tap_stream, "astream": tap_astream}
