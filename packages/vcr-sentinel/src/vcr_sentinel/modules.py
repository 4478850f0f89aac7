"""Which file an import means, and which names a module of the project holds.

Answers are yes, no, or unknown; every doubt is "unknown", because a false "no" is what makes a guard useless.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vcr_sentinel.facts import Binding
from vcr_sentinel.index import IndexedFile, ProjectIndex
from vcr_sentinel.token_stream import IN_FUNCTION, STAR, TYPING_ONLY, Import

# Modules that a build writes, so that a checkout need not hold them.
_BUILT = re.compile(r"^_*(version|build|generated|config|compat_build)\w*_*$|_pb2(_grpc)?$|^_version")
_SOURCE_ROOTS = ("", "src", "lib")
_ALWAYS = frozenset({"__name__", "__file__", "__doc__", "__path__", "__spec__", "__package__", "__loader__",
                     "__dict__", "__all__", "__annotations__", "__builtins__", "__cached__"})  # fmt: skip
# Builtins that may read or bind any name of the module they are called in.
_OF_THE_CALLER = frozenset({"globals", "eval", "exec"})
Origin = tuple[str, ...]
UNBOUND: Origin = ("unbound",)


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
        """The folder that must be on `sys.path` for the file: the one that holds the outermost package above it.

        A folder without `__init__.py` between two packages is a package too, so it does not end the search.
        """
        root = folder = path.rpartition("/")[0]
        while folder:
            above = folder.rpartition("/")[0]
            if self.is_package(folder):
                root = above
            folder = above
        return root

    def is_package(self, folder: str) -> bool:
        """Whether the folder has an `__init__.py`."""
        return f"{folder}/__init__.py" in self._index.files

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

    def origin(self, path: str, name: str, *, depth: int = 0) -> Origin | None:
        """What a global name of the module `path` stands for: equal for two modules only where it is one thing.

        `UNBOUND` where neither the module nor Python itself has it; `None` where it cannot be known.
        """
        file = self._index.files.get(path)
        if file is None or depth > 5:
            return None
        table = file.names()
        bindings = table.bindings.get(name, [])
        imports = [item for item in table.imports.get(name, ()) if not item.flags & IN_FUNCTION]
        if len(bindings) + bool(imports) > 1:
            return None
        if bindings or name in _ALWAYS:
            return "definition", path, name
        if imports:
            found = {self._imported(path, item, depth) for item in imports}
            return found.pop() if len(found) == 1 else None
        if name in _OF_THE_CALLER or any(
            self._through_star(path, item, name, set()) is not False for item in table.stars
        ):
            return None
        if hasattr(builtins, name):
            return "builtin", name
        return None if table.dynamic else UNBOUND

    def _imported(self, path: str, item: Import, depth: int) -> Origin:
        if not item.name:
            dotted = item.module if item.flags & STAR else item.bound
            target = self.resolve(path, 0, dotted)
            return ("module", *target) if isinstance(target, Module) else ("module", dotted)
        target = self.resolve(path, item.level, item.module)
        if not isinstance(target, Module):
            place = f"{path.rpartition('/')[0]}/{item.level}" if item.level else ""
            return "member", place, item.module, item.name
        found = self.origin(target.path, item.name, depth=depth + 1)
        if found is not None and found[0] not in {"unbound", "builtin"}:
            return found
        inner = self.resolve(path, item.level, f"{item.module}.{item.name}".lstrip("."))
        return ("module", *inner) if isinstance(inner, Module) else ("member", *target, item.name)

    def reaches(self, start: str, goal: str) -> bool:
        """Whether running the module `start` imports `goal`, so that `goal` cannot import from `start`."""
        # These run already when `goal` does, so a module below them does not start them.
        running = {goal, *self._packages_above(goal)}
        pending = [start, *self._packages_above(start) - running]
        seen: set[str] = set()
        while pending:
            path = pending.pop()
            if path in seen:
                continue
            seen.add(path)
            for target in self._run_by(path):
                if target == goal:
                    return True
                pending += [target, *self._packages_above(target) - running]
        return False

    def _packages_above(self, path: str) -> set[str]:
        parts = path.split("/")[:-1]
        above = ("/".join([*parts[:count], "__init__.py"]) for count in range(1, len(parts) + 1))
        return {init for init in above if init in self._index.files and init != path}

    def _run_by(self, path: str) -> Iterator[str]:
        """The files that the imports of a module name, as far as they run when it is imported."""
        file = self._index.files.get(path)
        for chunk in file.chunks if file is not None else ():
            for item in chunk.core.imports:
                if item.flags & (IN_FUNCTION | TYPING_ONLY):
                    continue
                inner = f"{item.module}.{item.name}".strip(".") if item.name != "*" else item.module
                for dotted in {item.module, inner}:
                    target = self.resolve(path, item.level, dotted)
                    if isinstance(target, Module) and target.path:
                        yield target.path
