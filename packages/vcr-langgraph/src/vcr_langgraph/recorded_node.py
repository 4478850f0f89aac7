"""The runnable that stands in a wrapped graph for a node's own: it records each execution, or serves it."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig

from vcr_langgraph.compat import PregelNode, StaticWriters, channels_as_they_are
from vcr_langgraph.graph_call import current_call
from vcr_langgraph.node_step import NodeStep
from vcr_langgraph.served_body import serve, serve_async
from vcr_langgraph.task_calls import record_tasks

_END = object()


class RecordedNode(Runnable[Any, Any]):
    """A node that records itself while its graph is called through a `RecordedGraph`; else it only runs.

    It passes for the runnable it stands for: by name, in drawings, and in the keys of LangGraph's node cache.

    Args:
        node: The node whose runnable this replaces.
        bound: What is run.

    Attributes:
        bound: As given.
    """

    def __init__(self, node: PregelNode, bound: Runnable[Any, Any]) -> None:
        self.bound = bound
        self.name = bound.get_name()
        self._writers = StaticWriters(node)
        self._function = getattr(bound, "func", None) or getattr(bound, "afunc", None)
        self._reads = channels_as_they_are(node)
        self.__module__ = getattr(self._function, "__module__", None) or type(bound).__module__

    def __getattr__(self, name: str) -> Any:
        if name in ("bound", "_writers", "_function", "_reads"):
            raise AttributeError(name)
        if name == "__qualname__":
            return getattr(getattr(self.bound, "func", None), name)
        return getattr(self.bound, name)

    def _begin(self, given: Any, config: RunnableConfig | None) -> NodeStep | None:
        """Return the step that an execution is, or None if it is no part of a recorded call."""
        call = current_call.get()
        if call is None or config is None or "langgraph_step" not in config.get("metadata", ()):
            return None
        step = NodeStep(call, self._writers, given, config, function=self._function, reads=self._reads)
        if step.live:
            record_tasks(call, config)
        return step

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node, or serve what it gave."""
        step = self._begin(input, config)
        if step is None:
            return self.bound.invoke(input, config, **kwargs)
        if not step.live:
            return serve(step, self.bound, config or {})
        with step:
            output = self.bound.invoke(step.given, config, **kwargs)
        return step.succeed(output)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As `invoke`, in an event loop."""
        step = self._begin(input, config)
        if step is None:
            return await self.bound.ainvoke(input, config, **kwargs)
        if not step.live:
            return await serve_async(step, self.bound, config or {})
        with step:
            output = await self.bound.ainvoke(step.given, config, **kwargs)
        return step.succeed(output)

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Run the node chunk by chunk, as LangGraph does where somebody listens to events."""
        step = self._begin(input, config)
        if step is None:
            yield from self.bound.stream(input, config, **kwargs)
        elif not step.live:
            yield serve(step, self.bound, config or {})
        else:
            chunks = _Chunks()
            body = self.bound.stream(step.given, config, **kwargs)
            while True:
                with step:
                    chunk = next(body, _END)
                if chunk is _END:
                    break
                yield chunks.add(chunk)
            step.succeed(chunks.whole)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `stream`, in an event loop."""
        step = self._begin(input, config)
        if step is None:
            async for passed in self.bound.astream(input, config, **kwargs):
                yield passed
        elif not step.live:
            yield await serve_async(step, self.bound, config or {})
        else:
            chunks = _Chunks()
            body = self.bound.astream(step.given, config, **kwargs)
            while True:
                with step:
                    chunk = await anext(body, _END)
                if chunk is _END:
                    break
                yield chunks.add(chunk)
            step.succeed(chunks.whole)


class _Chunks:
    """Adds chunks up as LangChain does."""

    def __init__(self) -> None:
        self.whole: Any = None
        self._adds = False

    def add(self, chunk: Any) -> Any:
        if self._adds:
            try:
                self.whole = self.whole + chunk
            except TypeError:
                self.whole, self._adds = chunk, False
        else:
            self.whole, self._adds = chunk, self.whole is None
        return chunk
