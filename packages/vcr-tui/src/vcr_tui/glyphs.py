"""The marks that carry a meaning: each status has a shape and a word, so nothing rests on colour.  Pure."""

from __future__ import annotations

import msgspec

from vcr_core.frames import STATUSES

WORDS = {"ok": "ok", "error": "err", "cancelled": "canc", "interrupt": "intr", "command": "cmd", "cached": "cache"}
KIND_WORDS = {"node": "node", "llm": "llm", "tool": "tool", "value": "val", "error": "node", "checkpoint": "chk"}


class Glyphs(msgspec.Struct, frozen=True):
    """The characters of one terminal.

    Attributes:
        status: Shape of each status, by name.
        bars: Heights of the tape from "not read yet" to the longest.
    """

    status: dict[str, str]
    bars: str
    play: str
    cursor: str
    fork: str
    edited: str
    pinned: str
    found: str
    savepoint: str
    opened: str
    closed: str
    thumb: str
    track: str
    rule: str
    last_child: str
    child: str
    descent: str
    meter: str
    meter_rest: str

    def status_text(self, status: str) -> str:
        """Return shape and word of a status, at most seven columns."""
        return f"{self.status.get(status, '?')} {WORDS.get(status, status[:5])}"


UNICODE = Glyphs(
    status=dict(zip(STATUSES, "✓✗■‖→=", strict=True)),
    bars="·▁▂▃▄▅▆▇█",
    play="●",
    cursor="▶",
    fork="⑂",
    edited="✎",
    pinned="◆",
    found="•",
    savepoint="◈",
    opened="▾",
    closed="▸",
    thumb="█",
    track="│",
    rule="│",
    last_child="╰─",
    child="├─",
    descent="│ ",
    meter="━",
    meter_rest="┄",
)
ASCII = Glyphs(
    status=dict(zip(STATUSES, "+xo?>=", strict=True)),
    bars="..:-=+*%#",
    play=">",
    cursor=">",
    fork="Y",
    edited="*",
    pinned="@",
    found="/",
    savepoint="#",
    opened="-",
    closed="+",
    thumb="#",
    track="|",
    rule="|",
    last_child="`-",
    child="|-",
    descent="| ",
    meter="=",
    meter_rest="-",
)


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return what a terminal of that encoding can show."""
    return UNICODE if (encoding or "").lower().replace("-", "") in ("utf8", "utf16", "utf32") else ASCII
