"""Applies the patches: at once to libraries that are loaded, to others when they are imported.

A patch stays for the life of the process unless `remove_patches` is called; while nothing captures, a patched transport
asks one question and goes on as before.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from vcr_llm.transports import Undo

_PATCHES = {
    "httpx": "httpx_family",
    "httpx2": "httpx_family",
    "urllib3": "urllib3_pool",
    "aiohttp": "aiohttp_session",
}
"""Libraries, and the modules of `vcr_llm.transports` that patch them."""


class PatchWarning(UserWarning):
    """A library could not be patched; its calls are not captured."""


class _Applied:
    def __init__(self) -> None:
        self.undos: dict[str, Undo] = {}
        self.finder: _Finder | None = None
        self.lock = threading.RLock()


_applied = _Applied()


def apply_patches() -> None:
    """Patch what is loaded, and have the rest patched on import; does nothing the second time."""
    with _applied.lock:
        if _applied.finder is None:
            _applied.finder = _Finder()
            sys.meta_path.insert(0, _applied.finder)
        for name in _PATCHES:
            library = sys.modules.get(name)
            if library is not None and getattr(library.__spec__, "_initializing", False) is not True:
                _patch(name, library)


def remove_patches() -> None:
    """Undo all patches."""
    with _applied.lock:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not _applied.finder]
        _applied.finder = None
        while _applied.undos:
            _applied.undos.popitem()[1]()


def _patch(name: str, library: ModuleType) -> None:
    with _applied.lock:
        if name in _applied.undos or _applied.finder is None:
            return
        module = importlib.import_module(f"vcr_llm.transports.{_PATCHES[name]}")
        try:
            _applied.undos[name] = module.patch(library)
        except AttributeError as error:
            version = getattr(library, "__version__", "of unknown version")
            warnings.warn(
                f"{name} {version} has not the classes that vcr-llm patches ({error}): its calls are not captured. "
                "In replay the network guard blocks them.",
                PatchWarning,
                stacklevel=2,
            )


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the libraries to patch as the other finders do, and has them patched behind their own loading."""

    def __init__(self) -> None:
        self._finding = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _PATCHES or getattr(self._finding, "busy", False):
            return None
        self._finding.busy = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._finding.busy = False
        if spec is not None and spec.loader is not None:
            spec.loader = _PatchingLoader(fullname, spec.loader)
        return spec


class _PatchingLoader(importlib.abc.Loader):
    def __init__(self, name: str, loader: Any) -> None:
        self._name = name
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _patch(self._name, sys.modules.get(self._name, module))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
