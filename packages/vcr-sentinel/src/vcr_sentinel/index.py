"""The project in memory: every file's facts, and where each piece of code stands.

Reading and writing files, and keeping the index between runs, belong to `index_store` and `project`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

from vcr_sentinel.config import is_test_path, is_unowned_path
from vcr_sentinel.facts import METHOD, NESTED, STUB, Binding, Chunk, ClassFacts, FunctionFacts
from vcr_sentinel.token_stream import Import

_MARKED_GENERATED = re.compile(rb"(?i)generated (?:from|by|with)|do not edit|auto-?generated|code generated")


class Entry(NamedTuple):
    """A function and the file it stands in."""

    path: str
    facts: FunctionFacts


class NameTable(NamedTuple):
    """What a module binds: by definition, by import, through stars; `unknown` if it may bind more than can be seen."""

    bindings: dict[str, list[Binding]]
    imports: dict[str, list[Import]]
    stars: list[Import]
    dynamic: bool
    unknown: bool


class IndexedFile:
    """Facts of one file.

    Attributes:
        unowned: vendored, generated or a sample: never a party to a duplicate.
        test: a test file.
    """

    __slots__ = ("_classes", "_names", "_placed", "chunks", "path", "test", "unowned")

    def __init__(self, path: str, chunks: tuple[Chunk, ...], *, generated: bool = False) -> None:
        self.path = path
        self.chunks = chunks
        self.test = is_test_path(path)
        self.unowned = generated or is_unowned_path(path)
        self._names: NameTable | None = None
        self._classes: dict[str, list[ClassFacts]] | None = None
        self._placed: dict[str, list[FunctionFacts]] | None = None

    def functions(self) -> Iterator[tuple[int, FunctionFacts]]:
        """Each function with its chunk's first line: add it to the lines of the facts."""
        first = 1
        for chunk in self.chunks:
            for facts in chunk.core.functions:
                yield first, facts
            first += chunk.lines

    def classes(self) -> Iterator[ClassFacts]:
        """All classes."""
        for chunk in self.chunks:
            yield from chunk.core.classes

    def names(self) -> NameTable:
        """The module's names; made when first asked for."""
        if self._names is None:
            self._names = _name_table(self.chunks)
        return self._names

    def classes_named(self, qualname: str) -> list[ClassFacts]:
        """All classes of a qualified name."""
        if self._classes is None:
            self._classes = {}
            for item in self.classes():
                self._classes.setdefault(item.qualname, []).append(item)
        return self._classes.get(qualname, [])

    def by_qualname(self, qualname: str) -> list[FunctionFacts]:
        """All functions of a qualified name."""
        if self._placed is None:
            self._placed = {}
            for _, facts in self.functions():
                self._placed.setdefault(facts.qualname, []).append(facts)
        return self._placed.get(qualname, [])

    def line_of(self, wanted: FunctionFacts) -> int:
        """1-based line of the `def` of one of this file's functions."""
        for first, facts in self.functions():
            if facts is wanted:
                return first + facts.line
        return 1


def _name_table(chunks: tuple[Chunk, ...]) -> NameTable:
    bindings: dict[str, list[Binding]] = {}
    imports: dict[str, list[Import]] = {}
    stars: list[Import] = []
    dynamic = False
    for chunk in chunks:
        core = chunk.core
        dynamic = dynamic or core.dynamic
        for binding in core.bindings:
            bindings.setdefault(binding.name, []).append(binding)
        for item in core.imports:
            if item.name == "*":
                stars.append(item)
            else:
                imports.setdefault(item.bound, []).append(item)
    unknown = dynamic or "__getattr__" in bindings or "__path__" in bindings
    return NameTable(bindings, imports, stars, dynamic, unknown)


def marked_generated(text: bytes) -> bool:
    """Whether the first lines say that a program wrote the file."""
    return _MARKED_GENERATED.search(text[:400]) is not None


class ProjectIndex:
    """Files by path and functions by content."""

    def __init__(self) -> None:
        self.files: dict[str, IndexedFile] = {}
        self._exact: dict[int, list[Entry]] = {}
        self._renamed: dict[int, list[Entry]] = {}
        self._named: dict[str, list[Entry]] = {}

    def put(self, file: IndexedFile) -> None:
        """Add a file, or replace its facts by newer ones; chunks that stayed cost nothing."""
        before = self.files.get(file.path)
        old = {id(chunk.core): chunk for chunk in before.chunks} if before is not None else {}
        comparable = not file.unowned
        for chunk in file.chunks:
            if old.pop(id(chunk.core), None) is None and comparable:
                for facts in chunk.core.functions:
                    self._add(Entry(file.path, facts))
        if before is not None and not before.unowned:
            for chunk in old.values():
                for facts in chunk.core.functions:
                    self._drop(Entry(file.path, facts))
        self.files[file.path] = file

    def remove(self, path: str) -> None:
        """Forget a file; its functions are never cited again."""
        file = self.files.pop(path, None)
        if file is None or file.unowned:
            return
        for _, facts in file.functions():
            self._drop(Entry(path, facts))

    def same_exact(self, facts: FunctionFacts) -> list[Entry]:
        """Functions of equal tokens."""
        return self._exact.get(facts.exact, []) if facts.exact else []

    def same_renamed(self, facts: FunctionFacts) -> list[Entry]:
        """Functions of equal tokens but for local names."""
        return self._renamed.get(facts.renamed, []) if facts.renamed else []

    def same_name(self, name: str) -> list[Entry]:
        """Module-level functions of this multi-word name."""
        return self._named.get(name, [])

    def _add(self, entry: Entry) -> None:
        facts = entry.facts
        if facts.exact and not facts.flags & (NESTED | STUB):
            self._exact.setdefault(facts.exact, []).append(entry)
            self._renamed.setdefault(facts.renamed, []).append(entry)
            if is_distinct_name(facts):
                self._named.setdefault(facts.name, []).append(entry)

    def _drop(self, entry: Entry) -> None:
        _discard(self._exact, entry.facts.exact, entry)
        _discard(self._renamed, entry.facts.renamed, entry)
        _discard(self._named, entry.facts.name, entry)


_Key = TypeVar("_Key", int, str)


def _discard(table: dict[_Key, list[Entry]], key: _Key, entry: Entry) -> None:
    entries = table.get(key, [])
    if entry in entries:
        entries.remove(entry)
        if not entries:
            del table[key]


def is_distinct_name(facts: FunctionFacts) -> bool:
    """Whether a module-level function's name has several words, so that meeting it twice means something."""
    return not facts.flags & (METHOD | NESTED) and "." not in facts.qualname and "_" in facts.name.strip("_")
