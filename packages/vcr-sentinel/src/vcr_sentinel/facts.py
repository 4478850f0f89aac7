"""What is known of a piece of source: plain tuples, so that they are cheap to keep, compare and store.

Lines are counted from the first line of the chunk a fact stands in, so that an edit above does not touch them. How the
facts are taken belongs to `extraction`; where chunks begin and end belongs to `document`.
"""

from __future__ import annotations

from typing import NamedTuple

from vcr_sentinel.fingerprints import Grams
from vcr_sentinel.token_stream import Call, Import, Swallowed

ASYNC, NESTED, METHOD, CONDITIONAL, STUB, NOT_IMPLEMENTED = 1, 2, 4, 8, 16, 32


class Signature(NamedTuple):
    """What a call must satisfy."""

    positional_only: tuple[str, ...]
    positional: tuple[str, ...]
    defaults: int
    keyword_only: tuple[str, ...]
    keyword_required: tuple[str, ...]
    var_positional: bool
    var_keyword: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All named parameters in order."""
        return self.positional_only + self.positional + self.keyword_only


class FunctionFacts(NamedTuple):
    """One function or method. `exact` and `renamed` are 0 for functions too small to compare."""

    name: str
    qualname: str
    start: int
    line: int
    end: int
    complexity: int
    parameters: int
    statements: int
    asserts: int
    flags: int
    tokens: int
    exact: int
    renamed: int
    decorators: tuple[str, ...]
    signature: Signature

    @property
    def lines(self) -> int:
        """Lines from `def` to the last line, both included."""
        return self.end - self.line + 1

    @property
    def owner(self) -> str:
        """Qualified name of what it stands in; empty at module level."""
        return self.qualname.rpartition(".")[0]


class ClassFacts(NamedTuple):
    """One class. `plain` means: no bases, keywords or decorators, so its `__init__` alone decides how it is called."""

    qualname: str
    line: int
    bases: tuple[str, ...]
    plain: bool
    flags: int


class Binding(NamedTuple):
    """A name that a module (or, dotted, a class) binds. `kind` is `def`, `class` or `var`."""

    name: str
    kind: str
    line: int


class Core(NamedTuple):
    """The facts of a chunk that the project index needs at all times."""

    functions: tuple[FunctionFacts, ...]
    classes: tuple[ClassFacts, ...]
    bindings: tuple[Binding, ...]
    imports: tuple[Import, ...]
    dynamic: bool


class Detail(NamedTuple):
    """The facts of a chunk that are only needed for a file being checked. `grams` goes with `Core.functions`."""

    calls: tuple[Call, ...]
    swallowed: tuple[Swallowed, ...]
    grams: tuple[Grams, ...]


class Chunk(NamedTuple):
    """A run of whole lines holding whole statements.

    `group` is 0 at module level, else the number of the class the lines belong to; `header` marks the lines of such a
    class before its first member. `detail` is `None` for a file that is not open.
    """

    lines: int
    group: int
    header: bool
    indent: int
    prefix: str
    core: Core
    detail: Detail | None
