"""The diff of two strings, as hunks to show: by lines, and by words inside the lines that changed.

The rules are part of the diff's contract (:mod:`vcr_core.diff`). Drawing does not belong here.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from vcr_core.diff.alignment import align_keys

__all__ = ["Hunk", "string_hunks"]

_WORD = re.compile("[0-9A-Za-z_\x80-\U0010ffff]+|[ \t\n\r\f\v]+|.", re.DOTALL)
_LINE = re.compile("[^\n]*\n|[^\n]+")
MAX_WORDS = 20_000  # words of a stretch, both sides together, beyond which its lines are not looked into


class Hunk(NamedTuple):
    """A stretch of text that both strings have, or only the new (``add``) or only the old one (``remove``)."""

    kind: Literal["equal", "remove", "add"]
    text: str


def string_hunks(old: str, new: str, *, by: Literal["words", "lines"] = "words") -> list[Hunk]:
    """Return the hunks that lead from ``old`` to ``new``.

    The texts of all hunks but ``add`` make ``old``, of all but ``remove`` make ``new``. No two neighbours are of one
    kind, none is empty, and a removal stands before the addition that takes its place.

    Args:
        old: The text before.
        new: The text after.
        by: ``lines`` leaves changed lines whole, ``words`` looks into them.
    """
    hunks: list[Hunk] = []
    for kind, before, after in _stretches(_LINE.findall(old), _LINE.findall(new)):
        if kind == "equal" or by == "lines" or not before or not after:
            _put(hunks, kind, before, after)
            continue
        words_before, words_after = _WORD.findall(before), _WORD.findall(after)
        if len(words_before) + len(words_after) > MAX_WORDS:
            _put(hunks, kind, before, after)
            continue
        for inner, inner_before, inner_after in _stretches(words_before, words_after):
            _put(hunks, inner, inner_before, inner_after)
    return _settle(hunks)


def _stretches(old: list[str], new: list[str]) -> list[tuple[Literal["equal", "change"], str, str]]:
    stretches: list[tuple[Literal["equal", "change"], str, str]] = []
    i = j = kept = 0
    for next_i, next_j in [*align_keys(old, new), (len(old), len(new))]:
        if next_i > i or next_j > j:
            if i > kept:
                text = "".join(old[kept:i])
                stretches.append(("equal", text, text))
            stretches.append(("change", "".join(old[i:next_i]), "".join(new[j:next_j])))
            kept = next_i
        i, j = next_i + 1, next_j + 1
    if kept < len(old):
        text = "".join(old[kept:])
        stretches.append(("equal", text, text))
    return stretches


def _put(hunks: list[Hunk], kind: Literal["equal", "change"], before: str, after: str) -> None:
    if kind == "equal":
        hunks.append(Hunk("equal", before))
        return
    hunks.append(Hunk("remove", before))
    hunks.append(Hunk("add", after))


def _settle(hunks: list[Hunk]) -> list[Hunk]:
    """Join what touches: equal with equal, and all removals and additions between two equal stretches."""
    settled: list[Hunk] = []
    pending: dict[str, list[str]] = {"remove": [], "add": [], "equal": []}

    def flush(*kinds: Literal["remove", "add", "equal"]) -> None:
        for kind in kinds:
            text = "".join(pending[kind])
            if text:
                settled.append(Hunk(kind, text))
            pending[kind] = []

    for hunk in hunks:
        if not hunk.text:
            continue
        if hunk.kind == "equal":
            flush("remove", "add")
        else:
            flush("equal")
        pending[hunk.kind].append(hunk.text)
    flush("equal", "remove", "add")
    return settled
