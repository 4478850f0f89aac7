"""What a resumed run is to do with each step: serve it, mock it, edit it, skip it or run it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from vcr_core.errors import UsageError


class ResumeMode(str, enum.Enum):
    """How a recorded run is run again.

    `FORK`: the tape before the cut, live from it on.  `REPLAY`: everything from the tape; a step that is left over is
    an error too.  `MOCK`: everything from the tape or from mocks, but what `live` names.
    """

    FORK = "fork"
    REPLAY = "replay"
    MOCK = "mock"


class StepCall(msgspec.Struct):
    """A step as it is asked for.

    Attributes:
        name: Name of the step.
        kind: node, llm, tool or value.
        input: The state it takes, or its arguments by name.
        call: ``state`` or ``args``.
        key: Its identity; filled in by the run unless the caller knows a better one.
        effect: ``write`` for a step with outside effects.
        idempotency_key: Makes repeating such a step safe.
        metadata: Recorded with it.
        label: Name of a tool, where the step's name is another.
        model: Name of a model.
        function: What runs if the step runs live; it is not recorded.
    """

    name: str
    kind: str = "node"
    input: Any = None
    call: str = "args"
    key: str | None = None
    effect: str | None = None
    idempotency_key: str | None = None
    metadata: dict[str, Any] | None = None
    label: str | None = None
    model: str | None = None
    function: Any = None


class Mock(msgspec.Struct, kw_only=True):
    """An answer for the steps that `match` accepts.

    Attributes:
        match: A step's name or key, ``kind:llm``, or a function of the `StepCall`.
        value: What the step gives.
        raises: What it raises instead.
        call: Computes what it gives, from the input.
    """

    match: str | Callable[[StepCall], bool]
    value: Any = None
    raises: BaseException | type[BaseException] | None = None
    call: Callable[[Any], Any] | None = None

    def accepts(self, step: StepCall) -> bool:
        """True if this mock answers that step."""
        return self.match(step) if callable(self.match) else _named(self.match, step)


class ResumeConfig(msgspec.Struct, kw_only=True):
    """How to run a recorded run again.

    Attributes:
        from_frame: The cut: BEFORE this frame's step ran.  An index, the label of a checkpoint, or a step's key; None
            cuts where the recorded run ended or failed.
        state_overrides: Changes to the input of the step at the cut: values by name, or a JSON patch.
        mode: See `ResumeMode`.
        new_session_id: Name of the new session; made up if None.
        inject_mocks: Answers by name or key (a value, an exception to raise), or `Mock` objects.
        skip_nodes: Names of steps that are not run; they give the state they took.
        live: Steps that run live in MOCK: names, keys or ``kind:llm``.
        output_overrides: Replaces the output of earlier steps, by index, name or key.
        in_doubt: What to do with a step whose effect may have happened: ``retry`` or ``skip``, by name or ``*``.
        call: ``agent`` calls the agent with the recorded input, ``state`` with the state before the cut; ``auto``
            does the first if it is the agent that was recorded, or the mode is not FORK.
        allow: Classes that may be restored although their module is not loaded.
        tags: Tags of the new session.
        patience: Seconds that a step waits for another one that the tape holds before it.
    """

    from_frame: int | str | None = None
    state_overrides: Any = {}
    mode: ResumeMode = ResumeMode.FORK
    new_session_id: str | None = None
    inject_mocks: Any = {}
    skip_nodes: list[str] = []
    live: list[str] = []
    output_overrides: dict[int | str, Any] = {}
    in_doubt: dict[str, Literal["retry", "skip"]] = {}
    call: Literal["auto", "agent", "state"] = "auto"
    allow: list[Any] = []
    tags: list[str] = []
    patience: float = 10.0

    def __post_init__(self) -> None:
        self.mode = ResumeMode(self.mode)
        if self.mode is ResumeMode.REPLAY and (self.state_overrides or self.inject_mocks or self.skip_nodes):
            raise UsageError("REPLAY changes nothing: use mode FORK for overrides and skips, MOCK for mocks")
        if self.call == "state" and self.mode is not ResumeMode.FORK:
            raise UsageError(f"{self.mode.name} serves the tape from its beginning: call='state' is for mode FORK")
        if self.live and self.mode is not ResumeMode.MOCK:
            raise UsageError("live= names the steps that run live in mode MOCK; in FORK everything after the cut does")

    def mocks(self) -> list[Mock]:
        """Return the mocks as objects."""
        given: Any = self.inject_mocks
        if isinstance(given, Mapping):
            by_name = cast("Mapping[str, Any]", given)
            return [_mock(name, value) for name, value in by_name.items()]
        return list(given)


def _mock(name: str, value: Any) -> Mock:
    if isinstance(value, Mock):
        return value
    if isinstance(value, BaseException):
        return Mock(match=name, raises=value)
    if isinstance(value, type) and issubclass(cast("type[Any]", value), BaseException):
        return Mock(match=name, raises=cast("type[BaseException]", value))
    return Mock(match=name, call=value) if callable(value) else Mock(match=name, value=value)


def _named(name: str, step: StepCall) -> bool:
    return name in (step.name, step.key, step.label, f"kind:{step.kind}", "*")


def names_step(names: Sequence[str], step: StepCall) -> bool:
    """True if one of `names` is this step's name, key, label or kind."""
    return any(_named(name, step) for name in names)
