"""How the arguments of a call become the input of a step, and an edited input becomes arguments again."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from vcr_core.values import register_type

_SKIPPED = ("self", "cls")
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class CallInput:
    """One call.

    Attributes:
        style: ``state`` if the call has one argument and it is a dict; else ``args``.
        value: That dict; or the arguments by name.
    """

    __slots__ = ("_args", "_kwargs", "_name", "_signature", "style", "value")

    def __init__(
        self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], arguments: dict[str, Any]
    ) -> None:
        self._signature = signature
        self._args = args
        self._kwargs = kwargs
        if signature.hidden is not None:
            arguments.pop(signature.hidden, None)
        self._name = next(iter(arguments), None)
        self.style: str = "args"
        self.value: Any = arguments
        if len(arguments) == 1 and self._name is not None and type(arguments[self._name]) is dict:
            self.style, self.value = "state", arguments[self._name]

    def call(self, function: Callable[..., Any], value: Any) -> Any:
        """Call `function` with this input, or with an edited one."""
        if value is self.value:
            return function(*self._args, **self._kwargs)
        bound = self._signature.bound(self._args, self._kwargs)
        if self.style == "state":
            assert self._name is not None
            bound.arguments[self._name] = value
        else:
            hidden = self._signature.hidden
            bound.arguments.update({name: item for name, item in value.items() if name != hidden})
        return function(*bound.args, **bound.kwargs)


class Signature:
    """The parameters of a step's function.

    Attributes:
        hidden: Name of the first parameter if it is the object or class of a method, which is no input; else None.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        parameters = self._signature.parameters
        first = next(iter(parameters), None)
        self.hidden = first if first in _SKIPPED else None
        self._registered = False
        places = [parameter for parameter in parameters.values() if parameter.kind in _BY_PLACE]
        self._places = tuple(parameter.name for parameter in places)
        self._required = sum(parameter.default is inspect.Parameter.empty for parameter in places)
        self._by_place_alone = not any(
            parameter.kind is inspect.Parameter.VAR_POSITIONAL
            or (parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty)
            for parameter in parameters.values()
        )

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> CallInput:
        """Return the input of a call.

        Raises:
            TypeError: If the function cannot be called so; the same error as a plain call would give.
        """
        if not self._registered:
            self._registered = True
            register_annotations(self._function)
        if not kwargs and self._by_place_alone and self._required <= len(args) <= len(self._places):
            arguments = dict(zip(self._places, args, strict=False))  # as `bound` would say, at a tenth of its cost
        else:
            arguments = dict(self.bound(args, kwargs).arguments)
        return CallInput(self, args, kwargs, arguments)

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> inspect.BoundArguments:
        """Return the arguments by parameter."""
        return self._signature.bind(*args, **kwargs)


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
