"""How the arguments of a call become the input of a step, and an edited input becomes arguments again."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from vcr_core.values import register_type

_SKIPPED = ("self", "cls")


class CallInput:
    """One call.

    Attributes:
        style: ``state`` if the call has one argument and it is a dict; else ``args``.
        value: That dict; or the arguments by name.
    """

    __slots__ = ("_bound", "_hidden", "_name", "style", "value")

    def __init__(self, bound: inspect.BoundArguments, hidden: str | None) -> None:
        self._bound = bound
        self._hidden = hidden
        shown = {name: value for name, value in bound.arguments.items() if name != hidden}
        self._name = next(iter(shown), None)
        if len(shown) == 1 and self._name is not None and type(shown[self._name]) is dict:
            self.style: str = "state"
            self.value: Any = shown[self._name]
        else:
            self.style, self.value = "args", shown

    def call(self, function: Callable[..., Any], value: Any) -> Any:
        """Call `function` with this input, or with an edited one."""
        bound = self._bound
        if self.style == "state":
            assert self._name is not None
            if value is not self.value:
                bound.arguments[self._name] = value
        elif value is not self.value:
            bound.arguments.update({name: item for name, item in value.items() if name != self._hidden})
        return function(*bound.args, **bound.kwargs)


class Signature:
    """The parameters of a step's function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        first = next(iter(self._signature.parameters), None)
        self._hidden = first if first in _SKIPPED else None
        self._registered = False

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallInput:
        """Return the input of a call.

        Raises:
            TypeError: If the function cannot be called so; the same error as a plain call would give.
        """
        if not self._registered:
            self._registered = True
            register_annotations(self._function)
        return CallInput(self._signature.bind(*args, **kwargs), self._hidden)


def register_annotations(function: Callable[..., Any]) -> None:
    """Allow the classes that a step's own signature names to be restored: the user wrote them there."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        return  # names that only a type checker sees; such values come back as loaded classes or tagged
    stack = list(hints.values())
    while stack:
        hint = stack.pop()
        stack.extend(typing.get_args(hint))
        if isinstance(hint, type) and hint.__module__ not in ("builtins", "typing"):
            register_type(hint)
