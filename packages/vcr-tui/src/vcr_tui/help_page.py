"""The `?` page, made from the table of keys."""

from __future__ import annotations

from vcr_tui.cells import columns, cut, fit
from vcr_tui.key_table import Key, help_rows
from vcr_tui.pane_content import Fragments

_KEY_WIDTH = 13


def help_lines(*, width: int) -> list[Fragments]:
    """Return the lines of the page, in two columns where there is room."""
    blocks = [_block(group, keys, width=(width - 4) // 2 if width >= 110 else width - 2) for group, keys in help_rows()]
    if width < 110:
        return [line for block in blocks for line in block]
    left, right = blocks[0] + blocks[1], [line for block in blocks[2:] for line in block]
    half = (width - 4) // 2
    lines: list[Fragments] = []
    for at in range(max(len(left), len(right))):
        first = left[at] if at < len(left) else []
        used = sum(columns(text) for _, text in first)
        lines.append([*first, ("", " " * (half + 2 - used)), *(right[at] if at < len(right) else [])])
    return lines


def _block(group: str, keys: list[Key], *, width: int) -> list[Fragments]:
    lines: list[Fragments] = [[("class:help.head", f" {group}")]]
    for key in keys:
        shown = fit(key.shown, _KEY_WIDTH)
        lines.append([("class:help.key", f"  {shown}"), ("class:help", cut(key.help, max(8, width - _KEY_WIDTH - 3)))])
    lines.append([])
    return lines
