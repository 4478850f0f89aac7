"""What is different about a call that a tape may serve: its edits, its cache, and where its checkpoints go.

A replayed call keeps its checkpoints in a thread of its own, ``<thread>@<new session>``: it begins where the recorded
one began, and the recorded thread stays as it is.  LangGraph's node cache is not asked: the tape is.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import uuid
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from vcr_core.engine import Run, current_run
from vcr_langgraph.checkpoint_place import afound_again, found_again
from vcr_langgraph.compat import CONFIG_KEY_TASK_ID, with_last_writer
from vcr_langgraph.graph_call import GraphCall, current_call
from vcr_langgraph.message_ids import give_ids

if TYPE_CHECKING:
    from vcr_langgraph.recorded_graph import RecordedGraph

_START = "__start__"


class Replay:
    """What the calls of one replayed run share.

    Attributes:
        thread_suffix: Told apart from the recorded threads by this.
        interrupt_ids: Ids of interrupts on the tape, and those they have now.
        asked: Checkpoint namespaces of the tasks that were served with an interrupt.
    """

    def __init__(self, run: Run) -> None:
        session = run.recorder.session_id if run.recorder is not None else None
        self.thread_suffix = session or uuid.uuid4().hex[:8]
        self.interrupt_ids: dict[str, str] = {}
        self.asked: set[str] = set()


_replays: weakref.WeakKeyDictionary[Run, Replay] = weakref.WeakKeyDictionary()


def replay_of(run: Run) -> Replay:
    """Return what the calls of a replayed run share."""
    found = _replays.get(run)
    return _replays.setdefault(run, Replay(run)) if found is None else found


def with_tape(
    graph: RecordedGraph, call: GraphCall, given: Any, config: RunnableConfig | None
) -> tuple[RecordedGraph, Any, RunnableConfig | None]:
    """Return graph, input and config for a call that may be served from a tape.

    Raises:
        LostCheckpointError: If it goes on from a checkpoint that its thread does not have.
    """
    graph, given, config = _with_tape(graph, call, given, config)
    return graph, given, config if call.run.tape is None else found_again(graph, config)


async def awith_tape(
    graph: RecordedGraph, call: GraphCall, given: Any, config: RunnableConfig | None
) -> tuple[RecordedGraph, Any, RunnableConfig | None]:
    """As `with_tape`, in an event loop."""
    graph, given, config = _with_tape(graph, call, given, config)
    return graph, given, config if call.run.tape is None else await afound_again(graph, config)


def _with_tape(
    graph: RecordedGraph, call: GraphCall, given: Any, config: RunnableConfig | None
) -> tuple[RecordedGraph, Any, RunnableConfig | None]:
    given = give_ids(given, call.message_channels, call.input_ids)
    run = call.run
    if run.tape is None:
        return graph, given, config
    replay = replay_of(run)
    changes: dict[str, Any] = {"cache": None} if graph.cache is not None else {}
    if call.edits:
        changes["nodes"] = {name: with_last_writer(node, _write_edits(name)) for name, node in graph.nodes.items()}
        for edit in call.edits.values():
            if edit.first:
                given = edit.amend_input(given)
    if isinstance(given, Command) and isinstance(given.resume, dict):
        resume = {replay.interrupt_ids.get(key, key): value for key, value in given.resume.items()}
        given = Command(graph=given.graph, update=given.update, resume=resume, goto=given.goto)
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        config = _own_thread(config, replay.thread_suffix)
    return graph.copy(changes) if changes else graph, given, config


def in_replay(graph: Any, config: RunnableConfig) -> RunnableConfig:
    """Return a config for reading or changing a thread's state; in a replay it names the replay's own thread."""
    own = _of_replay(graph, config)
    return config if own is None else cast("RunnableConfig", found_again(graph, own))


async def ain_replay(graph: Any, config: RunnableConfig) -> RunnableConfig:
    """As `in_replay`, in an event loop."""
    own = _of_replay(graph, config)
    return config if own is None else cast("RunnableConfig", await afound_again(graph, own))


def _of_replay(graph: Any, config: RunnableConfig) -> RunnableConfig | None:
    run = current_run()
    if run is None or run.tape is None or not isinstance(graph.checkpointer, BaseCheckpointSaver):
        return None
    return _own_thread(config, replay_of(run).thread_suffix)


def _own_thread(config: RunnableConfig | None, suffix: str) -> RunnableConfig | None:
    configurable = (config or {}).get("configurable", {})
    thread = configurable.get("thread_id")
    if config is None or thread is None or str(thread).endswith(f"@{suffix}") or CONFIG_KEY_TASK_ID in configurable:
        return config
    return {**config, "configurable": {**configurable, "thread_id": f"{thread}@{suffix}"}}


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
