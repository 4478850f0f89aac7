"""The runnable that stands in a wrapped graph for a node's own: it records each execution, or serves it."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp

from vcr_core.engine import RunningStep
from vcr_langgraph.compat import PregelNode
from vcr_langgraph.graph_call import GraphCall, current_call
from vcr_langgraph.node_step import NodeStep
from vcr_langgraph.task_calls import record_tasks


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
        self._node = node
        self._function = getattr(bound, "func", None) or getattr(bound, "afunc", None)
        self.__module__ = getattr(self._function, "__module__", None) or type(bound).__module__

    def __getattr__(self, name: str) -> Any:
        if name in ("bound", "_node", "_function"):
            raise AttributeError(name)
        if name == "__qualname__":
            return getattr(getattr(self.bound, "func", None), name)
        return getattr(self.bound, name)

    def _begin(self, given: Any, config: RunnableConfig | None) -> tuple[NodeStep | None, RunnableConfig | None]:
        call: GraphCall | None = current_call.get()
        if call is None or config is None or "langgraph_step" not in config.get("metadata", {}):
            return None, config
        step = NodeStep(call, self._node, given, config, function=self._function)
        return step, record_tasks(call, config) if step.step.live else config

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the node, or serve what it gave."""
        step, config = self._begin(input, config)
        if step is None:
            return self.bound.invoke(input, config, **kwargs)
        running = step.step
        if not isinstance(running, RunningStep):
            return step.serve()
        signal: GraphBubbleUp | None = None
        output: Any = None
        with running:
            try:
                output = self.bound.invoke(step.given, config, **kwargs)
            except GraphBubbleUp as raised:
                signal = raised
        if signal is None:
            return step.succeed(output)
        step.bubble(signal)
        raise signal

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As `invoke`, in an event loop."""
        step, config = self._begin(input, config)
        if step is None:
            return await self.bound.ainvoke(input, config, **kwargs)
        running = step.step
        if not isinstance(running, RunningStep):
            if step.was_cancelled:
                await running.wait_async()
            return step.serve()
        signal: GraphBubbleUp | None = None
        output: Any = None
        with running:
            try:
                output = await self.bound.ainvoke(step.given, config, **kwargs)
            except GraphBubbleUp as raised:
                signal = raised
        if signal is None:
            return step.succeed(output)
        step.bubble(signal)
        raise signal

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """Run the node chunk by chunk, as LangGraph does where somebody listens to events."""
        step, config = self._begin(input, config)
        if step is None:
            yield from self.bound.stream(input, config, **kwargs)
            return
        running = step.step
        if not isinstance(running, RunningStep):
            yield step.serve()
            return
        gathered = _Chunks()
        body = self.bound.stream(step.given, config, **kwargs)
        while True:
            signal: GraphBubbleUp | None = None
            chunk: Any = None
            try:
                with running:
                    try:
                        chunk = next(body)
                    except GraphBubbleUp as raised:
                        signal = raised
            except StopIteration:
                break
            if signal is not None:
                step.bubble(signal)
                raise signal
            yield gathered.add(chunk)
        step.succeed(gathered.whole)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As `stream`, in an event loop."""
        step, config = self._begin(input, config)
        if step is None:
            async for passed in self.bound.astream(input, config, **kwargs):
                yield passed
            return
        running = step.step
        if not isinstance(running, RunningStep):
            if step.was_cancelled:
                await running.wait_async()
            yield step.serve()
            return
        gathered = _Chunks()
        body = self.bound.astream(step.given, config, **kwargs)
        while True:
            signal: GraphBubbleUp | None = None
            chunk: Any = None
            try:
                with running:
                    try:
                        chunk = await body.__anext__()
                    except GraphBubbleUp as raised:
                        signal = raised
            except StopAsyncIteration:
                break
            if signal is not None:
                step.bubble(signal)
                raise signal
            yield gathered.add(chunk)
        step.succeed(gathered.whole)


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
