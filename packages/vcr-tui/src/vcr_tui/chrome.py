"""The lines around list and pane: header, tape, tabs, banner, footer.  Pure functions from what is known to text."""

from __future__ import annotations

import re

from vcr_core.frames import ErrorInfo, FrameRow, SessionInfo
from vcr_tui.cells import columns, cut, duration, fit, printable, quantity, wrap
from vcr_tui.content_builder import FrameDetails, Savepoint
from vcr_tui.glyphs import Glyphs
from vcr_tui.key_table import footer
from vcr_tui.pane_content import Fragments
from vcr_tui.row_columns import RowColumns
from vcr_tui.session_view import PANE_TITLES, PANES, Pane
from vcr_tui.tape import TapeCell, column_of

_PLACE = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+), in (?P<name>.*)')
_OWN = re.compile(r"[/\\]vcr_core[/\\]")


def money(cost: object) -> str:
    """Return a cost in US dollars with as many digits as tell something."""
    amount = float(str(cost))
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.4f}"


def header(
    info: SessionInfo, name: str, frames: int, table: RowColumns, glyphs: Glyphs, *, badges: Fragments, width: int
) -> Fragments:
    """Return the first line: the session and what it adds up to; what has no room is left out from the right."""
    right = sum(columns(text) + 1 for _, text in badges)
    counting = "" if len(table) >= frames else "…"
    errors = len(table.errors)
    parts: Fragments = [
        ("class:bar.name", f" {glyphs.play} {cut(printable(name), max(8, width // 3))} "),
        ("class:bar.dim", f" {frames:,} frame{'' if frames == 1 else 's'} "),
        ("class:bar.err" if errors else "class:bar.dim", f" {errors:,}{counting} error{'' if errors == 1 else 's'} "),
        ("class:bar.dim", f" {duration(table.total_ms)}{counting} "),
    ]
    if info.parent_session_id:
        cut_at = "" if info.forked_from_frame is None else f"@{info.forked_from_frame}"
        parts.insert(1, ("class:bar.fork", f" {glyphs.fork} {printable(info.parent_session_id)}{cut_at} "))
    if table.tokens:
        parts.append(("class:bar.dim", f" {quantity(table.tokens)} tok "))
    if table.cost is not None:
        parts.append(("class:bar.dim", f" {money(table.cost)} "))
    while len(parts) > 1 and sum(columns(text) for _, text in parts) + right > width:
        parts.pop(1 if columns(parts[1][1]) > width // 2 else -1)
    space = width - right - sum(columns(text) for _, text in parts)
    parts.append(("class:bar", " " * max(0, space)))
    for badge in badges:
        parts += [badge, ("class:bar", " ")]
    return parts


def tape_line(cells: list[TapeCell], glyphs: Glyphs, *, cursor: int, frames: int, width: int) -> Fragments:
    """Return the tape: a bar for each stretch, ``!`` where steps failed, the cursor reversed."""
    at = column_of(cursor, frames=frames, width=width) if cells else -1
    parts: Fragments = []
    for column, cell in enumerate(cells):
        style = "class:tape.err" if cell.failed else "class:tape"
        text = "!" if cell.marked else glyphs.bars[cell.level]
        if column == at:
            parts.append((f"{style} class:tape.cursor", text))
        elif parts and parts[-1][0] == style:
            parts[-1] = (style, parts[-1][1] + text)
        else:
            parts.append((style, text))
    return parts


def tabs(pane: Pane, *, operations: int | None, pinned: str | None, focused: bool, width: int) -> Fragments:
    """Return the line of tabs, with short titles where there is little room."""
    count = "" if operations is None else f"({operations:,})"
    named: list[str] = []
    for titles in (
        {"diff": f"Diff{count}", "compare": f"Compare {pinned}" if pinned else "Compare"},
        {"diff": f"Diff{count}", "compare": "Compare"},
        {"diff": f"Diff{count}", "compare": "Cmp"},
        {"compare": "Cmp"},
        {"state": "St", "input": "In", "diff": "Df", "meta": "Mt", "compare": "Cm"},
        dict.fromkeys(PANES, ""),
    ):
        named = [f"{at} {titles.get(name, PANE_TITLES[name])}".rstrip() for at, name in enumerate(PANES, 1)]
        if sum(columns(text) + 2 for text in named) <= width:
            break
    parts: Fragments = []
    for name, text in zip(PANES, named, strict=True):
        on = "class:tab.on" if name == pane else "class:tab"
        bracket = ("[", "]") if name == pane and focused else (" ", " ")
        parts += [("class:tab", bracket[0]), (on, text), ("class:tab", bracket[1])]
    if pane == "files":
        parts.append(("class:tab.on", f" F {PANE_TITLES[pane]} "))
    return parts


def error_title(row: FrameRow, error: ErrorInfo | None) -> str:
    """Return type and message of an error on one line."""
    kind = (error.type if error else row.error_type) or "Error"
    message = (error.message if error else row.error_message) or ""
    return f"{kind.rpartition('.')[2]}: {message}" if message else kind.rpartition(".")[2]


def banner(details: FrameDetails | None, glyphs: Glyphs, *, width: int, height: int, whole: bool) -> list[Fragments]:
    """Return what stands above the state: why the step failed, and the files of a savepoint; at most `height` lines."""
    if details is None or height < 1:
        return []
    lines: list[Fragments] = []
    if details.unreadable is not None:
        title = f" {glyphs.status['error']} cannot be read: {details.unreadable}"
        lines += [[("class:banner.head", fit(text, width))] for text in wrap(title, width, limit=min(3, height))]
    elif details.row.status == "error" or details.error is not None:
        lines += _error_lines(details, glyphs, width=width, height=height, whole=whole)
    if details.savepoint is not None and len(lines) < height:
        lines += _file_lines(details.savepoint, glyphs, width=width, height=min(4, height - len(lines)))
    return lines


def _error_lines(details: FrameDetails, glyphs: Glyphs, *, width: int, height: int, whole: bool) -> list[Fragments]:
    title = f"{glyphs.status['error']} {error_title(details.row, details.error)}"
    most = max(1, min(3, height - 1))
    lines: list[Fragments] = [
        [("class:banner.head", fit(f" {text}", width))] for text in wrap(title, width - 2, limit=most)
    ]
    trace = traceback_lines(details.error) if whole else places(details.error)
    room = height - len(lines)
    if not trace or room < 1:
        return lines
    if not whole:
        trace = trace[-min(5, room) :]
    return lines + [[("class:banner", fit(f"   {printable(text)}", width))] for text in trace[-room:]]


def traceback_lines(error: ErrorInfo | None) -> list[str]:
    """Return the traceback's lines without the heading and the message, which stand above it; causes first."""
    if error is None:
        return []
    lines = [line for line in error.traceback.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Traceback (most recent")]
    while lines and not lines[-1].startswith(" "):
        lines.pop()  # the message again
    for note in error.notes:
        lines += [f"note: {text}" for text in note.splitlines()]
    if error.cause is not None and not error.traceback:
        lines.append(f"caused by {error.cause.type}: {error.cause.message}")
    return lines


def places(error: ErrorInfo | None) -> list[str]:
    """Return the traceback with a line for each place, the innermost last, without the recorder's own."""
    if error is None:
        return []
    found: list[str] = []
    lines = error.traceback.splitlines()
    for number, line in enumerate(lines):
        place = _PLACE.match(line)
        if place is not None and not _OWN.search(place["file"]):
            code = lines[number + 1].strip() if number + 1 < len(lines) else ""
            name = place["file"].replace("\\", "/").rpartition("/")[2]
            found.append(f"{name}:{place['line']} {place['name']}  {'' if _PLACE.match(code) else code}".rstrip())
    return [*found, *(f"note: {text}" for note in error.notes for text in note.splitlines())]


def _file_lines(savepoint: Savepoint, glyphs: Glyphs, *, width: int, height: int) -> list[Fragments]:
    count = savepoint.total
    number = "" if savepoint.number is None else f" {savepoint.number}"
    title = f" {glyphs.savepoint} savepoint{number}  {count} file{'' if count == 1 else 's'} changed   F shows them"
    lines: list[Fragments] = [[("class:files", fit(title, width))]]
    for at, path in enumerate(savepoint.changed):
        if len(lines) == height - 1 and count - at > 1:
            lines.append([("class:files", fit(f"   … {count - at} more", width))])
            break
        if len(lines) >= height:
            break
        lines.append([("class:files", fit(f"   {printable(path)}", width))])
    return lines


def footer_line(width: int) -> Fragments:
    """Return the keys that fit."""
    return hints(footer(width))


def hints(keys: list[tuple[str, str]]) -> Fragments:
    """Return keys with what they do."""
    parts: Fragments = [("class:foot", " ")]
    for key, label in keys:
        parts += [("class:foot.key", key), ("class:foot", f" {label}  ")]
    return parts


def meter(share: float, glyphs: Glyphs, *, width: int) -> str:
    """Return a line that shows how far something is, from 0 to 1."""
    full = round(max(0.0, min(1.0, share)) * width)
    return glyphs.meter * full + glyphs.meter_rest * (width - full)
