"""VS101, VS102 and VS104: code that the project already has, found in constant time by its content."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vcr_sentinel.change import Change, Placed
from vcr_sentinel.facts import ASYNC, CONDITIONAL, METHOD, NESTED, STUB, FunctionFacts
from vcr_sentinel.findings import Finding, Severity
from vcr_sentinel.index import Entry, is_distinct_name
from vcr_sentinel.meaning import same_meaning

_STUB_DECORATORS = frozenset({"overload", "abstractmethod", "abstractproperty", "singledispatch", "register"})
_ACCESSORS = frozenset({"setter", "deleter", "getter", "property", "cached_property"})
_NAME_TOKENS = 25
_MAX_NAMESAKES = 2
_MAX_READ = 5  # so many candidates are read and compared in full at the moment of a write


def exempt(facts: FunctionFacts) -> bool:
    """Whether a function's likeness to another means nothing: stubs, overloads, small accessors and dunders."""
    if facts.flags & (NESTED | STUB) or not facts.exact:
        return True
    last = {name.rpartition(".")[2] for name in facts.decorators}
    if last & _STUB_DECORATORS or (last & _ACCESSORS and facts.statements <= 3):
        return True
    if facts.name.startswith("__") and facts.name.endswith("__"):
        return facts.tokens < (150 if facts.name == "__init__" else 120)
    return False


def twins(path: str, facts: FunctionFacts, other: Entry) -> bool:
    """A sync and an async variant of one thing."""
    if facts.flags & ASYNC != other.facts.flags & ASYNC:
        return True
    return ("async" in f"{path}{facts.qualname}".lower()) != ("async" in f"{other.path}{other.facts.qualname}".lower())


def partners(path: str, facts: FunctionFacts, entries: list[Entry]) -> Iterator[Entry]:
    """The functions among `entries` that `facts` may be called a duplicate of."""
    for entry in entries:
        same_place = entry.path == path and entry.facts.qualname == facts.qualname
        alternative = facts.flags & CONDITIONAL and entry.path == path
        if entry.facts is facts or same_place or alternative:
            continue
        if not exempt(entry.facts) and not twins(path, facts, entry):
            yield entry


def check(change: Change) -> Iterator[Finding]:
    """Duplicates among the functions that this write brought or changed."""
    if change.file.unowned or change.file.test:
        return
    own_new: set[int] = {id(placed.facts) for placed in change.after}
    cited: set[int] = set()
    for placed in change.after:
        if exempt(placed.facts) or change.is_moved(placed.facts) or id(placed.facts) in cited:
            continue
        found = _same_content(change, placed)
        if found is None:
            found = _same_name(change, placed)
        if found is not None:
            finding, entry = found
            if id(entry.facts) in own_new:
                cited.add(id(entry.facts))  # a pair that came in one write is told once
            yield finding


def _same_content(change: Change, placed: Placed) -> tuple[Finding, Entry] | None:
    facts = placed.facts
    sizes = change.config.duplicates
    index = change.project.index
    small = is_distinct_name(facts) and facts.tokens >= 15
    if small or (facts.tokens >= sizes.exact_tokens and facts.statements >= sizes.exact_statements):
        entries = index.same_exact(facts)
        if not (facts.tokens >= sizes.exact_tokens and facts.statements >= sizes.exact_statements):
            entries = [entry for entry in entries if entry.facts.name == facts.name]
        entry, certain = _original(change, facts, _owned(change, entries))
        if entry is not None:
            how = "same parameters, same body" if certain else "same text; its names may mean other things"
            return _finding(change, placed, entry, "VS101", how, certain=certain), entry
    if facts.tokens >= sizes.renamed_tokens and facts.statements >= sizes.renamed_statements:
        entries = [entry for entry in index.same_renamed(facts) if entry.facts.exact != facts.exact]
        entry = next(partners(change.path, facts, _owned(change, entries)), None)
        if entry is not None:
            return _finding(change, placed, entry, "VS102", "same body, local names changed"), entry
    return None


