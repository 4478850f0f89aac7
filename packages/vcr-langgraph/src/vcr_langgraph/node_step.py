"""One execution of a node as a step of the engine: what its frame holds, and what serving it gives.

A node of a graph with state is recorded with the whole state before and after it (also channels outside of its input
and the graph's output schema), and with what it returned.  A node that takes a plain value (an entrypoint, a ``@task``)
is recorded with that value and its result.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Command, Interrupt

from vcr_core.engine import EndedStep, Run, RunningStep, StepCall
from vcr_core.engine.plan import names_step
from vcr_core.engine.scope import Scope
from vcr_core.engine.served_step import CancelledStep, ServedStep, SkippedStep
from vcr_core.values import Tagged
from vcr_langgraph.compat import (
    NOTHING,
    PUSH,
    ParentCommand,
    StaticWriters,
    execution_of,
    live_channels,
    values_after,
)
from vcr_langgraph.graph_call import GraphCall
from vcr_langgraph.kept_step import KeptStep, kept_step
from vcr_langgraph.message_ids import give_ids
from vcr_langgraph.node_update import describe_goto, describe_update, restore_goto, restore_update
from vcr_langgraph.state_edit import INPUT
from vcr_langgraph.step_key import step_key
from vcr_langgraph.tape_thread import replay_of

FACTS = "langgraph"
"""Where a frame's metadata holds what is known of its task."""


