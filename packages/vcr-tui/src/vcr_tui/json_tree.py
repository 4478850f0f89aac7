"""A state as rows of a tree that opens where it is looked at.  Pure: no terminal, no files.

A row is made only when its container is open, a long list opens in ranges, a long text and JSON inside a text open as
rows below them.  Which rows are open is kept by path in `Folds`, so the same place stays open from frame to frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from vcr_core.json_pointer import build, kind_of

Kind = Literal["object", "list", "range", "text", "json", "string", "number", "boolean", "null", "line", "typed"]
Path = tuple["str | int | Part", ...]
Folds = dict[Path, bool]

AUTO_DEPTH = 2
AUTO_ITEMS = 40
LONG_TEXT = 160
RANGE = 100
_MAX_RANGES = 200
_MAX_EMBEDDED = 4 << 20
_PLAIN_TAGS = {"tuple", "set", "frozenset", "deque"}


class Part(NamedTuple):
    """A step of a path that is no step into the document: a range of a list, a line of a text, JSON in a text."""

    name: str
    start: int = 0
    stop: int = 0


class Row(NamedTuple):
    """One row.

    Attributes:
        depth: Levels below the root.
        label: Key or index before the value, or None.
        kind: What the value is.
        value: The value itself, shared with the state.
        path: Where it stands.
        opens: True if it holds rows.
        open: True if they are shown.
    """

    depth: int
    label: str | int | None
    kind: Kind
    value: Any
    path: Path
    opens: bool
    open: bool


def kind_of_value(value: Any) -> Kind:
    """Return what sort of row a wire value is."""
    cls = kind_of(value)
    if cls is str:
        if len(value) > 1 and value[0] in "{[" and value[-1] in "}]":
            return "json"
        return "text" if len(value) > LONG_TEXT or "\n" in value else "string"
    if cls is dict:
        return "typed" if "$vcr" in value else "object"
    if cls is list:
        return "list"
    if value is None:
        return "null"
    return "boolean" if cls is bool else "number"


def embedded(text: str) -> Any:
    """Return the object or list that a text is the JSON of, or None."""
    if len(text) > _MAX_EMBEDDED:
        return None
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if kind_of(found) in (dict, list) else None


class JsonTree:
    """The rows of one value.

    Args:
        value: A wire value; it is not changed.
        folds: What was opened and closed by hand, by path; shared between the frames of a session.
        read_blob: Returns the text of a large leaf that is kept in its own file, or None.
        text_width: Columns at which the lines of an opened text are broken.
    """

    def __init__(
        self,
        value: Any,
        *,
        folds: Folds | None = None,
        read_blob: Callable[[dict[str, Any]], str | None] | None = None,
        text_width: int = 100,
    ) -> None:
        self.value = value
        self.folds: Folds = {} if folds is None else folds
        self.text_width = text_width
        self._read_blob = read_blob
        self.rows: list[Row] = []
        self.rebuild()

    def rebuild(self) -> None:
        """Make the rows anew, for another width or after `folds` was changed."""
        root = self._row(0, None, self.value, ())
        self.rows = [root, *self._below(root)]

    def __len__(self) -> int:
        return len(self.rows)

    def toggle(self, at: int) -> bool:
        """Open or close the row at `at`; False if there is nothing to open."""
        row = self.rows[at]
        if not row.opens:
            return False
        self.folds[row.path] = not row.open
        end = at + 1
        while end < len(self.rows) and self.rows[end].depth > row.depth:
            end += 1
        changed = row._replace(open=not row.open)
        self.rows[at:end] = [changed, *self._below(changed)]
        return True

    def parent(self, at: int) -> int:
        """Return the row that holds the row at `at`, itself for the root."""
        depth = self.rows[at].depth
        for above in range(at - 1, -1, -1):
            if self.rows[above].depth < depth:
                return above
        return at

    def nearest(self, path: Path) -> int:
        """Return the row of a path, or of the nearest thing above it that is shown."""
        places = {row.path: at for at, row in enumerate(self.rows)}
        while path not in places and path:
            path = path[:-1]
        return places.get(path, 0)

    def reveal(self, path: Path) -> int:
        """Open what holds a path and return its row."""
        for length in range(len(path)):
            self.folds[path[:length]] = True
        self.rebuild()
        return self.nearest(path)

    def find(self, accept: Callable[[str], bool]) -> Path | None:
        """Return the path of the first key or leaf whose text is accepted, in document order."""
        stack: list[tuple[Path, Any]] = [((), self.value)]
        while stack:
            path, value = stack.pop()
            if path and isinstance(path[-1], str) and accept(path[-1]):
                return path
            children = list(self._children(value, path))
            if children:
                stack.extend((below, item) for _, item, below in reversed(children))
            elif accept(self._leaf_text(value)):
                return path
        return None

    def _leaf_text(self, value: Any) -> str:
        if kind_of(value) is str:
            return str(value)
        if self._is_blob(value) and self._read_blob is not None:
            return self._read_blob(value) or ""
        return json.dumps(value, ensure_ascii=False, default=str)

    # -- making rows -------------------------------------------------------------------------------------------------

    def _row(self, depth: int, label: str | int | None, value: Any, path: Path) -> Row:
        kind = kind_of_value(value)
        opens = bool(value) and kind in ("object", "list", "text", "json")
        if kind == "typed":
            opens = self._typed_content(value) is not None
        is_open = opens and self.folds.get(path, self._opens_itself(depth, kind, value))
        return Row(depth, label, kind, value, path, opens, is_open)

    @staticmethod
    def _opens_itself(depth: int, kind: Kind, value: Any) -> bool:
        if kind not in ("object", "list"):
            return False
        return depth == 0 or (depth < AUTO_DEPTH and len(value) <= AUTO_ITEMS)

    def _below(self, row: Row) -> Iterator[Row]:
        """Yield the rows below an open row, and below those that are open."""
        stack = [iter(self._rows_in(row))] if row.open else []
        while stack:
            below = next(stack[-1], None)
            if below is None:
                stack.pop()
                continue
            yield below
            if below.open:
                stack.append(iter(self._rows_in(below)))

    def _rows_in(self, row: Row) -> Iterator[Row]:
        depth = row.depth + 1
        if row.kind == "range":
            part = row.path[-1]
            assert isinstance(part, Part)
            for at in range(part.start, part.stop):
                yield self._row(depth, at, row.value[at], (*row.path, at))
        elif kind_of(row.value) is str or self._is_blob(row.value):
            yield from self._rows_in_text(row, depth)
        elif kind_of(row.value) is list and len(row.value) > _MAX_RANGES:
            yield from self._ranges(row, depth)
        else:
            for label, value, path in self._children(row.value, row.path):
                yield self._row(depth, label, value, path)

    def _ranges(self, row: Row, depth: int) -> Iterator[Row]:
        for part in _ranges(len(row.value)):
            path = (*row.path, part)
            # The newest entries are those that people look for: the last range opens by itself.
            is_open = self.folds.get(path, part.stop == len(row.value))
            yield Row(depth, None, "range", row.value, path, True, is_open)

    def _rows_in_text(self, row: Row, depth: int) -> Iterator[Row]:
        text: str = row.value if kind_of(row.value) is str else self._read_text(row.value)
        found = embedded(text) if kind_of_value(text) == "json" else None
        if found is not None:
            inner = (*row.path, Part("json"))
            for label, value, path in self._children(found, inner):
                yield self._row(depth, label, value, path)
            return
        number = 0
        for line in text.split("\n"):
            for start in range(0, max(1, len(line)), self.text_width):
                piece = line[start : start + self.text_width]
                yield Row(depth, None, "line", piece, (*row.path, Part("line", number)), False, False)
                number += 1

    def _children(self, value: Any, path: Path) -> Iterator[tuple[str | int | None, Any, Path]]:
        cls = kind_of(value)
        if cls is dict:
            if "$vcr" in value:
                content = self._typed_content(value)
                yield from self._children(content, (*path, "v")) if content is not None else ()
                return
            for key, item in value.items():
                yield key, item, (*path, key)
        elif cls is list and len(value) > _MAX_RANGES:
            for part in _ranges(len(value)):
                for at in range(part.start, part.stop):
                    yield at, value[at], (*path, part, at)
        elif cls is list:
            for at, item in enumerate(value):
                yield at, item, (*path, at)

    def _typed_content(self, value: dict[str, Any]) -> Any:
        if self._is_blob(value):
            return value
        content: Any = value.get("v")
        return content if kind_of(content) in (dict, list) and content else None

    @staticmethod
    def _is_blob(value: Any) -> bool:
        return kind_of(value) is dict and value.get("$vcr") == "blob"

    def _read_text(self, value: dict[str, Any]) -> str:
        text = self._read_blob(value) if self._read_blob is not None else None
        return text if text is not None else f"(its content is missing: blob {value.get('hash')})"


def _ranges(total: int) -> Iterator[Part]:
    step = RANGE
    while total / step > _MAX_RANGES:
        step *= 10
    for start in range(0, total, step):
        yield Part("range", start, min(start + step, total))


def pointer(path: Path) -> str:
    """Return the RFC 6901 pointer of a path, without the steps that are not in the document."""
    return build([step for step in path if not isinstance(step, Part)])
