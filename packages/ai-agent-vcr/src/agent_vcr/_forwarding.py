"""How a module of the façade stands for another package without importing it before it is used.

Only the mechanism of PEP 562 belongs here; which module stands for what is said in that module.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType

_SPECIAL = ("__all__", "__version__")  # public in spite of their names


def forward(
    module: str, *, to: str, extra: str | None = None, only: Sequence[str] = (), submodules: Sequence[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a module that stands for the public names of another.

    A name is looked up in the target at its first use and kept, so later uses cost what any attribute costs.

    Args:
        module: The ``__name__`` of the module that stands in front.
        to: The import name of the package that defines the names.
        extra: The extra of `ai-agent-vcr` that installs it, or None where it is always installed.
        only: The names to forward; empty forwards every public name of the target.
        submodules: Modules below this one, imported when they are asked for.

    Returns:
        The two functions to bind to ``__getattr__`` and ``__dir__``.

    Raises:
        MissingExtraError: (from the returned functions) The target is not installed.
        AttributeError: (from the returned functions) The target has no such public name.
    """

    def look_up(name: str) -> object:
        if name in submodules:
            return import_module(f"{module}.{name}")
        if name not in _SPECIAL and (name.startswith("_") or (only and name not in only)):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        target = _load(module, to, extra)
        try:
            value = getattr(target, name)
        except AttributeError as exc:
            raise AttributeError(f"module {module!r} has no attribute {name!r} (nor has {to!r})") from exc
        setattr(sys.modules[module], name, value)
        return value

    def list_names() -> list[str]:
        return sorted({*(only or _load(module, to, extra).__all__), *submodules})

    return look_up, list_names


def _load(module: str, target: str, extra: str | None) -> ModuleType:
    try:
        return import_module(target)
    except ModuleNotFoundError as exc:
        if exc.name != target:  # the package is there; what it needs is not, and its own message says so
            raise
        from agent_vcr.errors import MissingExtraError

        raise MissingExtraError(module, package=target, extra=extra) from exc
