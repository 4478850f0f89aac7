"""The calls of a graph that a recording holds, and the changes of a thread's state between them, in their order."""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from langgraph.types import StateUpdate

from vcr_core import VCRRecorder
from vcr_core.engine import Run, agent_name
from vcr_core.engine.tape import RunLine, Tape
from vcr_core.errors import UsageError
from vcr_langgraph.run_opening import plain_config

UPDATE_LINE = "langgraph_update"
_SCRIPT = "script"


class UpdateLine(msgspec.Struct):
    """A change of a thread's state between two calls; the data of a line.

    Attributes:
        given: ``config`` and ``supersteps``, each a list of updates as dicts.
        in_loop: True if it was made in an event loop.
    """

    given: Any
    in_loop: bool = False


Call = RunLine | UpdateLine


def record_update(recorder: VCRRecorder, graph: Any, line: UpdateLine) -> None:
    """Write down a change of a thread's state that is part of no run."""
    if recorder.session is None:
        recorder.start_session(agent=agent_name(graph))
    recorder.writer.write_line(UPDATE_LINE, line)


def update_line(config: Any, supersteps: Sequence[Sequence[StateUpdate]], place: str | None, **how: bool) -> UpdateLine:
    """Return the line of a change."""
    steps = [[update._asdict() for update in updates] for updates in supersteps]
    return UpdateLine({"config": plain_config(config, place), "supersteps": steps}, **how)


def updates_of(line: UpdateLine) -> tuple[Any, list[list[StateUpdate]]]:
    """Return config and updates of a change.

    Raises:
        UsageError: If it changed the state of a subgraph: where that is kept goes by the ids of tasks.
    """
    namespace = line.given["config"].get("configurable", {}).get("checkpoint_ns")
    if namespace:
        raise UsageError(
            f"between two calls the program changed the state of the subgraph {namespace.partition(':')[0]!r}; such a "
            "change cannot be repeated: cut before it, in the call that left the subgraph"
        )
    steps = [[StateUpdate(**update) for update in updates] for updates in line.given["supersteps"]]
    return line.given["config"], steps


def calls_again(run: Run, given: Any) -> list[list[Call]]:
    """Return what is to be made again, in order; what overlapped when it was recorded is in one list."""
    tape = run.tape
    if tape is None:
        return [[RunLine(run.scope.path(None), "", given)]]
    calls = _recorded_calls(tape)
    if len(calls) < 2:
        return [[RunLine(run.scope.path(None), "", given)]]
    calls = _up_to_the_cut(calls, tape)
    if run.recorder is not None:
        for call in calls:
            if isinstance(call, UpdateLine):
                run.recorder.writer.write_line(UPDATE_LINE, call)
            else:
                run.recorder.writer.write_line("run", msgspec.structs.replace(call, kind=_SCRIPT))
    return _overlapping(calls, tape)


def own_call(calls: list[list[Call]], tape: Tape | None) -> RunLine:
    """Return the call that holds the cut, or else the last."""
    lines = [call for together in calls for call in together if isinstance(call, RunLine)]
    root = None if tape is None or tape.cut >= len(tape.rows) else _root_of(tape, tape.cut)
    return next((line for line in lines if line.root == root), lines[-1])


def ended_well(tape: Tape | None) -> set[str]:
    """Return the roots of the recorded calls that gave a result."""
    found = _other_lines(tape) if tape is not None else []
    return {msgspec.json.decode(data)["root"] for kind, data in found if kind == "result"}


def _other_lines(tape: Tape) -> list[tuple[str, bytes]]:
    lines = getattr(tape.player.source, "other_lines", None)
    return [] if lines is None else list(lines())


def _recorded_calls(tape: Tape) -> list[Call]:
    calls: list[Call] = []
    for kind, data in _other_lines(tape):
        if kind == "run":
            line = msgspec.json.decode(data, type=RunLine)
            line.input = tape.player.decode(tape.player.expand(line.input))
            calls.append(line)
        elif kind == UPDATE_LINE:
            update = msgspec.json.decode(data, type=UpdateLine)
            update.given = tape.player.decode(tape.player.expand(update.given))
            calls.append(update)
    scripted = [call for call in calls if isinstance(call, UpdateLine) or call.kind == _SCRIPT]
    return scripted if any(isinstance(call, RunLine) for call in scripted) else calls


def _up_to_the_cut(calls: list[Call], tape: Tape) -> list[Call]:
    """Leave out what came after the call that holds the cut; calls that overlapped it have steps before the cut."""
    if tape.cut >= len(tape.rows):
        return calls
    own = _root_of(tape, tape.cut)
    roots = [call.root if isinstance(call, RunLine) else None for call in calls]
    if own not in roots:
        return calls
    begun = {_root_of(tape, index) for index in range(tape.cut)}
    later = [call for call in calls[roots.index(own) + 1 :] if isinstance(call, RunLine) and call.root in begun]
    return [*calls[: roots.index(own) + 1], *later]


def _overlapping(calls: list[Call], tape: Tape) -> list[list[Call]]:
    spans: dict[str, tuple[int, int]] = {}
    for index in range(len(tape.rows)):
        root = _root_of(tape, index)
        spans[root] = (spans.get(root, (index, index))[0], index)
    groups: list[list[Call]] = []
    end = -1
    for call in calls:
        first, last = spans.get(call.root, (len(tape.rows), -1)) if isinstance(call, RunLine) else (len(tape.rows), -1)
        if groups and first < end:
            groups[-1].append(call)
            end = max(end, last)
        else:
            groups.append([call])
            end = last
    return groups


def _root_of(tape: Tape, index: int) -> str:
    return (tape.rows[index].key or "").partition("/")[0]
