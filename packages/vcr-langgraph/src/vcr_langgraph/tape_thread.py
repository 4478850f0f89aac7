"""What is different about a call that a tape may serve: its edits, its cache, and where its checkpoints go."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig

from vcr_langgraph.compat import with_last_writer
from vcr_langgraph.graph_call import GraphCall, current_call

if TYPE_CHECKING:
    from vcr_langgraph.recorded_graph import RecordedGraph

_START = "__start__"


def with_tape(
    graph: RecordedGraph, call: GraphCall, given: Any, config: RunnableConfig | None
) -> tuple[RecordedGraph, Any, RunnableConfig | None]:
    """Return graph, input and config for a call that may be served from a tape."""
    if call.run.tape is None:
        return graph, given, config
    if call.edits:
        nodes = {name: with_last_writer(node, _write_edits(name)) for name, node in graph.nodes.items()}
        graph = graph.copy({"nodes": nodes})
        for edit in call.edits.values():
            if edit.first:
                given = edit.amend_input(given)
    return graph, given, config


def _write_edits(name: str) -> Any:
    def write(config: RunnableConfig, writes: deque[tuple[str, Any]]) -> None:
        call = current_call.get()
        if call is None:
            return
        if name == _START:
            edit = next((edit for edit in call.edits.values() if edit.first), None)
        else:
            edit = call.edits.get(config.get("metadata", {}).get("langgraph_step", 0) + 1)
            edit = None if edit is None or edit.first else edit
        if edit is not None:
            edit.amend_writes(writes)

    return write
