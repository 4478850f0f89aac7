"""What a step does to the world outside: declared by decorators, or by a mapping for code that cannot be changed.

A *resource* is a name in levels, ``orders:17``; ``orders`` stands for everything below it, ``*`` for everything.  A
level may be an argument of the step: ``orders:{order_id}``.
"""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast

from vcr_core.engine import StepCall
from vcr_golden.errors import GoldenError

F = TypeVar("F", bound=Callable[..., Any])
EffectKind = Literal["pure", "read", "write", "irreversible", "unknown"]
_ATTRIBUTE = "__vcr_effect__"


class ResourceError(GoldenError):
    """The name of a resource asks for an argument that the step does not have.

    Attributes:
        step: Name of the step.
        resource: The resource as it was declared.
    """

    def __init__(self, step: str, resource: str) -> None:
        self.step = step
        self.resource = resource
        super().__init__(f"step {step}: its resource {resource!r} names an argument that its input does not hold")


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a step does outside of the agent.

    Attributes:
        kind: ``pure``: nothing, and its output depends on its input alone.  ``read``: its output depends on
            `resources`.  ``write``: it changes them, and may read them.  ``irreversible``: it cannot be repeated.
            ``unknown``: it may read everything, and may have changed something.
        resources: The resources, in which ``{argument}`` stands for an argument of the step.
    """

    kind: EffectKind
    resources: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        """True if the output depends on resources."""
        return self.kind in ("read", "write", "unknown")

    @property
    def writes(self) -> bool:
        """True if later reads may see another world."""
        return self.kind in ("write", "unknown")

    def bound(self, step: str, given: Any) -> Effect:
        """Return the effect with the arguments of a call in the names of its resources.

        Raises:
            ResourceError: If the call has no such argument.
        """
        if not any("{" in resource for resource in self.resources):
            return self
        fields = cast("dict[str, Any]", given if isinstance(given, dict) else {})
        names: list[str] = []
        for resource in self.resources:
            try:
                names.append(string.Formatter().vformat(resource, (), fields))
            except (KeyError, IndexError, AttributeError) as error:
                raise ResourceError(step, resource) from error
        return Effect(self.kind, tuple(names))


PURE = Effect("pure")
UNKNOWN = Effect("unknown", ("*",))
IRREVERSIBLE = Effect("irreversible")


def overlap(first: str, second: str) -> bool:
    """True if two resources have something in common: they are equal, or one contains the other."""
    if "*" in (first, second):
        return True
    a, b = first.split(":"), second.split(":")
    shared = min(len(a), len(b))
    return a[:shared] == b[:shared]


def _declare(effect: Effect, function: F) -> F:
    setattr(function, _ATTRIBUTE, effect)
    return function


def pure(function: F) -> F:
    """Declare that a step's output depends on its input alone, and that it changes nothing."""
    return _declare(PURE, function)


def irreversible(function: F) -> F:
    """Declare that a step must never be repeated without a policy: a payment, a mail."""
    return _declare(IRREVERSIBLE, function)


def reads(*resources: str) -> Callable[[F], F]:
    """Declare that a step's output depends on these resources, and that it changes nothing."""
    return lambda function: _declare(Effect("read", resources or ("*",)), function)


def writes(*resources: str) -> Callable[[F], F]:
    """Declare that a step changes these resources; its output may depend on them too."""
    return lambda function: _declare(Effect("write", resources or ("*",)), function)


def declared_effect(function: Any) -> Effect | None:
    """Return what a function, or one that it wraps, was declared to be."""
    seen = 0
    while function is not None and seen < 32:
        effect = getattr(function, _ATTRIBUTE, None)
        if isinstance(effect, Effect):
            return effect
        function, seen = getattr(function, "__wrapped__", None), seen + 1
    return None


class Effects:
    """Which effect each step has.

    Args:
        declared: Effects by step name, in place of decorators.
    """

    def __init__(self, declared: Mapping[str, Effect] | None = None) -> None:
        self.declared = dict(declared or {})

    def of(self, name: str, kind: str, *, function: Any = None, effect: str | None = None) -> Effect:
        """Return the effect of a step: declared by name, by decorator, or what its kind stands for.

        Without a declaration a tool is ``unknown``, a step that was declared to write writes everything, and model
        calls, values and nodes (whose inner steps count for themselves) are pure.
        """
        found = self.declared.get(name) or declared_effect(function)
        if found is not None:
            return found
        if effect == "write":
            return Effect("write", ("*",))
        return UNKNOWN if kind == "tool" else PURE

    def of_call(self, call: StepCall) -> Effect:
        """Return the effect of a step that is asked for, its resources bound to its arguments."""
        found = self.of(call.name, call.kind, function=call.function, effect=call.effect)
        return found.bound(call.name, call.input)
