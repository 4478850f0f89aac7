"""Which classes a reader allows to be restored."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterable
from typing import Any, TypeVar

from vcr_core.runtime_types import importable_name

T = TypeVar("T", bound=type)

_registered: dict[str, type] = {}
_lock = threading.Lock()


def type_name(cls: type) -> str:
    """Return the name a class is recorded under, ``module:Qual.Name``."""
    return f"{importable_name(cls.__module__)}:{cls.__qualname__}"


def register_type(cls: T) -> T:
    """Allow `cls` to be restored by every reader of this process; usable as a decorator."""
    with _lock:
        _registered[type_name(cls)] = cls
    return cls


class Allowed:
    """The classes that one reader restores: the registered ones and those named here.

    Args:
        names: Classes; or strings ``module:Class``, ``module:*`` or ``package.*``.  A string allows the module to be
            imported when such a value is met.
        loaded: Allow every class whose module is loaded already; nothing is imported for these.  The engine reads its
            tapes so: the agent that is run has loaded what it needs.
    """

    def __init__(self, names: Iterable[str | type] = (), *, loaded: bool = False) -> None:
        self._classes: dict[str, type] = {}
        self._modules: set[str] = set()
        self._packages: set[str] = set()
        self._loaded = loaded
        for name in names:
            self._add(name)

    def _add(self, name: str | type) -> None:
        if isinstance(name, type):
            self._classes[type_name(name)] = name
        elif name.endswith(":*"):
            self._modules.add(name[:-2])
        elif name.endswith(".*"):
            self._packages.add(name[:-2])
        else:
            self._classes[name] = type(None)

    def find(self, name: str) -> type | None:
        """Return the class recorded as `name`, or None if it is not allowed or does not exist."""
        known = self._classes.get(name) or _registered.get(name)
        if known is not None and known is not type(None):
            return known
        module_name, _, qualname = name.partition(":")
        if known is type(None) or module_name in self._modules or self._in_package(module_name):
            found = _lookup(_import(module_name), qualname)
        elif self._loaded:
            loaded = sys.modules.get("__main__" if module_name == importable_name("__main__") else module_name)
            found = _lookup(loaded, qualname)
        else:
            return None
        if found is not None:
            self._classes[name] = found
        return found

    def _in_package(self, module_name: str) -> bool:
        return any(module_name == package or module_name.startswith(f"{package}.") for package in self._packages)


def _import(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ImportError:
        return None


def _lookup(module: Any, qualname: str) -> type | None:
    found = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
