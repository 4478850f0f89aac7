"""One write: the file before and after, and what a rule may ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from vcr_sentinel.config import Config
from vcr_sentinel.document import Document
from vcr_sentinel.facts import Chunk, FunctionFacts
from vcr_sentinel.index import IndexedFile
from vcr_sentinel.modules import ModuleMap
from vcr_sentinel.project import Project


class Placed(NamedTuple):
    """A function and the 1-based line of its `def`."""

    line: int
    facts: FunctionFacts


class Piece(NamedTuple):
    """A chunk that this write parsed, and its 1-based first line."""

    first: int
    chunk: Chunk


@dataclass(frozen=True)
class Change:
    """What a write changed.

    Attributes:
        path: relative to the root.
        file: the file after the write, already indexed.
        before: functions of the file before, by qualified name.
        known_exact: exact keys of all functions of the file before.
        after: functions in the chunks that this write parsed.
        pieces: those chunks.
        replaced: chunks of the file before that are gone.
        old_text: source before; empty for a new file.
        document: the file after.
    """

    path: str
    project: Project
    modules: ModuleMap
    file: IndexedFile
    before: dict[str, list[FunctionFacts]]
    known_exact: frozenset[int]
    after: list[Placed]
    pieces: list[Piece]
    replaced: list[Chunk]
    old_text: bytes
    document: Document

    @property
    def config(self) -> Config:
        """The project's settings."""
        return self.project.config

    def is_new(self, facts: FunctionFacts) -> bool:
        """Whether the file had no function of this qualified name."""
        return facts.qualname not in self.before

    def is_moved(self, facts: FunctionFacts) -> bool:
        """Whether the file already had a function of this content, under any name."""
        return facts.exact != 0 and facts.exact in self.known_exact


def compare(
    path: str,
    project: Project,
    modules: ModuleMap,
    *,
    before: tuple[Chunk, ...],
    old_text: bytes,
    document: Document,
    file: IndexedFile,
) -> Change:
    """The change between the chunks of a file before and its document now."""
    old_functions: dict[str, list[FunctionFacts]] = {}
    known: set[int] = set()
    for chunk in before:
        for facts in chunk.core.functions:
            old_functions.setdefault(facts.qualname, []).append(facts)
            if facts.exact:
                known.add(facts.exact)
    kept = {id(chunk.core) for chunk in document.chunks}
    cores_before = {id(chunk.core) for chunk in before}
    pieces: list[Piece] = []
    after: list[Placed] = []
    first = 1
    for chunk in document.chunks:
        if id(chunk.core) not in cores_before:
            pieces.append(Piece(first, chunk))
            after.extend(Placed(first + facts.line, facts) for facts in chunk.core.functions)
        first += chunk.lines
    return Change(
        path=path, project=project, modules=modules, file=file, before=old_functions, known_exact=frozenset(known),
        after=after, pieces=pieces, replaced=[chunk for chunk in before if id(chunk.core) not in kept],
        old_text=old_text, document=document,
    )  # fmt: skip
