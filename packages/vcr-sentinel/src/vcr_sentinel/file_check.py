"""Checks of one file: of what a write changed, and of everything that stands in it.

Both give findings with the same fingerprints, so that a finding told at a write can be looked for again later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vcr_sentinel import rules_content, rules_duplicates, rules_imports, rules_size, rules_tests
from vcr_sentinel.change import Change, Piece, Placed, compare
from vcr_sentinel.document import Document
from vcr_sentinel.facts import Chunk, Detail
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.modules import ModuleMap
from vcr_sentinel.project import Project
from vcr_sentinel.source_text import NewerSyntaxError, SourceError, to_utf8


class Written(NamedTuple):
    """The outcome of taking in one write: a change, or why there is none."""

    change: Change | None
    problem: Finding | None


def take_in(project: Project, modules: ModuleMap, path: str, source: str | bytes) -> Written:
    """Update the index by a file's new source. A file that does not parse keeps its old facts."""
    document = project.document(path)
    before: tuple[Chunk, ...] = document.chunks if document is not None else ()
    old_text = document.text if document is not None else b""
    try:
        text = to_utf8(source)
        if document is None:
            document = Document(text)
        else:
            document.update(text)
    except NewerSyntaxError:
        return Written(None, None)
    except SourceError as exc:
        return Written(None, does_not_parse(path, exc))
    file = project.put(path, document)
    change = compare(path, project, modules, before=before, old_text=old_text, document=document, file=file)
    return Written(change, None)


def does_not_parse(path: str, error: SourceError) -> Finding:
    """The one finding for a file that cannot be read."""
    return Finding(
        "VS001", Severity.CRITICAL, path, error.line, "", f"does not parse: {error.reason}.",
        "mend the syntax at this line; nothing else of the file is checked until it parses.",
    )  # fmt: skip


def check_change(change: Change) -> list[Finding]:
    """All fast-lane findings of a write."""
    findings: list[Finding] = []
    for rule in (rules_size, rules_duplicates, rules_imports, rules_content, rules_tests):
        findings.extend(rule.check(change))
    return findings


def check_whole(
    project: Project, modules: ModuleMap, path: str, *, known: frozenset[str] | None = frozenset()
) -> list[Finding]:
    """Everything the fast rules find in a file as it stands; a duplicate is told at the later of two places.

    Args:
        project: the indexed project.
        modules: its module map.
        path: a file of it.
        known: `path::qualname` of functions that a baseline holds as originals; they are cited, not flagged. `None`
            tells a duplicate at both of its places.
    """
    file = project.index.files.get(path)
    if file is None:
        return []
    findings: list[Finding] = []
    placed = [Placed(first + facts.line, facts) for first, facts in file.functions()]
    for item in placed:
        findings.extend(rules_size.over_limit(path, item, project.config.limits, test=file.test))
    details = project.details(path)
    if len(details) == len(file.chunks):
        imports, calls = rules_imports.references(file.chunks, [detail.calls for detail in details])
        findings.extend(rules_imports.broken(path, file, modules, imports, calls))
        findings.extend(_content(project, path, placed, details))
    findings.extend(_duplicates(project, modules, path, placed, known))
    return findings


def _duplicates(
    project: Project, modules: ModuleMap, path: str, placed: list[Placed], known: frozenset[str] | None
) -> Iterator[Finding]:
    file = project.index.files[path]
    document = Document(b"", ())
    for item in placed:
        change = Change(path, project, modules, file, {}, frozenset(), [item], [], [], b"", document)
        for finding in rules_duplicates.check(change):
            mine, other = f"{path}::{item.facts.qualname}", finding.related_identity
            # Of two copies one is the original: the known one, else the one whose place sorts first.
            if known is not None and (mine in known or (other not in known and mine < other)):
                continue
            yield finding


def _content(project: Project, path: str, placed: list[Placed], details: tuple[Detail, ...]) -> Iterator[Finding]:
    file = project.index.files[path]
    text = project.text(path)
    lines = Document(text, file.chunks) if rules_content.suspicious(text) else Document(b"", ())
    pieces: list[Piece] = []
    first = 1
    for chunk, detail in zip(file.chunks, details, strict=True):
        if lines.text or detail.swallowed:
            pieces.append(Piece(first, chunk._replace(detail=detail)))
        first += chunk.lines
    modules = ModuleMap(project.index, project.root)
    change = Change(path, project, modules, file, {}, frozenset(), placed, pieces, [], b"", lines)
    yield from rules_content.check(change)