class NodeStep:
    """One execution of a node.

    If it is ``live``, run the node in a ``with`` block of it, then call `succeed`; else ask it to `serve`.  The block
    records what leaves it: errors as such, interrupts and commands as what they are.  A generator may enter it again.

    Args:
        call: The call of the graph.
        writers: What becomes of the node's output; None for a ``@task``.
        given: What LangGraph gives it.
        config: Its task's config.
        scope: Where it is asked for; the graph call's own scope by default.
        function: What runs if it runs live.
        reads: The channels whose values it is given as they are; None if it is given anything else.

    Attributes:
        call: As given.
        before: The state before it; None for a node that takes a plain value.
        step: What the engine decided.
        live: True if the node is to run.
        given: What the node is to be given; differs from what LangGraph gave where it was edited.
    """

    __slots__ = (
        "_channels",
        "_facts",
        "_function",
        "_metadata",
        "_sent",
        "_writers",
        "before",
        "call",
        "given",
        "live",
        "step",
    )

    def __init__(
        self,
        call: GraphCall,
        writers: StaticWriters | None,
        given: Any,
        config: RunnableConfig,
        *,
        scope: Scope | None = None,
        function: Any = None,
        reads: Sequence[str] | None = None,
    ) -> None:
        self.call = call
        self._function = function
        self._writers = writers
        self._metadata: Mapping[str, Any] = config.get("metadata", {})
        self._sent: bool = self._metadata["langgraph_path"][0] == PUSH
        self._channels = live_channels(config)
        attempt, thread = execution_of(config)
        self.given = given
        self.before: dict[str, Any] | None = None
        # A node that was given the whole state was given it in a dict of its own: until it runs, that is the state.
        whole = reads == call.state_keys and attempt == 1 and not self._sent
        if call.state_keys and writers is not None:
            self.before = given.copy() if whole else call.read_state(self._channels)
        self._facts: dict[str, Any] = {}
        if call.run.recorder is not None:
            self._facts = self._describe_task(attempt, thread)
            if not whole:
                self._describe_input(given)
        self.step = self._begin(call.scope if scope is None else scope, attempt)
        self.live = isinstance(self.step, RunningStep)
        if self.before is None or self._sent:
            self._take_edited_input()

    def _begin(self, scope: Scope, attempt: int) -> EndedStep:
        call, before, metadata = self.call, self.before, self._metadata
        shown = {} if before is None else before
        if before is None or self._sent:
            shown = {**shown, INPUT: self.given}
        key = step_key(call.path, metadata, attempt=attempt)
        number, name = metadata["langgraph_step"], metadata["langgraph_node"]
        edit = call.edits.get(number)
        if edit is not None and before is not None:
            shown = {**shown, **edit.unseen_by(call.run, key)}
        style = "args" if before is None else "state"
        asked = StepCall(name, "node", shown, style, key, metadata={FACTS: self._facts}, function=self._function)
        if call.inside_served:
            return kept_step(call.run, scope, asked)
        step = call.run.begin(asked, scope)
        if call.run.tape is not None and not isinstance(step, ServedStep):
            if isinstance(step, RunningStep):
                call.check_live(key, number, name)
            call.check_opening(key, number, name, shown)
        return step

    def _take_edited_input(self) -> None:
        shown = self.step.call.input
        self.given = shown[INPUT]
        edited = [name for name in shown if name != INPUT and name not in (self.before or {})]
        if edited and isinstance(self.given, dict):  # an override by the name of what was sent
            self.given = {**self.given, **{name: shown.pop(name) for name in edited}}
            shown[INPUT] = self.given

    def _describe_task(self, attempt: int, thread: str | None) -> dict[str, Any]:
        metadata = self._metadata
        facts: dict[str, Any] = {
            "namespace": stable_namespace(metadata.get("langgraph_checkpoint_ns", "")),
            "step": metadata["langgraph_step"],
            "path": list(metadata["langgraph_path"]),
            "triggers": list(metadata.get("langgraph_triggers", ())),
            "attempt": attempt,
        }
        if thread is not None:
            facts["thread"] = thread
        return facts

    def _describe_input(self, given: Any) -> None:
        """Keep what the node was given, as far as the state before it does not tell."""
        if self.before is None or self._sent:
            return
        if not _is_part_of(given, self.before):
            self._facts["input"] = given
        elif given.keys() != self.before.keys():
            self._facts["input_keys"] = list(given)

    # -- a step that runs ---------------------------------------------------------------------------------------------

    def __enter__(self) -> NodeStep:
        running = self.step
        assert isinstance(running, RunningStep)
        running.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        running = self.step
        assert isinstance(running, RunningStep)
        if isinstance(error, GraphBubbleUp):
            running.__exit__(None, None, None)
            self._bubble(running, error)
        else:
            running.__exit__(kind, error, trace)

    def succeed(self, output: Any) -> Any:
        """Record what the node returned, and return it with ids for its messages."""
        running, before = self.step, self.before
        assert isinstance(running, RunningStep)
        if before is None:
            return running.succeed(output)
        output = give_ids(output, self.call.message_channels)
        if running.run.recorder is None:
            running.succeed(None)
            return output
        after = self._after(before, output)
        self._facts["update"] = describe_update(output, after)
        left = isinstance(output, Command) and output.graph is not None
        running.succeed(after, status="command" if left else "ok")
        return output

    def _after(self, before: dict[str, Any], output: Any) -> dict[str, Any]:
        """Return the state after this step's own writes."""
        if self._writers is None:
            return before.copy()
        try:
            return values_after(self._channels, before, self._writers.updates(output), self.call.state_keys)
        except Exception:  # noqa: BLE001  # the graph's own writers come to the same end, and tell
            return before.copy()

    def _bubble(self, running: RunningStep, signal: GraphBubbleUp) -> None:
        """Record that the node was left by an interrupt or a command; neither is an error."""
        facts = self._facts
        if isinstance(signal, ParentCommand):
            command = signal.args[0]
            facts["command"] = {
                "graph": stable_namespace(command.graph or ""),
                "update": command.update,
                "goto": describe_goto(command.goto),
            }
        elif isinstance(signal, GraphInterrupt):
            facts["interrupts"] = [{"value": i.value, "id": i.id} for i in signal.args[0]]
        else:
            facts["signal"] = f"{type(signal).__name__}: {signal}"
        status = "command" if isinstance(signal, ParentCommand) else "interrupt"
        running.succeed(None if self.before is None else self.before.copy(), status=status)

    # -- a step that is served ----------------------------------------------------------------------------------------

    def serve(self) -> Any:
        """Return what the node gave, or raise what it raised, without running it.

        Raises:
            DivergenceError: If what it gave cannot be restored here.
        """
        step = self.step
        value = step.result()
        if isinstance(step, SkippedStep):
            return None
        if not isinstance(step, (ServedStep, KeptStep)) or self.overridden:
            return value
        assert step.index is not None
        facts = recorded_facts(step.run, step.index)
        if "interrupts" in facts or "command" in facts:
            raise signal_of(step.run, facts, self._metadata)
        if "writes" in facts:
            return _update_of_writes(facts)
        if self.before is None or "update" not in facts:
            return value
        update = restore_update(facts["update"], value)
        self._check_restored(step, update)
        return update

    async def serve_async(self) -> Any:
        """As `serve`, in an event loop: what was cancelled when it was recorded waits to be cancelled again."""
        if isinstance(self.step, CancelledStep):
            await self.step.wait_async()
        return self.serve()

    @property
    def overridden(self) -> bool:
        """True if what it gives was asked to be another value than that on the tape."""
        step = self.step
        overrides = step.run.config.output_overrides
        return any(
            name == step.index or (isinstance(name, str) and names_step([name], step.call)) for name in overrides
        )

    def _check_restored(self, step: EndedStep, update: Any) -> None:
        values = update.values() if isinstance(update, dict) else [update]
        for value in values:
            if isinstance(value, Tagged):
                key = step.call.key or ""
                raise step.run.diverged(
                    "unrestorable", key, name=step.call.name, frame=step.index, actual=value.type_name, path=""
                )


