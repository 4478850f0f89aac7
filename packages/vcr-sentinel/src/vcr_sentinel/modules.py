"""Which file an import means, and which names a module of the project holds.

Answers are yes, no, or unknown; every doubt is "unknown", because a false "no" is what makes a guard useless.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vcr_sentinel.facts import Binding
from vcr_sentinel.index import IndexedFile, ProjectIndex
from vcr_sentinel.token_stream import IN_FUNCTION, Import

# Modules that a build writes, so that a checkout need not hold them.
_BUILT = re.compile(r"^_*(version|build|generated|config|compat_build)\w*_*$|_pb2(_grpc)?$|^_version")
_SOURCE_ROOTS = ("", "src", "lib")
_ALWAYS = frozenset({"__name__", "__file__", "__doc__", "__path__", "__spec__", "__package__", "__loader__",
                     "__dict__", "__all__", "__annotations__", "__builtins__", "__cached__"})  # fmt: skip


class Module(NamedTuple):
    """What an import leads to. `path` is empty for a folder without `__init__.py`."""

    folder: str
    path: str


class ModuleMap:
    """Resolves imports within the project."""

    def __init__(self, index: ProjectIndex, root: Path) -> None:
        self._index = index
        self._root = root

    def root_of(self, path: str) -> str:
        """The folder that must be on `sys.path` for the file: the first one above it that is no package."""
        folder = path.rpartition("/")[0]
        while folder and f"{folder}/__init__.py" in self._index.files:
            folder = folder.rpartition("/")[0]
        return folder

    def resolve(self, path: str, level: int, module: str) -> Module | bool | None:
        """Where `from {level dots}{module}` in the file `path` leads.

        Returns:
            the module; `False` if the project certainly has none there; `None` if it cannot be known.
        """
        if level:
            return self._relative(path, level, module)
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names:
            return None
        own = self.root_of(path)
        for root in dict.fromkeys((own, *_SOURCE_ROOTS)):
            prefix = f"{root}/" if root else ""
            if f"{prefix}{top}/__init__.py" in self._index.files or f"{prefix}{top}.py" in self._index.files:
                return self._descend(prefix.rstrip("/"), module)
        return None

    def _relative(self, path: str, level: int, module: str) -> Module | bool | None:
        folder = path.rpartition("/")[0]
        for _ in range(level - 1):
            if not folder:
                return None
            folder = folder.rpartition("/")[0]
        if module:
            return self._descend(folder, module)
        init = f"{folder}/__init__.py" if folder else "__init__.py"
        return Module(folder, init if init in self._index.files else "")

    def _descend(self, folder: str, module: str) -> Module | bool | None:
        parts = module.split(".")
        for number, part in enumerate(parts):
            base = f"{folder}/{part}" if folder else part
            last = number == len(parts) - 1
            if f"{base}/__init__.py" in self._index.files:
                if not last and self._extends_path(f"{base}/__init__.py"):
                    return None
                folder = base
                if last:
                    return Module(base, f"{base}/__init__.py")
            elif f"{base}.py" in self._index.files:
                return Module("", f"{base}.py") if last else None
            else:
                return self._absent(folder, part)
        return None

    def _absent(self, folder: str, part: str) -> bool | None:
        if _BUILT.search(part) or self._extends_path(f"{folder}/__init__.py" if folder else "__init__.py"):
            return None
        return None if self._on_disk(folder, part) else False

    def _on_disk(self, folder: str, part: str) -> bool:
        """Anything of that name that Python or a build might import: extensions, stubs, folders, templates."""
        directory = self._root / folder
        try:
            return (directory / part).is_dir() or any(directory.glob(f"{part}.*"))
        except (OSError, ValueError):
            return True

    def _extends_path(self, path: str) -> bool:
        file = self._index.files.get(path)
        return file is not None and "__path__" in file.names().bindings

    def has_name(self, module: Module, name: str) -> bool | None:
        """Whether `from module import name` works; `None` if it cannot be known."""
        if name in _ALWAYS or (name.startswith("__") and name.endswith("__")):
            return None
        if module.folder and (self._submodule(module.folder, name) or _BUILT.search(name)):
            return True
        if not module.path:
            return None
        return self._defines(module.path, name, set())

    def _submodule(self, folder: str, name: str) -> bool:
        base = f"{folder}/{name}"
        files = self._index.files
        return f"{base}.py" in files or f"{base}/__init__.py" in files or self._on_disk(folder, name)

    def _defines(self, path: str, name: str, seen: set[str]) -> bool | None:
        file = self._index.files.get(path)
        if file is None or path in seen:
            return None if file is None else False
        seen.add(path)
        table = file.names()
        if name in table.bindings or any(not item.flags & IN_FUNCTION for item in table.imports.get(name, ())):
            return True
        unknown = table.unknown
        for imported in table.stars:
            found = self._through_star(path, imported, name, seen)
            if found:
                return True
            unknown = unknown or found is None
        return None if unknown else False

    def _through_star(self, path: str, imported: Import, name: str, seen: set[str]) -> bool | None:
        target = self.resolve(path, imported.level, imported.module)
        if not isinstance(target, Module) or not target.path:
            return None
        return self._defines(target.path, name, seen)

    def names(self, module: Module) -> Iterator[str]:
        """The names a module defines itself, for suggestions."""
        file = self._index.files.get(module.path)
        if file is not None:
            yield from (name for name in file.names().bindings if "." not in name)

    def definition(self, path: str, name: str, *, depth: int = 0) -> tuple[IndexedFile, Binding] | None:
        """The one place in the project that defines `name` of the module `path`, through re-exports.

        `None` where the name is bound more than once, or by something that is no plain `def` or `class`.
        """
        file = self._index.files.get(path)
        if file is None or depth > 5:
            return None
        table = file.names()
        bindings, imports = table.bindings.get(name, []), table.imports.get(name, [])
        if table.dynamic:
            return None
        if len(bindings) == 1 and not imports:
            return (file, bindings[0]) if bindings[0].kind in {"def", "class"} else None
        if len(imports) == 1 and not bindings and imports[0].name:
            target = self.resolve(path, imports[0].level, imports[0].module)
            if isinstance(target, Module) and target.path:
                return self.definition(target.path, imports[0].name, depth=depth + 1)
        return None
