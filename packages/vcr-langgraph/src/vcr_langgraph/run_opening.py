"""Opens a run for a graph that is called outside of one, so that one line records everything.

Inside a run (``recorder.run``, a replay) the graph's steps belong to that run, whatever recorder it was wrapped with.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from vcr_core import VCRRecorder
from vcr_core.engine import Run, agent_name
from vcr_core.engine.propagation import install, tasks_spawn_scopes
from vcr_core.engine.tape import RunLine
from vcr_core.frames import FrameRow
from vcr_langgraph.checkpoint_place import PLACE

_PLAIN = (str, int, float, bool, type(None))


class OpenedRun:
    """A run that a graph's call opened, and that ends with it.

    Args:
        recorder: Where it is recorded.
        graph: The graph.
        given: What it is called with, as ``{"args", "kwargs"}``.
    """

    def __init__(self, recorder: VCRRecorder, graph: Any, given: dict[str, Any]) -> None:
        install()
        self._recorder = recorder
        self._name = agent_name(graph)
        if recorder.session is None:
            recorder.start_session(agent=self._name)
        self.run = Run(recorder, root=str(recorder.next_run()))
        self._given = given
        line = RunLine(self.run.scope.path(None), self._name, given)
        recorder.writer.write_line("run", line)

    def succeed(self, result: Any = None, *, known: bool = True) -> None:
        """End the run; `known` tells whether `result` is what the graph returned."""
        self.run.close()
        if known:
            line = {"root": self.run.scope.path(None), "output": result}
            self._recorder.writer.write_line("result", line)
        self._recorder.finish_run("ok")

    def fail(self, error: BaseException) -> None:
        """End the run with what the graph raised."""
        self.run.close()
        if not self.run.knows(error):
            row = FrameRow(-1, self._name.partition(":")[2], "error", "error")
            self._recorder.record_frame(row, self._given["args"][0], error, style="call", error=error)
        self._recorder.finish_run("error", self.run.origin_of(error))


def given_to(
    graph_input: Any,
    config: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    in_loop: bool,
    place: str | None = None,
) -> dict[str, Any]:
    """Return what a graph is called with, in the form in which a run line keeps it: without live objects.

    Args:
        graph_input: The input.
        config: The config.
        options: The other arguments.
        in_loop: True if it is called in an event loop.
        place: The place of the checkpoint that the config names, if it names one.
    """
    kept = {name: value for name, value in options.items() if name in _OPTIONS and value is not None}
    plain = plain_config(config, place)
    if in_loop:
        kept[ASYNC] = True
    return {"args": [graph_input], "kwargs": {**({"config": plain} if plain else {}), **kept}}


ASYNC = "vcr_async"
"""Where a run line says that the graph was called in an event loop."""
_OPTIONS = ("context", "interrupt_before", "interrupt_after", "durability")


def plain_config(config: Mapping[str, Any] | None, place: str | None = None) -> dict[str, Any]:
    """Return the part of a config that says how to run, not who listens; with the place of its checkpoint."""
    found: dict[str, Any] = {}
    for name in ("recursion_limit", "max_concurrency", "tags", "run_name"):
        if config and config.get(name):
            found[name] = config[name]
    for name in ("configurable", "metadata"):
        entries = (config or {}).get(name) or {}
        plain = {key: value for key, value in entries.items() if isinstance(value, _PLAIN) and not key.startswith("__")}
        if plain:
            found[name] = plain
    if place is not None:
        found["configurable"][PLACE] = place
    return found


_loops: weakref.WeakKeyDictionary[Any, tuple[int, AbstractContextManager[None]]] = weakref.WeakKeyDictionary()


@contextmanager
def tasks_are_branches() -> Generator[None, None, None]:
    """Have tasks that a node spawns in the running loop be branches; calls of graphs in one loop may overlap."""
    loop = asyncio.get_running_loop()
    count, manager = _loops.get(loop, (0, tasks_spawn_scopes(loop)))
    if count == 0:
        manager.__enter__()
    _loops[loop] = (count + 1, manager)
    try:
        yield
    finally:
        count, manager = _loops[loop]
        _loops[loop] = (count - 1, manager)
        if count == 1:
            del _loops[loop]
            manager.__exit__(None, None, None)
