"""`VCRLangGraph`: the one line that makes a graph record itself."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar, cast

from langchain_core.runnables import Runnable
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from vcr_core import VCRRecorder, vcr_record
from vcr_core.errors import UsageError
from vcr_langgraph.compat import PregelNode
from vcr_langgraph.recorded_graph import RecordedGraph
from vcr_langgraph.recorded_node import RecordedNode
from vcr_langgraph.recorded_types import register_types

G = TypeVar("G")
F = TypeVar("F", bound=Callable[..., Any])
_START = "__start__"


class VCRLangGraph:
    """Records LangGraph graphs with `recorder`.

    Example::

        graph = VCRLangGraph(recorder).wrap_graph(graph)
        graph.invoke({"question": "…"})

    Args:
        recorder: Where calls are recorded that are not part of a run already.
    """

    def __init__(self, recorder: VCRRecorder) -> None:
        self.recorder = recorder

    def wrap_graph(self, graph: G) -> G:
        """Return a copy of a graph, or of a builder, that records; the original records nothing.

        Subgraphs that are nodes are wrapped with it.  A graph that records already is not wrapped twice.

        Args:
            graph: What ``compile()``, ``create_agent()`` or ``@entrypoint`` gives; or a `StateGraph`, whose
                ``compile()`` then gives a recording graph.

        Raises:
            UsageError: If it is neither.
        """
        register_types()
        if isinstance(graph, StateGraph):
            return cast("G", _recording_builder(graph, self))
        if isinstance(graph, Pregel):
            return cast("G", recording_graph(cast("Any", graph), self.recorder))
        raise UsageError(
            f"wrap_graph takes a StateGraph or a compiled graph, not {type(graph).__name__}; a single function is "
            "recorded with wrap_node"
        )

    def wrap_node(self, function: F, *, name: str | None = None) -> F:
        """Return a node's function that records itself, for a graph that is not wrapped as a whole."""
        return self.vcr_record(name)(function)

    def vcr_record(self, node_name: str | None = None) -> Callable[[F], F]:
        """Return the decorator form of `wrap_node`."""
        return vcr_record(self.recorder, node_name)


def recording_graph(graph: Any, recorder: VCRRecorder | None) -> Any:
    """Return a copy of a compiled graph whose calls are recorded."""
    if isinstance(graph, RecordedGraph) and graph.vcr_recorder is recorder:
        return graph
    nodes = {name: _recording_node(name, node) for name, node in graph.nodes.items()}
    plain = next(base for base in type(graph).__mro__ if not issubclass(base, RecordedGraph))
    body = {"vcr_recorder": recorder, "__module__": plain.__module__, "__qualname__": plain.__qualname__}
    recorded: Any = type(plain.__name__, (RecordedGraph, plain), body)
    attributes = {name: value for name, value in vars(graph).items() if name != "__orig_class__"}
    return recorded(**{**attributes, "nodes": nodes})  # as Pregel.copy makes one


def _recording_node(name: str, node: PregelNode) -> PregelNode:
    if name == _START or isinstance(node.bound, RecordedNode):
        return node
    bound: Runnable[Any, Any] = node.bound
    subgraphs = node.subgraphs
    if isinstance(bound, Pregel):
        bound = recording_graph(bound, None)
        subgraphs = [cast("Any", bound)]
    return node.copy({"bound": RecordedNode(node, bound), "subgraphs": subgraphs})


def _recording_builder(builder: Any, integration: VCRLangGraph) -> Any:
    made = copy.copy(builder)
    vars(made).update({name: _copy_of(value) for name, value in vars(builder).items()})
    plain = type(builder)

    def compile(self: Any, *args: Any, **kwargs: Any) -> Any:  # the builder's own name for it
        return integration.wrap_graph(plain.compile(self, *args, **kwargs))

    body = {"compile": compile, "__module__": plain.__module__, "__qualname__": plain.__qualname__}
    made.__class__ = type(plain.__name__, (plain,), body)
    return made


def _copy_of(value: Any) -> Any:
    """Return a copy of what a builder gathers its parts in, down to the parts; anything else as it is."""
    if not isinstance(value, (dict, list, set)):
        return value
    made = copy.copy(value)
    if isinstance(made, dict):
        made.update({key: _copy_of(part) for key, part in made.items()})
    return made
