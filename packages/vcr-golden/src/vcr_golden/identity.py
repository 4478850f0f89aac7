"""What a golden run is a recording of: eight components, each compared on its own.

Two come with the task (``task``, ``input``), one is the agent's name, one its code; ``model``, ``params``, ``prompt``
and ``tools`` are what the caller says, or else what the recorded model calls show.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from vcr_core import UsageError, VCRPlayer
from vcr_core.diff import first_difference
from vcr_golden.run_lines import RunLines
from vcr_golden.wire import PackedInputs, digest_of

COMPONENTS = ("task", "agent", "input", "model", "params", "prompt", "tools", "code")
_PARAMS = (
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_output_tokens",
    "max_completion_tokens",
    "seed",
    "stop",
    "reasoning_effort",
    "response_format",
    "tool_choice",
)
_KEPT = 64 << 10


@dataclasses.dataclass(frozen=True)
class Component:
    """One part of an identity.

    Attributes:
        digest: Of the value in wire form.
        value: The value; None if it is too large to keep beside its digest.
    """

    digest: str
    value: Any = None

    @classmethod
    def of(cls, value: Any) -> Component:
        """Return the component of a live value; secrets in it are masked."""
        wire = PackedInputs().wire(value)
        return cls(digest_of(wire), wire if len(str(wire)) <= _KEPT else None)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A component that is another one now.

    Attributes:
        component: Its name.
        path: JSON pointer of the first difference in it; "" for the whole.
        recorded: What stood there.
        now: What stands there now.
    """

    component: str
    path: str
    recorded: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.component}{self.path}: recorded {_short(self.recorded)}, now {_short(self.now)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}…"


def check_identity(identity: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what the caller says of a run, by component.

    Raises:
        UsageError: If a name is no component.
    """
    given = dict(identity or {})
    unknown = sorted(set(given) - set(COMPONENTS))
    if unknown:
        raise UsageError(f"identity= has no component {', '.join(unknown)}; there are {', '.join(COMPONENTS)}")
    return given


def recorded_components(player: VCRPlayer, lines: RunLines) -> dict[str, Any]:
    """Return what a recording itself shows of its identity: agent, input and what its model calls were asked with."""
    found: dict[str, Any] = {"agent": lines.agent, "input": lines.input}
    models = sorted({row.model for row in player.rows if row.model is not None})
    if models:
        found["model"] = models[0] if len(models) == 1 else models
    for row in player.rows:
        if row.kind == "llm":
            return {**_request_components(player.wire_state(row.index, "input")), **found}
    return found


def _request_components(request: Any) -> dict[str, Any]:
    """Return the components of a model call whose input looks like the body of a chat request."""
    if not isinstance(request, dict):
        return {}
    body = cast("dict[str, Any]", request)
    found: dict[str, Any] = {}
    params = {name: body[name] for name in _PARAMS if name in body}
    if params:
        found["params"] = params
    if isinstance(body.get("model"), str):
        found["model"] = body["model"]
    if body.get("tools") is not None:
        found["tools"] = body["tools"]
    prompt = _system_prompt(body)
    return found if prompt is None else {**found, "prompt": prompt}


def _system_prompt(body: dict[str, Any]) -> Any:
    for name in ("system", "instructions", "system_instruction"):
        if body.get(name) is not None:
            return body[name]
    messages: list[Any] | None = body.get("messages")
    if isinstance(messages, list):
        listed: list[Any] = [message for message in messages if isinstance(message, dict)]
        return [m.get("content") for m in listed if m.get("role") in ("system", "developer")] or None
    return None


def differences(recorded: Mapping[str, Component], now: Mapping[str, Any]) -> list[Difference]:
    """Return each component of which something is known on both sides, or only now, and that differs."""
    found: list[Difference] = []
    for name in COMPONENTS:
        if name not in now:
            continue
        current = Component.of(now[name])
        before = recorded.get(name)
        if before is None:
            found.append(Difference(name, "", None, current.value))
        elif before.digest != current.digest:
            path, old, new = first_difference(before.value, current.value) or ("", before.value, current.value)
            found.append(Difference(name, path, old, new))
    return found
