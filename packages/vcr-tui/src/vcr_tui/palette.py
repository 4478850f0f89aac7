"""Colours.  Blue is added, orange is removed, the selection is never amber; without colour every mark still speaks."""

from __future__ import annotations

import os
from collections.abc import Mapping

from prompt_toolkit.styles import Style

COLOURS = {
    "bar": "bg:#20252e #c9d1d9",
    "bar.name": "bg:#20252e #ffffff bold",
    "bar.dim": "bg:#20252e #98a3b3",
    "bar.err": "bg:#20252e #ff8f7a bold",
    "bar.fork": "bg:#20252e #d2a8ff",
    "badge": "bg:#2d4f85 #ffffff bold",
    "badge.live": "bg:#9a2a1f #ffffff bold",
    "badge.edit": "bg:#5a3d99 #ffffff bold",
    "cursor": "bg:#28436e #ffffff",
    "cursor.dim": "bg:#2b3038",
    "mark": "#79b8ff bold",
    "index": "#7f8b9c",
    "name": "#e3e7ed",
    "kind": "#8d99aa",
    "kind.llm": "#d2a8ff",
    "kind.tool": "#7ee0c3",
    "latency": "#8fa3bd",
    "latency.long": "#f2cc60",
    "ok": "#7fd1ae",
    "error": "#ff8f7a bold",
    "other": "#f2cc60",
    "dim": "#7f8b9c",
    "rule": "#3b4350",
    "thumb": "#566173",
    "tab": "#98a3b3",
    "tab.on": "#ffffff bold underline",
    "fold": "#7f8b9c",
    "key": "#8ec5ff",
    "str": "#b5d99c",
    "text": "#d7dce3",
    "num": "#f2cc60",
    "bool": "#d2a8ff",
    "null": "#7f8b9c italic",
    "sum": "#7f8b9c",
    "inside": "#a9b3c1",
    "typed": "#7ee0c3",
    "add": "#6cb6ff",
    "del": "#ff9e64",
    "chg": "#d7dce3 bold",
    "move": "#d2a8ff",
    "err": "#ff8f7a",
    "banner": "bg:#3a1d1d #ffc9bd",
    "banner.head": "bg:#3a1d1d #ff8f7a bold",
    "files": "bg:#17303a #a8dce8",
    "tape": "#6b8fc4",
    "tape.err": "#ff8f7a bold",
    "tape.cursor": "reverse bold",
    "found": "#f2cc60 bold",
    "foot": "bg:#20252e #98a3b3",
    "foot.key": "bg:#20252e #8ec5ff bold",
    "foot.msg": "bg:#20252e #ffffff",
    "foot.err": "bg:#20252e #ff8f7a bold",
    "help": "bg:#20252e #d7dce3",
    "help.head": "bg:#20252e #ffffff bold",
    "help.key": "bg:#20252e #8ec5ff bold",
}
MONOCHROME = {
    "bar": "reverse",
    "bar.name": "reverse bold",
    "badge": "bold",
    "cursor": "reverse",
    "cursor.dim": "underline",
    "mark": "bold",
    "error": "bold",
    "tab.on": "bold underline",
    "chg": "bold",
    "add": "bold",
    "banner.head": "bold underline",
    "tape.err": "bold",
    "tape.cursor": "reverse",
    "found": "bold",
    "foot.key": "bold",
    "foot.err": "bold",
    "help": "",
    "help.head": "bold underline",
    "help.key": "bold",
}


def wants_colour(environment: Mapping[str, str] = os.environ) -> bool:
    """Return False where the person (``NO_COLOR``) or the terminal has none."""
    return not environment.get("NO_COLOR") and environment.get("TERM") not in ("dumb", "vt100", "vt220", "xterm-mono")


def make_style(*, colour: bool) -> Style:
    """Return the style of all classes."""
    return Style.from_dict(COLOURS if colour else MONOCHROME)
