"""One execution of a node as a step of the engine: what its frame holds, and what serving it gives.

A node of a graph with state is recorded with the whole state before and after it (also channels outside of its input
and the graph's output schema), and with what it returned.  A node that takes a plain value (an entrypoint, a ``@task``)
is recorded with that value and its result.
"""

# LangGraph ships no stubs and leaves most of its type parameters open; mypy, which reads its annotations, stays strict.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Command, Interrupt

from vcr_core.engine import EndedStep, RunningStep, StepCall
from vcr_core.engine.plan import names_step
from vcr_core.engine.scope import Scope, current_scope
from vcr_core.engine.served_step import CancelledStep, ServedStep, SkippedStep
from vcr_core.values import Tagged
from vcr_langgraph.compat import ParentCommand, PregelNode, attempt_of, live_channels, thread_of, updates_of
from vcr_langgraph.graph_call import GraphCall
from vcr_langgraph.message_ids import give_ids
from vcr_langgraph.node_update import describe_goto, describe_update, restore_goto, restore_update
from vcr_langgraph.state_edit import INPUT
from vcr_langgraph.step_key import step_key
from vcr_langgraph.tape_thread import replay_of

FACTS = "langgraph"
"""Where a frame's metadata holds what is known of its task."""


class NodeStep:
    """One execution of a node.

    Args:
        call: The call of the graph.
        node: The node; None for a ``@task``.
        given: What LangGraph gives it.
        config: Its task's config.
        scope: Where it is asked for; the graph call's own scope by default.
        function: What runs if it runs live.

    Attributes:
        step: What the engine decided.
        given: What the node is to be given; differs from what LangGraph gave where it was edited.
    """

    def __init__(
        self,
        call: GraphCall,
        node: PregelNode | None,
        given: Any,
        config: RunnableConfig,
        *,
        scope: Scope | None = None,
        function: Any = None,
    ) -> None:
        self.call = call
        self._function = function
        self._scope = scope or call.scope
        self._node = node
        self._config = config
        metadata = config.get("metadata", {})
        self._number: int = metadata["langgraph_step"]
        self._name: str = metadata["langgraph_node"]
        path = metadata["langgraph_path"]
        self._sent = path[0] == "__pregel_push"
        self._channels = live_channels(config)
        self.before: dict[str, Any] | None = self._read() if call.state_keys and node is not None else None
        self.given = given
        self._facts = self._describe_task(given, metadata)
        self.step = self._begin(given)
        self._take_edited_input()

    def _begin(self, given: Any) -> EndedStep:
        before = self.before
        shown = {INPUT: given} if before is None else {**before, INPUT: given} if self._sent else dict(before)
        key = step_key(self.call.path, self._config)
        edit = self.call.edits.get(self._number)
        if edit is not None and before is not None:
            shown.update(edit.unseen_by(self.call.run, key))
        facts = {FACTS: self._facts}
        asked = StepCall(self._name, "node", shown, "args" if before is None else "state", key=key, metadata=facts)
        asked.function = self._function
        token = current_scope.set(self._scope)
        try:
            step = self.call.run.begin(asked)
        finally:
            current_scope.reset(token)
        if isinstance(step, RunningStep):
            self.call.check_live(key, self._number, self._name)
        return step

    def _take_edited_input(self) -> None:
        shown = self.step.call.input
        if self.before is None or self._sent:
            self.given = shown[INPUT]
            edited = [name for name in shown if name != INPUT and name not in (self.before or {})]
            if edited and isinstance(self.given, dict):  # an override by the name of what was sent
                self.given = {**self.given, **{name: shown.pop(name) for name in edited}}
                shown[INPUT] = self.given

    def _read(self) -> dict[str, Any]:
        """Return the state before this step, of the channels that hold something."""
        channels = self._channels or {}
        keys = [key for key in self.call.state_keys if key in channels and channels[key].is_available()]
        return {key: channels[key].get() for key in keys}

    def _describe_task(self, given: Any, metadata: Mapping[str, Any]) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "namespace": stable_namespace(metadata.get("langgraph_checkpoint_ns", "")),
            "step": self._number,
            "path": list(metadata["langgraph_path"]),
            "triggers": list(metadata.get("langgraph_triggers", ())),
            "attempt": attempt_of(self._config),
        }
        thread = thread_of(self._config)
        if thread is not None:
            facts["thread"] = thread
        if self.before is not None and not self._sent:
            if isinstance(given, dict) and all(
                key in self.before and self.before[key] is value for key, value in given.items()
            ):
                if given.keys() != self.before.keys():
                    facts["input_keys"] = list(given)
            else:
                facts["input"] = given
        return facts

    # -- a step that runs ---------------------------------------------------------------------------------------------

    def succeed(self, output: Any) -> Any:
        """Record what the node returned, and return it with ids for its messages."""
        running = cast("RunningStep", self.step)
        if self.before is None:
            return running.succeed(output)
        output = give_ids(output, self.call.message_channels)
        after = self._after(output)
        facts = {FACTS: {**self._facts, "update": describe_update(output, after)}}
        left = isinstance(output, Command) and output.graph is not None
        running.succeed(after, metadata=facts, status="command" if left else "ok")
        return output

    def _after(self, output: Any) -> dict[str, Any]:
        """Return the state after this step's own writes."""
        before, channels = self.before, self._channels
        if before is None or channels is None or self._node is None:
            return before or {}
        writes: dict[str, list[Any]] = {}
        try:
            for name, value in updates_of(self._node, output):
                if name in self.call.state_keys:
                    writes.setdefault(name, []).append(value)
            after = dict(before)
            for name, values in writes.items():
                channel = channels[name].copy()
                channel.update(values)
                if channel.is_available():
                    after[name] = channel.get()
        except Exception:  # noqa: BLE001  # the graph's own writers come to the same end, and tell
            return before
        return after

    def bubble(self, signal: GraphBubbleUp) -> None:
        """Record that the node was left by an interrupt or a command; neither is an error."""
        running = cast("RunningStep", self.step)
        if isinstance(signal, ParentCommand):
            command = signal.args[0]
            described = {
                "graph": stable_namespace(command.graph or ""),
                "update": command.update,
                "goto": describe_goto(command.goto),
            }
            facts = {**self._facts, "command": described}
        elif isinstance(signal, GraphInterrupt):
            facts = {**self._facts, "interrupts": [{"value": i.value, "id": i.id} for i in signal.args[0]]}
        else:
            facts = {**self._facts, "signal": f"{type(signal).__name__}: {signal}"}
        status = "command" if isinstance(signal, ParentCommand) else "interrupt"
        running.succeed(self.before, metadata={FACTS: facts}, status=status)

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
        if not isinstance(step, ServedStep) or self._is_overridden(step):
            return value
        facts = self._recorded_facts(step)
        if "interrupts" in facts or "command" in facts:
            raise self._signal(facts)
        if "writes" in facts:
            return _update_of_writes(facts)
        if self.before is None or "update" not in facts:
            return value
        update = restore_update(facts["update"], value)
        self._check_restored(step, update)
        return update

    @property
    def was_cancelled(self) -> bool:
        """True if it was cancelled when it was recorded, and waits to be cancelled again."""
        return isinstance(self.step, CancelledStep)

    def _is_overridden(self, step: EndedStep) -> bool:
        overrides = step.run.config.output_overrides
        return any(
            name == step.index or (isinstance(name, str) and names_step([name], step.call)) for name in overrides
        )

    def _recorded_facts(self, step: EndedStep) -> dict[str, Any]:
        tape, index = step.run.tape, step.index
        assert tape is not None
        assert index is not None
        found: dict[str, Any] = replay_of(step.run).metadata(tape, index).get(FACTS, {})
        return found

    def _signal(self, facts: Mapping[str, Any]) -> GraphBubbleUp:
        if "interrupts" in facts:
            namespace = self._config.get("metadata", {}).get("langgraph_checkpoint_ns", "")
            found = [Interrupt.from_ns(i["value"], namespace) for i in facts["interrupts"]]
            ids = replay_of(self.call.run).interrupt_ids
            ids.update((i["id"], now.id) for i, now in zip(facts["interrupts"], found, strict=True))
            return GraphInterrupt(found)
        command = facts["command"]
        return ParentCommand(
            Command(graph=command["graph"], update=command["update"], goto=restore_goto(command["goto"]))
        )

    def _check_restored(self, step: EndedStep, update: Any) -> None:
        values = update.values() if isinstance(update, dict) else [update]
        for value in values:
            if isinstance(value, Tagged):
                key = step.call.key or ""
                raise step.run.diverged(
                    "unrestorable", key, name=self._name, frame=step.index, actual=value.type_name, path=""
                )


def stable_namespace(namespace: str) -> str:
    """Return a checkpoint namespace without the ids of tasks, and without the numbers of repeated subgraphs."""
    parts = (part.split(":")[0] for part in namespace.split("|"))
    return "|".join(part for part in parts if not part.isdigit())


def _update_of_writes(facts: Mapping[str, Any]) -> Any:
    """Return an update that writes what the node cache wrote."""
    writes = facts["writes"]
    if not facts["goto"] and len({name for name, _ in writes}) == len(writes):
        return dict(writes)
    return [*(Command(update={name: value}) for name, value in writes), Command(goto=facts["goto"])]
