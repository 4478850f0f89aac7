"""What the right side shows, line by line: a tree, a diff, or a note.  Lines are made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vcr_core.diff_render import preview
from vcr_tui.cells import columns, cut, printable
from vcr_tui.glyphs import Glyphs
from vcr_tui.json_tree import JsonTree, Row
from vcr_tui.row_text import describe, remark

Fragments = list[tuple[str, str]]

_VALUE_STYLE = {
    "object": "class:sum",
    "list": "class:sum",
    "range": "class:sum",
    "line": "class:text",
    "text": "class:str",
    "json": "class:str",
    "string": "class:str",
    "number": "class:num",
    "boolean": "class:bool",
    "null": "class:null",
    "typed": "class:typed",
}
_DIFF_STYLE = {"+": "class:add", "-": "class:del", "~": "class:chg", ">": "class:move", " ": "class:dim"}


class Content(Protocol):
    """Lines to show."""

    def __len__(self) -> int: ...
    def line(self, at: int, width: int, glyphs: Glyphs) -> Fragments:
        """Return a line of at most `width` columns."""
        ...


class NoteContent:
    """A text to read: what is missing, or why."""

    def __init__(self, lines: Sequence[str], *, style: str = "class:dim") -> None:
        self._lines = lines
        self._style = style

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, at: int, width: int, glyphs: Glyphs) -> Fragments:
        """Return one line of the note."""
        return [(self._style, cut(printable(self._lines[at]), width))]


class TreeContent:
    """A value as a tree.

    Attributes:
        tree: Its rows.
        start: The row that was looked for, or None.
    """

    def __init__(self, tree: JsonTree, *, start: int | None = None) -> None:
        self.tree = tree
        self.start = start

    def __len__(self) -> int:
        return len(self.tree)

    def line(self, at: int, width: int, glyphs: Glyphs) -> Fragments:
        """Return the row at `at`."""
        return tree_line(self.tree.rows[at], width, glyphs)


def tree_line(row: Row, width: int, glyphs: Glyphs) -> Fragments:
    """Return one row of a tree; deep rows are moved left so that something of them is seen."""
    indent = min(row.depth * 2, max(0, width // 2))
    marker = (glyphs.opened if row.open else glyphs.closed) + " " if row.opens else "  "
    parts: Fragments = [("", " " * indent), ("class:fold", marker)]
    used = indent + 2
    if row.label is not None:
        label = cut(printable(str(row.label)), max(4, (width - used) // 2))
        parts += [("class:index" if isinstance(row.label, int) else "class:key", label), ("class:dim", ": ")]
        used += columns(label) + 2
    value = printable(describe(row))
    room = max(0, width - used)
    if row.kind in ("object", "list") and row.opens and not row.open and room > len(value) + 12:
        inside = printable(preview(row.value, limit=room)[1:])
        return [*parts, ("class:sum", f"{value}  "), ("class:inside", cut(inside, room - len(value) - 2))]
    note = remark(row)
    if note and room > 24:
        note = f"  {note}"
        value = cut(value, max(12, room - len(note)))
        return [*parts, (_VALUE_STYLE[row.kind], value), ("class:dim", cut(note, room - columns(value)))]
    return [*parts, (_VALUE_STYLE[row.kind], cut(value, room))]


class DiffContent:
    """A diff as `vcr_core.diff_render` draws it, and how many operations it has.

    Attributes:
        operations: How many there are.
    """

    def __init__(self, title: str, rendered: str, *, operations: int) -> None:
        self.operations = operations
        self._title = title
        self._lines = rendered.split("\n")[:-1]

    def __len__(self) -> int:
        return len(self._lines) + 1

    def line(self, at: int, width: int, glyphs: Glyphs) -> Fragments:
        """Return the title, then the lines of the diff."""
        if at == 0:
            return [("class:dim", cut(self._title, width))]
        text = self._lines[at - 1]
        mark = text[:1]
        return [(_DIFF_STYLE.get(mark, "class:text"), cut(text, width))]


class PatchContent:
    """A diff of files, as git writes it."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def __len__(self) -> int:
        return len(self._lines)

    def line(self, at: int, width: int, glyphs: Glyphs) -> Fragments:
        """Return one line of the patch."""
        text = self._lines[at].expandtabs(4)
        return [(_patch_style(text), cut(printable(text), width))]


def _patch_style(text: str) -> str:
    if text.startswith(("diff ", "+++", "---", "index ", "rename ", "new file", "deleted file", "similarity ")):
        return "class:chg"
    if text.startswith("@@"):
        return "class:move"
    return {"+": "class:add", "-": "class:del"}.get(text[:1], "class:text")
