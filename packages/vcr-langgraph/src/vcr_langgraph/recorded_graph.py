"""A compiled graph that records its calls: the copy that `VCRLangGraph.wrap_graph` gives.

It stays an instance of the graph's own class, draws as it does, and gives the same results and events.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.graph import Graph
from langgraph.pregel import Pregel
from langgraph.types import StateSnapshot, StateUpdate

from vcr_core.engine import Run, current_run
from vcr_core.engine.loop_ticks import running_loop
from vcr_langgraph.checkpoint_place import aplace_of, place_of
from vcr_langgraph.graph_call import GraphCall, current_call
from vcr_langgraph.message_ids import give_ids, state_message_channels
from vcr_langgraph.recorded_calls import record_update, update_line
from vcr_langgraph.recorded_node import RecordedNode
from vcr_langgraph.run_opening import OpenedRun, given_to, tasks_are_branches
from vcr_langgraph.tape_thread import ain_replay, awith_tape, in_replay, with_tape
from vcr_langgraph.taps import install_taps

if TYPE_CHECKING:
    from vcr_core import VCRRecorder

    Base = Pregel[Any, Any, Any, Any]
else:
    Base = object


class RecordedGraph(Base):
    """What a wrapped graph adds to its own class.

    Attributes:
        vcr_recorder: Records calls outside of a run; None for subgraphs, which only take part in a call.
    """

    vcr_recorder: VCRRecorder | None = None

    def __call__(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Call the graph as ``recorder.run(graph, input)`` does; in an event loop, return what is to be awaited."""
        call = self.invoke if running_loop() is None else self.ainvoke
        return call(input, config, **kwargs)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As the graph's own; opens a run if there is none."""
        place = place_of(self, config) if self._is_outside() else None
        opened = self._open(input, config, kwargs, in_loop=False, place=place)
        call = self._begin_call(opened)
        if call is None:
            return super().invoke(input, config, **kwargs)
        try:
            graph, input, config = with_tape(self, call, input, config)
            with call.driven(graph):
                result = super(RecordedGraph, graph).invoke(input, config, **kwargs)
        except BaseException as error:
            _end(opened, call, error)
            raise
        _end(opened, call, None, result)
        return result

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """As the graph's own; opens a run if there is none."""
        place = await aplace_of(self, config) if self._is_outside() else None
        opened = self._open(input, config, kwargs, in_loop=True, place=place)
        call = self._begin_call(opened)
        if call is None:
            return await super().ainvoke(input, config, **kwargs)
        with tasks_are_branches() if opened is not None else nullcontext():
            try:
                graph, input, config = await awith_tape(self, call, input, config)
                with call.driven(graph):
                    result = await super(RecordedGraph, graph).ainvoke(input, config, **kwargs)
            except BaseException as error:
                _end(opened, call, error)
                raise
            _end(opened, call, None, result)
        return result

    def stream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """As the graph's own, with each of its nodes recorded or served."""
        place = place_of(self, config) if self._is_outside() else None
        opened = self._open(input, config, kwargs, in_loop=False, place=place)
        call = None if self._is_driven_as_a_whole() else self._begin_call(opened)
        if call is None:
            yield from super().stream(input, config, **kwargs)
            return
        graph, input, config = with_tape(self, call, input, config)
        chunks = super(RecordedGraph, graph).stream(input, config, **kwargs)
        try:
            while True:
                with call.driven():
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        break
                yield chunk
        except GeneratorExit:
            cast("Any", chunks).close()
            _end(opened, call, None)
            raise
        except BaseException as error:
            _end(opened, call, error)
            raise
        _end(opened, call, None)

    async def astream(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:
        """As the graph's own, with each of its nodes recorded or served."""
        place = await aplace_of(self, config) if self._is_outside() else None
        opened = self._open(input, config, kwargs, in_loop=True, place=place)
        call = None if self._is_driven_as_a_whole() else self._begin_call(opened)
        if call is None:
            async for chunk in super().astream(input, config, **kwargs):
                yield chunk
            return
        graph, input, config = await awith_tape(self, call, input, config)
        chunks = super(RecordedGraph, graph).astream(input, config, **kwargs)
        with tasks_are_branches() if opened is not None else nullcontext():
            try:
                while True:
                    with call.driven():
                        try:
                            chunk = await chunks.__anext__()
                        except StopAsyncIteration:
                            break
                    yield chunk
            except GeneratorExit:
                await cast("Any", chunks).aclose()
                _end(opened, call, None)
                raise
            except BaseException as error:
                _end(opened, call, error)
                raise
        _end(opened, call, None)

    def bulk_update_state(self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]) -> RunnableConfig:
        """As the graph's own, which `update_state` calls too; recorded, to be repeated when the calls are."""
        if self.vcr_recorder is None or not self._is_outside():
            return super().bulk_update_state(in_replay(self, config), supersteps)
        place, steps = place_of(self, config), self._with_ids(supersteps)
        changed = super().bulk_update_state(config, steps)
        record_update(self.vcr_recorder, self, update_line(config, steps, place, in_loop=False))
        return changed

    async def abulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """As `bulk_update_state`, in an event loop."""
        if self.vcr_recorder is None or not self._is_outside():
            return await super().abulk_update_state(await ain_replay(self, config), supersteps)
        place, steps = await aplace_of(self, config), self._with_ids(supersteps)
        changed = await super().abulk_update_state(config, steps)
        record_update(self.vcr_recorder, self, update_line(config, steps, place, in_loop=True))
        return changed

    def _with_ids(self, supersteps: Sequence[Sequence[StateUpdate]]) -> list[list[StateUpdate]]:
        """Return updates whose messages have ids, so that they have the same when they are repeated."""
        names = state_message_channels(self.channels, self._state_keys())
        return [[update._replace(values=give_ids(update.values, names)) for update in step] for step in supersteps]

    def get_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """As the graph's own; in a replay, of the replay's thread."""
        return super().get_state(in_replay(self, config), subgraphs=subgraphs)

    async def aget_state(self, config: RunnableConfig, *, subgraphs: bool = False) -> StateSnapshot:
        """As `get_state`, in an event loop."""
        return await super().aget_state(await ain_replay(self, config), subgraphs=subgraphs)

    def get_state_history(self, config: RunnableConfig, **options: Any) -> Iterator[StateSnapshot]:
        """As the graph's own; in a replay, of the replay's thread."""
        return super().get_state_history(in_replay(self, config), **options)

    async def aget_state_history(self, config: RunnableConfig, **options: Any) -> AsyncIterator[StateSnapshot]:
        """As `get_state_history`, in an event loop."""
        async for snapshot in super().aget_state_history(await ain_replay(self, config), **options):
            yield snapshot

    def get_graph(self, *args: Any, **kwargs: Any) -> Graph:
        """As the graph's own, drawn with the runnables that the recording ones stand for."""
        return _drawn(super().get_graph(*args, **kwargs))

    async def aget_graph(self, *args: Any, **kwargs: Any) -> Graph:
        """As `get_graph`, in an event loop."""
        return _drawn(await super().aget_graph(*args, **kwargs))

    def _open(
        self, given: Any, config: RunnableConfig | None, options: dict[str, Any], *, in_loop: bool, place: str | None
    ) -> OpenedRun | None:
        """Open a run for a call that is part of none, if this graph has a recorder of its own."""
        if self.vcr_recorder is None or not self._is_outside():
            return None
        return OpenedRun(self.vcr_recorder, self, given_to(given, config, options, in_loop=in_loop, place=place))

    def _is_outside(self) -> bool:
        """True if what is asked of this graph is part of no run, and to be recorded."""
        return self.vcr_recorder is not None and current_run() is None and current_call.get() is None

    def _state_keys(self) -> Sequence[str]:
        """Return the channels that make up the state; none for graphs whose nodes take plain values."""
        return self.stream_channels_list if hasattr(self, "builder") else ()

    def _is_driven_as_a_whole(self) -> bool:
        """True if `invoke` asks for this stream, on behalf of the call that goes on."""
        call = current_call.get()
        return call is not None and call.take_whole(self)

    def _begin_call(self, opened: OpenedRun | None) -> GraphCall | None:
        run: Run | None = opened.run if opened is not None else current_run()
        if run is None:
            return None
        install_taps()
        run.branch_begun()
        return GraphCall(run, name=self.get_name(), channels=self.channels, state_keys=self._state_keys())


def _drawn(graph: Graph) -> Graph:
    for name, node in graph.nodes.items():
        if isinstance(node.data, RecordedNode):
            graph.nodes[name] = node._replace(data=node.data.bound)
    return graph


_UNKNOWN: Any = object()


def _end(opened: OpenedRun | None, call: GraphCall, error: BaseException | None, result: Any = _UNKNOWN) -> None:
    call.run.branch_over()
    if opened is None:
        return
    if error is None:
        opened.succeed(None if result is _UNKNOWN else result, known=result is not _UNKNOWN)
    else:
        opened.fail(error)
