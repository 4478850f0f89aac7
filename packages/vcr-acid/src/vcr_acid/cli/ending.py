"""The end of ``vcr run``: shows what changed, and commits, rolls back or keeps the session, asking if it may."""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
from typing import Any

from vcr_acid.cli import wording
from vcr_acid.cli.operations import describe_changes
from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.cli.screen import Style, paint, safe

_MAX_DIFF_BYTES = 1 << 20
_DIFF_STYLES: dict[str, Style] = {"+": "good", "-": "bad", "@": "key"}
_CHOICES = {"k": "keep", "": "keep", "c": "commit", "r": "rollback", "d": "diff"}


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def end(acid: ACIDWorkspace, on_exit: str, *, status: int, took: str, first: int) -> int:
    """Decide what becomes of a session whose program has ended; returns the exit status of ``vcr run``."""
    color = wording.colored(sys.stderr)
    changes = describe_changes(acid.diff(0))
    saved = acid.savepoints()[-1].number - first
    how = "" if status == 0 else paint(f" with status {status}", "bad", color=color)
    if not changes and saved == 0 and first == 0 and not acid.status().effects:
        acid.abort()
        _say(f"vcr: ended{how} after {took}; no file changed")
        return status
    counted = wording.count_changes(changes) or "nothing changed in the end"
    name = paint(safe(acid.session_id or ""), "bold", color=color)
    _say(f"vcr: {name} ended{how} after {took}: {counted} ({wording.plural(saved, 'savepoint')})")
    for line in wording.change_lines(changes, color=color):
        _say(line)
    choice = _ask(acid, changes, color=color) if on_exit == "ask" else on_exit
    if choice == "commit":
        return _commit(acid, status, color=color)
    if choice == "rollback":
        return _roll_back(acid, status, color=color)
    _say(_kept(acid, color=color))
    return status


def _kept(acid: ACIDWorkspace, *, color: bool) -> str:
    possible = acid.status().can_undo
    back = "vcr undo takes it all back" if possible == 1 else "vcr undo: a step back, vcr undo --all: everything"
    where = f" (files: {acid.path})" if acid.path != acid.origin.workspace else ""
    return paint(f"  kept open{safe(where)}. {back}; vcr log; vcr commit or vcr abort ends it", "dim", color=color)


def _ask(acid: ACIDWorkspace, changes: list[dict[str, Any]], *, color: bool) -> str:
    branch = acid.status().branch.removeprefix("refs/heads/")

    def key(letter: str, rest: str) -> str:
        return paint(f"[{letter}]", "key", color=color) + rest

    words = (key("k", "eep open"), key("c", f"ommit to {safe(branch)}"), key("r", "oll back"), key("d", "iff"))
    while True:
        sys.stderr.write("  " + "  ".join(words) + "? ")
        sys.stderr.flush()
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line.endswith("\n"):
            _say("")
        choice = _CHOICES.get(line.strip().lower()[:1])
        if choice == "diff":
            for text in _diff(acid, changes, color=color):
                _say(text)
        elif choice is not None:
            return choice


def _commit(acid: ACIDWorkspace, status: int, *, color: bool) -> int:
    result = acid.commit()
    _say("vcr: " + wording.commit_text(dataclasses.asdict(result), color=color).rstrip())
    return status if result.ok else status or 1


def _roll_back(acid: ACIDWorkspace, status: int, *, color: bool) -> int:
    report = acid.abort()
    done = paint("rolled back", "good", color=color)
    _say(
        f"vcr: {done}: {len(report.written)} put back, {len(report.deleted)} removed; "
        f"what was there lies in commit {report.before.commit[:12]}"
    )
    for path, reason in report.skipped:
        _say(f"  {paint('!', 'warn', color=color)} {safe(path)} was left alone: {safe(reason)}")
    for path, place in report.escrowed:
        _say(f"  {paint('!', 'warn', color=color)} {safe(path)} held unsaved work; it lies now in {safe(place)}")
    return status


def _diff(acid: ACIDWorkspace, changes: list[dict[str, Any]], *, color: bool) -> list[str]:
    """A unified diff from the beginning to now, of what is text."""
    lines: list[str] = []
    for change in changes:
        path = change["path"]
        old, new = acid.read_file(0, change.get("from", path)), _now(acid, path)
        if acid.read_file(acid.savepoints()[-1].number, path) is None:
            new = None  # deleted, or a protected file
        if old == new:
            continue
        if (
            b"\0" in (old or b"")[:8000] + (new or b"")[:8000]
            or max(len(old or b""), len(new or b"")) > _MAX_DIFF_BYTES
        ):
            lines.append(f"  {safe(path)}: binary or large")
            continue
        before, after = ((data or b"").decode("utf-8", "replace").splitlines() for data in (old, new))
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm=""):
            style = _DIFF_STYLES.get(line[:1], "plain")
            lines.append(paint(safe(line.replace("\t", "    ")), style, color=color))
    return lines or ["  no difference in contents"]


def _now(acid: ACIDWorkspace, path: str) -> bytes | None:
    full = os.path.join(acid.path, path)
    try:
        if os.path.islink(full):
            return os.fsencode(os.readlink(full))
        with open(full, "rb") as stream:
            return stream.read(_MAX_DIFF_BYTES + 1)
    except OSError:
        return None