def recorded_facts(run: Run, index: int) -> dict[str, Any]:
    """Return what a frame of the tape tells of its task."""
    assert run.tape is not None
    player = run.tape.player
    found: dict[str, Any] = player.decode(player.body(index).metadata).get(FACTS, {})
    return found


def signal_of(run: Run, facts: Mapping[str, Any], metadata: Mapping[str, Any]) -> GraphBubbleUp:
    """Return what a task was left by, an interrupt or a command, as it is in the task with that metadata."""
    if "interrupts" in facts:
        namespace = metadata.get("langgraph_checkpoint_ns", "")
        ids = replay_of(run).interrupt_ids
        for told in facts["interrupts"]:  # one from inside of a subgraph has that task's id already
            ids.setdefault(told["id"], Interrupt.from_ns(told["value"], namespace).id)
        return GraphInterrupt([Interrupt(told["value"], id=ids[told["id"]]) for told in facts["interrupts"]])
    command = facts["command"]
    return ParentCommand(Command(graph=command["graph"], update=command["update"], goto=restore_goto(command["goto"])))


def _is_part_of(given: Any, state: dict[str, Any]) -> bool:
    """True if what a node was given are values of the state, under their names."""
    if not isinstance(given, dict):
        return False
    return all(state.get(name, NOTHING) is value for name, value in given.items())


def stable_namespace(namespace: str) -> str:
    """Return a checkpoint namespace without the ids of tasks, and without the numbers of repeated subgraphs."""
    if "|" not in namespace:
        name = namespace.partition(":")[0]
        return "" if name.isdigit() else name
    parts = (part.split(":")[0] for part in namespace.split("|"))
    return "|".join(part for part in parts if not part.isdigit())


def _update_of_writes(facts: Mapping[str, Any]) -> Any:
    """Return an update that writes what the node cache wrote."""
    writes = facts["writes"]
    if not facts["goto"] and len({name for name, _ in writes}) == len(writes):
        return dict(writes)
    return [*(Command(update={name: value}) for name, value in writes), Command(goto=facts["goto"])]
