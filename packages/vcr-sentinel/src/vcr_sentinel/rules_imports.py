"""VS3xx: imports from the project, and calls into it, that cannot work.

What does not fit yet may be made to fit by the next write, so at the moment of a write these are warnings; what still
fails at the end of a turn is CRITICAL.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vcr_sentinel.change import Change
from vcr_sentinel.facts import CONDITIONAL, Chunk, FunctionFacts, Signature
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.index import IndexedFile
from vcr_sentinel.modules import Module, ModuleMap
from vcr_sentinel.token_stream import DOUBLE_STAR, GUARDED, STAR, Call, Import

_HARMLESS = frozenset({"staticmethod", "override", "final", "deprecated"})


class Reference(NamedTuple):
    """An import or call and the line it stands on."""

    line: int
    what: Import | Call


def check(change: Change) -> Iterator[Finding]:
    """References that this write brought."""
    # The line, which comes last, is no part of what a reference is.
    old_imports = {item[:-1] for chunk in change.replaced for item in chunk.core.imports}
    old_calls = {item[:-1] for chunk in change.replaced if chunk.detail for item in chunk.detail.calls}
    imports: list[Reference] = []
    calls: list[Reference] = []
    for first, chunk in change.pieces:
        imports += [Reference(first + item.line, item) for item in chunk.core.imports
                    if item[:-1] not in old_imports]  # fmt: skip
        if chunk.detail is not None:
            calls += [Reference(first + item.line, item) for item in chunk.detail.calls
                      if item[:-1] not in old_calls]  # fmt: skip
    yield from broken(change.path, change.file, change.modules, imports, calls)


def references(chunks: tuple[Chunk, ...], details: list[tuple[Call, ...]]) -> tuple[list[Reference], list[Reference]]:
    """All imports and calls of a file."""
    imports: list[Reference] = []
    calls: list[Reference] = []
    first = 1
    for chunk, found in zip(chunks, details, strict=True):
        imports += [Reference(first + item.line, item) for item in chunk.core.imports]
        calls += [Reference(first + item.line, item) for item in found]
        first += chunk.lines
    return imports, calls


def broken(
    path: str, file: IndexedFile, modules: ModuleMap, imports: list[Reference], calls: list[Reference]
) -> Iterator[Finding]:
    """Findings for the given references of a file, against the project as it is now."""
    if file.unowned:
        return
    for line, item in imports:
        if isinstance(item, Import) and not item.flags & GUARDED:
            yield from _check_import(path, line, item, modules)
    if calls:
        resolver = _Callees(path, file, modules)
        for line, call in calls:
            if isinstance(call, Call):
                yield from resolver.check(line, call)


def _check_import(path: str, line: int, item: Import, modules: ModuleMap) -> Iterator[Finding]:
    target = modules.resolve(path, item.level, item.module)
    dotted = "." * item.level + item.module
    if target is False:
        yield Finding(
            "VS302", Severity.WARNING, path, line, "", f"imports `{dotted}`, and the project has no such module.",
            "correct the name, or create the module next. Do not wrap the import in try/except.", identity=dotted,
        )  # fmt: skip
    elif isinstance(target, Module) and item.name not in {"", "*"}:
        if modules.has_name(target, item.name) is not False:
            return
        place = target.path or target.folder
        hint = suggest(item.name, modules.names(target))
        yield Finding(
            "VS301", Severity.WARNING, path, line, "", f"imports `{item.name}` from {place}, which does not define it.",
            f"{hint}define it in {place}. Do not wrap the import in try/except.", related=f"{place}:1",
            identity=f"{dotted}.{item.name}",
        )  # fmt: skip


def suggest(name: str, known: Iterable[str]) -> str:
    """A half sentence that names what was probably meant; empty where nothing is close.

    Only names of nearly the same length and the same first letter are compared: this runs at the moment of a write.
    """
    near = sorted({item for item in known if item[:1] == name[:1] and abs(len(item) - len(name)) <= 3})
    close = difflib.get_close_matches(name, near[:40], n=1, cutoff=0.75)
    return f"if `{close[0]}` was meant, use that, else " if close else ""


class _Callees:
    """Finds what a call in one file means."""

    def __init__(self, path: str, file: IndexedFile, modules: ModuleMap) -> None:
        self.path = path
        self.modules = modules
        self.names = file.names()

    def check(self, line: int, call: Call) -> Iterator[Finding]:
        root, _, rest = call.name.partition(".")
        imports = self.names.imports.get(root, [])
        if (
            self.names.dynamic
            or (imports and root in self.names.bindings)
            or len({item._replace(line=0) for item in imports}) > 1
        ):
            return
        if not imports:
            if not rest:
                yield from self._bind(line, call, self.path, root)
            return
        item = imports[0]
        if item.flags & GUARDED:
            return
        if item.name and not rest:
            target = self.modules.resolve(self.path, item.level, item.module)
            if isinstance(target, Module) and target.path:
                yield from self._bind(line, call, target.path, item.name)
            return
        module, attribute = self._module_attribute(item, rest)
        if module is not None and attribute:
            yield from self._attribute(line, call, module, attribute)

    def _module_attribute(self, item: Import, rest: str) -> tuple[Module | None, str]:
        """The module and attribute of `module.attribute(…)`, where the import names a module of the project."""
        if not rest:
            return None, ""
        if item.name:  # from package import module
            dotted = f"{item.module}.{item.name}" if item.module else item.name
            parent = self.modules.resolve(self.path, item.level, item.module)
            shadowed = isinstance(parent, Module) and parent.path and self.modules.definition(parent.path, item.name)
            target = None if shadowed else self.modules.resolve(self.path, item.level, dotted)
            if isinstance(parent, Module) and parent.path.endswith("__init__.py") and self._rebound(parent, item.name):
                target = None
            path = rest
        elif item.flags & STAR:  # import a.b as c
            target, path = self.modules.resolve(self.path, 0, item.module), rest
        else:  # import a.b; a.b.f()
            prefix = item.module.partition(".")[2]
            if prefix and not rest.startswith(prefix + "."):
                return None, ""
            target, path = self.modules.resolve(self.path, 0, item.module), rest[len(prefix) + 1 :] if prefix else rest
        if not isinstance(target, Module) or not target.path or "." in path:
            return None, ""
        return target, path

    def _rebound(self, package: Module, name: str) -> bool:
        """Whether the package binds a name of its own over its submodule."""
        return name in self.modules.names(package) or self.modules.definition(package.path, name) is not None

    def _attribute(self, line: int, call: Call, module: Module, attribute: str) -> Iterator[Finding]:
        if self.modules.has_name(module, attribute) is False:
            hint = suggest(attribute, self.modules.names(module))
            yield Finding(
                "VS304", Severity.WARNING, self.path, line, "", f"calls {call.name}(), which {module.path} lacks.",
                f"{hint}define it there. Do not guard the call with hasattr.", related=f"{module.path}:1",
                identity=call.name,
            )  # fmt: skip
        else:
            yield from self._bind(line, call, module.path, attribute)

    def _bind(self, line: int, call: Call, path: str, name: str) -> Iterator[Finding]:
        found = self.modules.definition(path, name)
        if found is None:
            return
        file, binding = found
        callee = _callable(file, binding.name, is_class=binding.kind == "class")
        if callee is None:
            return
        facts, skip = callee
        problem = mismatch(call, facts.signature, skip=skip)
        if problem:
            place = f"{file.path}:{file.line_of(facts)}"
            yield Finding(
                "VS303", Severity.WARNING, self.path, line, "", f"calls {call.name}() of {place} {problem}.",
                "pass what its signature asks for. Do not widen the signature to make this call fit.",
                related=place, identity=f"{call.name}/{problem}",
            )  # fmt: skip


def _callable(file: IndexedFile, name: str, *, is_class: bool) -> tuple[FunctionFacts, int] | None:
    """The function a call of `name` runs and how many leading parameters it fills itself."""
    wanted = name
    if is_class:
        classes = file.classes_named(name)
        if len(classes) != 1 or not classes[0].plain or classes[0].flags & CONDITIONAL:
            return None
        wanted = f"{name}.__init__"
        made_elsewhere = file.names().bindings.keys() & {f"{name}.__new__", wanted}
        if made_elsewhere or file.by_qualname(f"{name}.__new__"):
            return None
    found = file.by_qualname(wanted)
    if len(found) != 1 or found[0].flags & CONDITIONAL:
        return None
    if any(item.rpartition(".")[2] not in _HARMLESS for item in found[0].decorators):
        return None
    return found[0], 1 if is_class else 0


def mismatch(call: Call, signature: Signature, *, skip: int) -> str:
    """Why a call cannot bind, by the rules of `inspect.Signature.bind`; empty if it can, or might."""
    positional = signature.positional_only + signature.positional
    required = positional[: len(positional) - signature.defaults]
    given = call.positional + skip
    if given > len(positional) and not signature.var_positional and not call.flags & STAR:
        return f"with {call.positional} positional arguments; it takes {len(positional) - skip}"
    if not signature.var_keyword:
        accepted = {*signature.positional, *signature.keyword_only}
        for keyword in call.keywords:
            if keyword not in accepted:
                return f"with `{keyword}=`, which it does not take"
    if not call.flags & STAR:
        for keyword in call.keywords:
            if keyword in positional[:given] and keyword in signature.positional:
                return f"with `{keyword}` given twice"
    if call.flags & (STAR | DOUBLE_STAR):
        return ""
    missing = [name for name in required[given:] if name not in call.keywords]
    missing += [name for name in signature.keyword_required if name not in call.keywords]
    return f"without {', '.join(f'`{name}`' for name in missing[:4])}" if missing else ""
