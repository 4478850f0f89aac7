"""What a turn changed over all its files, for the things that only then make sense.

Stale callers, modules that were announced and never written, tests that were deleted, private functions nobody uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vcr_sentinel import rules_imports, rules_tests
from vcr_sentinel.facts import Chunk, FunctionFacts
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.modules import Module, ModuleMap
from vcr_sentinel.project import Project


@dataclass
class Turn:
    """The state of each touched file before the turn's first write to it.

    Attributes:
        before: chunks before, by path; empty for a new file.
        announced: fingerprints of VS3xx findings told during the turn.
    """

    before: dict[str, tuple[Chunk, ...]] = field(default_factory=dict[str, tuple[Chunk, ...]])
    announced: set[str] = field(default_factory=set[str])

    def touch(self, path: str, chunks: tuple[Chunk, ...]) -> None:
        """Note a write to a file."""
        self.before.setdefault(path, chunks)

    def review(self, project: Project, modules: ModuleMap) -> list[Finding]:
        """The findings of the turn."""
        findings = list(self._references(project, modules))
        now_everywhere = {facts.exact for path in self.before for facts in _functions(_chunks(project, path))}
        for path in sorted(self.before):
            file = project.index.files.get(path)
            gone = _gone(self.before[path], _chunks(project, path))
            moved_away = [facts for facts in gone if not facts.exact or facts.exact not in now_everywhere]
            if file is None or file.test:
                findings.extend(rules_tests.deleted_tests(path, moved_away, file_deleted=file is None))
            if file is not None and not file.test:
                findings.extend(self._unused(project, path))
        return findings

    def _references(self, project: Project, modules: ModuleMap) -> Iterator[Finding]:
        changed = {
            path: names
            for path, chunks in self.before.items()
            if (names := _changed_names(chunks, _chunks(project, path)))
        }
        for path, file in sorted(project.index.files.items()):
            reads = {
                target.path for chunk in file.chunks for item in chunk.core.imports
                if isinstance(target := modules.resolve(path, item.level, item.module), Module)
            } | {
                target.path for chunk in file.chunks for item in chunk.core.imports
                if item.name and isinstance(
                    target := modules.resolve(path, item.level, f"{item.module}.{item.name}".strip(".")), Module)
            }  # fmt: skip
            gone = any(before not in project.index.files for before in changed)
            if path not in self.before and not gone and not (reads | {path}) & changed.keys():
                continue
            details = project.details(path)
            if len(details) != len(file.chunks):
                continue
            imports, calls = rules_imports.references(file.chunks, [detail.calls for detail in details])
            names = {name for item in changed.values() for name in item}
            for finding in rules_imports.broken(path, file, modules, imports, calls):
                gone_now = finding.code == "VS302" and _module_gone(finding, changed, project)
                stale = finding.code != "VS302" and _names_of(finding) & names
                if gone_now or stale or finding.fingerprint in self.announced:
                    yield finding.with_severity(Severity.CRITICAL)

    def _unused(self, project: Project, path: str) -> Iterator[Finding]:
        old = {facts.qualname for facts in _functions(self.before[path])}
        text = project.text(path)
        file = project.index.files[path]
        for first, facts in file.functions():
            private = facts.name.startswith("_") and not facts.name.startswith("__") and "." not in facts.qualname
            if not private or facts.qualname in old or facts.decorators:
                continue
            if text.count(facts.name.encode()) == 1 and not _imported_anywhere(project, facts.name):
                yield Finding(
                    "VS406", Severity.WARNING, path, first + facts.line, facts.qualname,
                    f"{facts.name}() is new, private, and used nowhere in the project.",
                    "use it where it was meant to go, or delete it.",
                )  # fmt: skip


def _chunks(project: Project, path: str) -> tuple[Chunk, ...]:
    file = project.index.files.get(path)
    return file.chunks if file is not None else ()


def _functions(chunks: tuple[Chunk, ...]) -> Iterator[FunctionFacts]:
    for chunk in chunks:
        yield from chunk.core.functions


def _gone(before: tuple[Chunk, ...], after: tuple[Chunk, ...]) -> list[FunctionFacts]:
    left = {facts.qualname for facts in _functions(after)}
    return [facts for facts in _functions(before) if facts.qualname not in left]


def _changed_names(before: tuple[Chunk, ...], after: tuple[Chunk, ...]) -> set[str]:
    """Names whose definition went, or whose signature changed."""
    old, new = _interface(before), _interface(after)
    return {name for name, signature in old.items() if new.get(name) != signature}


def _interface(chunks: tuple[Chunk, ...]) -> dict[str, object]:
    names: dict[str, object] = {}
    for chunk in chunks:
        for binding in chunk.core.bindings:
            names.setdefault(binding.name.partition(".")[0], binding.kind)
        for item in chunk.core.imports:
            names.setdefault(item.bound, "import")
        for facts in chunk.core.functions:
            if facts.qualname.endswith(".__init__"):
                names[facts.owner] = facts.signature
            elif "." not in facts.qualname:
                names[facts.name] = facts.signature
    return names


def _names_of(finding: Finding) -> set[str]:
    dotted = finding.identity.partition("/")[0]
    return {part for part in dotted.split(".") if part}


def _module_gone(finding: Finding, changed: dict[str, set[str]], project: Project) -> bool:
    last = finding.identity.rpartition(".")[2]
    return any(
        path not in project.index.files and path.removesuffix(".py").removesuffix("/__init__").endswith(last)
        for path in changed
    )


def _imported_anywhere(project: Project, name: str) -> bool:
    return any(
        item.name == name
        for file in project.index.files.values()
        for chunk in file.chunks
        for item in chunk.core.imports
    )
