"""One source file cut into chunks of whole statements, so that an edit parses only what it touched.

A chunk whose lines stand unchanged in the new text keeps its facts; only the lines between such chunks are parsed. When
such a piece does not parse by itself, the whole file is parsed. Facts are the same either way.
"""

from __future__ import annotations

import ast

from vcr_sentinel import source_text
from vcr_sentinel.extraction import extract, extract_class_header
from vcr_sentinel.facts import Chunk

SPLIT_CLASS_LINES = 30
#: A chunk is looked for by its longest line, if that has so many bytes.
_TELLING = 12
_WRAP = b"class _:\n"
# `Any` byte that gives lines or columns a meaning that does not survive cutting: tabs mix with blanks, form feeds
# reset the column.
_UNCUTTABLE = (b"\t", b"\f")


class Document:
    """A file's text and chunks.

    Attributes:
        text: UTF-8 source.
        chunks: they cover all lines of the text, in order; empty only if there is no statement.
        fresh: indexes of the chunks that the last update parsed.
        loose: `(first, last)` 1-based lines that the last update gave to a kept chunk: new, and holding no code.
        parsed_whole: whether the last update parsed the whole file.
    """

    __slots__ = ("_groups", "chunks", "fresh", "lines", "loose", "parsed_whole", "text")

    def __init__(self, text: bytes, chunks: tuple[Chunk, ...] | None = None) -> None:
        self.text = text
        self.lines = text.splitlines(keepends=True)
        self.fresh: set[int] = set()
        self.loose: list[tuple[int, int]] = []
        self.parsed_whole = False
        self._groups = max((chunk.group for chunk in chunks), default=0) if chunks else 0
        if chunks is None:
            self.chunks = self._parse_whole(text, self.lines)
        else:
            self.chunks = chunks

    def update(self, text: bytes) -> None:
        """Take a new text.

        Raises:
            SourceError: it does not parse; the document stays as it was.
        """
        lines = text.splitlines(keepends=True)
        chunks: tuple[Chunk, ...] | None = None
        if self.chunks and not any(byte in text for byte in _UNCUTTABLE) and text.count(b"\r") == text.count(b"\r\n"):
            try:
                chunks = self._reparse(lines)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                chunks = None
        self.parsed_whole = chunks is None
        self.chunks = self._parse_whole(text, lines) if chunks is None else chunks
        self.text, self.lines = text, lines

    def _parse_whole(self, text: bytes, lines: list[bytes]) -> tuple[Chunk, ...]:
        tree = source_text.parse_whole(text)
        chunks = self._cut(tree.body, 1, len(lines))
        self.fresh = set(range(len(chunks)))
        self.loose = []
        self.parsed_whole = True
        return tuple(chunks)

    def _cut(self, body: list[ast.stmt], first: int, last: int) -> list[Chunk]:
        """Chunks of module-level statements that cover lines `first` to `last`."""
        chunks: list[Chunk] = []
        start = first
        for unit in _units(body):
            end = unit[-1].end_lineno or unit[-1].lineno
            node = unit[0]
            if len(unit) == 1 and isinstance(node, ast.ClassDef) and _splittable(node):
                chunks.extend(self._cut_class(node, start))
            else:
                core, detail = extract(unit, prefix="", offset=-start, in_class=False)
                chunks.append(Chunk(end - start + 1, 0, False, 0, "", core, detail))
            start = end + 1
        return _stretch_last(chunks, last - start + 1)

    def _cut_class(self, node: ast.ClassDef, start: int) -> list[Chunk]:
        self._groups += 1
        members = _first_line(node.body[0])
        core, detail = extract_class_header(node, prefix="", offset=-start)
        header = Chunk(members - start, self._groups, True, node.body[0].col_offset, f"{node.name}.", core, detail)
        return [header, *self._cut_members(node.body, members, header)]

    def _cut_members(self, body: list[ast.stmt], start: int, header: Chunk) -> list[Chunk]:
        chunks: list[Chunk] = []
        for unit in _units(body):
            end = unit[-1].end_lineno or unit[-1].lineno
            core, detail = extract(unit, prefix=header.prefix, offset=-start, in_class=True)
            chunks.append(header._replace(lines=end - start + 1, header=False, core=core, detail=detail))
            start = end + 1
        return chunks

    def _reparse(self, lines: list[bytes]) -> tuple[Chunk, ...] | None:
        kept = _match(self.chunks, self.lines, lines)
        self.loose = []
        result: list[Chunk] = []
        fresh: set[int] = set()
        position = 0
        for number in range(len(kept) + 1):
            old, at = kept[number] if number < len(kept) else (None, len(lines))
            if at > position:
                gap = self._fill(lines, position, at, result, old)
                if gap is None:
                    return None
                fresh = {index for index in fresh if index < len(result)}
                fresh.update(range(len(result), len(result) + len(gap)))
                result.extend(gap)
            if old is not None:
                result.append(old)
                position = at + old.lines
        if any(chunk.header and not _has_member(result, index) for index, chunk in enumerate(result)):
            return None
        self.fresh = fresh
        return tuple(result)

    def _fill(
        self, lines: list[bytes], first: int, last: int, result: list[Chunk], after: Chunk | None
    ) -> list[Chunk] | None:
        """New chunks for lines `first` to `last`; may take back the last chunk of `result`, which they may continue."""
        for attempt in (1, 2):
            try:
                gap = self._parse_gap(lines[first:last], result[-1] if result else None, after)
            except (SyntaxError, ValueError):
                gap = None
            if gap is not None:
                extra, chunks = gap
                if extra:
                    result[-1] = result[-1]._replace(lines=result[-1].lines + extra)
                    self.loose.append((first + 1, last))
                return chunks
            if attempt == 2 or not result or result[-1].header:
                return None
            first -= result.pop().lines
            self.loose = [span for span in self.loose if span[0] <= first]
        return None

    def _parse_gap(
        self, lines: list[bytes], before: Chunk | None, after: Chunk | None
    ) -> tuple[int, list[Chunk]] | None:
        """Parse the lines between two kept chunks: `(lines to add to the chunk before, new chunks)`."""
        if not any(line.strip() and not line.lstrip().startswith(b"#") for line in lines):
            return (len(lines), []) if before is not None else None
        text = b"".join(lines)
        inside = after is not None and after.group != 0 and not after.header
        if before is not None and before.group and (inside or lines_indented(lines)):
            return self._parse_members(text, len(lines), before, alone=inside)
        if inside:
            return None
        chunks = self._cut(source_text.parse(text).body, 1, len(lines))
        return 0, chunks

    def _parse_members(self, text: bytes, count: int, before: Chunk, *, alone: bool) -> tuple[int, list[Chunk]] | None:
        body = source_text.parse(_WRAP + text).body
        holder = body[0]
        if not isinstance(holder, ast.ClassDef) or holder.body[0].col_offset != before.indent:
            return None
        if alone and len(body) > 1:
            return None
        if len(body) > 1 and _first_line(body[1]) <= (holder.end_lineno or 0):
            return None
        chunks = self._cut_members(holder.body, 2, before)
        used = sum(chunk.lines for chunk in chunks)
        if len(body) > 1:
            return 0, chunks + self._cut(body[1:], 2 + used, count + 1)
        return 0, _stretch_last(chunks, count - used)