def _original(change: Change, facts: FunctionFacts, entries: list[Entry]) -> tuple[Entry | None, bool]:
    """The first of these functions that does what `facts` does, else the first that may, and whether it is certain.

    Of methods no more is asked than equal tokens.
    """
    doubtful: Entry | None = None
    for entry in islice(partners(change.path, facts, entries), _MAX_READ):
        if (facts.flags | entry.facts.flags) & METHOD:
            return entry, True
        same = same_meaning(change.project, change.modules, change.path, facts, entry)
        if same:
            return entry, True
        if same is None and doubtful is None:
            doubtful = entry
    return doubtful, False


def _same_name(change: Change, placed: Placed) -> tuple[Finding, Entry] | None:
    facts = placed.facts
    # pytest calls its hooks by their names: every plugin has its own.
    if facts.name.startswith("pytest_"):
        return None
    if not change.is_new(facts) or not is_distinct_name(facts) or facts.tokens < _NAME_TOKENS:
        return None
    names = facts.signature.names
    entries = [
        entry
        for entry in _owned(change, change.project.index.same_name(facts.name))
        if entry.path != change.path and entry.facts.tokens >= _NAME_TOKENS
    ]
    if not names or not 1 <= len(entries) <= _MAX_NAMESAKES:
        return None
    entry = next(partners(change.path, facts, entries), None)
    if entry is None or entry.facts.signature.names != names or facts.decorators != entry.facts.decorators:
        return None
    place = place_of(change, entry)
    differs = "whose names may mean other things" if entry.facts.exact == facts.exact else "with another body"
    finding = Finding(
        "VS104", Severity.WARNING, change.path, placed.line, facts.qualname,
        f"{facts.name}() has the name and parameters of the function at {place}, {differs}.",
        "import that one, or give this one a name that says how it differs. Do not keep two under one name.",
        related=place, identity=f"{facts.name}", related_identity=f"{entry.path}::{entry.facts.qualname}",
    )  # fmt: skip
    return finding, entry


def _owned(change: Change, entries: list[Entry]) -> list[Entry]:
    files = change.project.index.files
    return [entry for entry in entries if entry.path == change.path or not files[entry.path].test]


def place_of(change: Change, entry: Entry) -> str:
    """`path:line` of another function."""
    return f"{entry.path}:{change.project.index.files[entry.path].line_of(entry.facts)}"


def _finding(change: Change, placed: Placed, entry: Entry, code: str, how: str, *, certain: bool = False) -> Finding:
    facts = placed.facts
    place = place_of(change, entry)
    whole = certain and not (facts.flags | entry.facts.flags) & METHOD
    return Finding(
        code, Severity.CRITICAL if whole else Severity.WARNING, change.path, placed.line, facts.qualname,
        f"{facts.qualname}() duplicates {place} ({how}).",
        fix_for(facts, entry, change.path, import_path(change, entry)),
        related=place, identity=f"{facts.exact:x}", related_identity=f"{entry.path}::{entry.facts.qualname}",
    )  # fmt: skip


def import_path(change: Change, entry: Entry) -> str:
    """Dotted name of the module an entry stands in."""
    return dotted_module(entry.path, change.modules.root_of(entry.path))


def dotted_module(path: str, root: str) -> str:
    """Dotted name of a file below the folder `root`."""
    inner = path[len(root) + 1 :] if root else path
    return inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def fix_for(facts: FunctionFacts, entry: Entry, path: str, module: str) -> str:
    """What to do about a duplicate."""
    if facts.flags & METHOD or entry.facts.flags & METHOD:
        return "move the body to one shared function or base class that both use. Do not rename or reshape the copy."
    if entry.path == path:
        return f"delete it and call {entry.facts.name}() of this file. Do not rename it to avoid this check."
    alias = f" as {facts.name}" if facts.name != entry.facts.name else ""
    line = f"from {module} import {entry.facts.name}{alias}"
    return f"delete it and add `{line}`. Do not rename it to avoid this check."