def lines_indented(lines: list[bytes]) -> bool:
    """Whether the first line of code is indented."""
    for line in lines:
        bare = line.lstrip(b" ")
        if bare.strip() and not bare.startswith(b"#"):
            return len(bare) < len(line)
    return False


def _has_member(chunks: list[Chunk], header: int) -> bool:
    following = chunks[header + 1] if header + 1 < len(chunks) else None
    return following is not None and following.group == chunks[header].group and not following.header


def _stretch_last(chunks: list[Chunk], extra: int) -> list[Chunk]:
    if extra > 0 and chunks:
        chunks[-1] = chunks[-1]._replace(lines=chunks[-1].lines + extra)
    return chunks


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def _units(body: list[ast.stmt]) -> list[list[ast.stmt]]:
    """Statements that share a line belong together."""
    units: list[list[ast.stmt]] = []
    end = 0
    for node in body:
        if units and _first_line(node) <= end:
            units[-1].append(node)
        else:
            units.append([node])
        end = max(end, node.end_lineno or node.lineno)
    return units


def _splittable(node: ast.ClassDef) -> bool:
    if (node.end_lineno or 0) - node.lineno <= SPLIT_CLASS_LINES:
        return False
    # The header must end on a line of its own: `class A: x = 1` and `):  x = 1` stay whole.
    header_end = max(
        [node.lineno]
        + [item.end_lineno or 0 for item in node.bases]
        + [item.value.end_lineno or 0 for item in node.keywords]
    )
    return _first_line(node.body[0]) > header_end


def _match(chunks: tuple[Chunk, ...], old: list[bytes], new: list[bytes]) -> list[tuple[Chunk, int]]:
    """Old chunks whose lines stand in the new text, in order, each with its first line there (0-based)."""
    starts: list[int] = []
    position = 0
    for chunk in chunks:
        starts.append(position)
        position += chunk.lines
    head = _common_head(old, new)
    tail = _common_tail(old, new, head)
    shift = len(new) - len(old)
    where: dict[bytes, list[int]] | None = None
    kept: list[tuple[Chunk, int]] = []
    groups: set[int] = set()
    floor = 0
    for index, chunk in enumerate(chunks):
        start = starts[index]
        end = start + chunk.lines
        at: int | None
        if end <= head:
            at = start
        elif start >= len(old) - tail:
            at = start + shift
        else:
            if where is None:
                where = _line_positions(new, head, len(new) - tail)
            at = _find(old[start:end], new, where, floor)
        if at is None or at < floor:
            continue
        if chunk.group and not chunk.header and chunk.group not in groups:
            continue
        if chunk.header:
            groups.add(chunk.group)
        kept.append((chunk, at))
        floor = at + chunk.lines
    return kept


def _find(block: list[bytes], new: list[bytes], where: dict[bytes, list[int]], floor: int) -> int | None:
    longest = max(block, key=len)
    if len(longest) < _TELLING:
        return None
    key = block.index(longest)
    for position in where.get(longest, ()):
        at = position - key
        if at >= floor and new[at : at + len(block)] == block:
            return at
    return None


def _line_positions(lines: list[bytes], first: int, last: int) -> dict[bytes, list[int]]:
    positions: dict[bytes, list[int]] = {}
    # One chunk may reach over the edges of the changed part, so its longest line may lie in the unchanged one.
    start = max(0, first - 400)
    for number, line in enumerate(lines[start : last + 400], start):
        if len(line) >= _TELLING:
            positions.setdefault(line, []).append(number)
    return positions


def _common_head(old: list[bytes], new: list[bytes]) -> int:
    limit = min(len(old), len(new))
    step = 0
    while step + 64 <= limit and old[step : step + 64] == new[step : step + 64]:
        step += 64
    while step < limit and old[step] == new[step]:
        step += 1
    return step


def _common_tail(old: list[bytes], new: list[bytes], head: int) -> int:
    limit = min(len(old), len(new)) - head
    step = 0
    while step < limit and old[-1 - step] == new[-1 - step]:
        step += 1
    return step
