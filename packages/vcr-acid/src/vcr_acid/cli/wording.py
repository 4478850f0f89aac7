"""How sessions, savepoints and changes read on a terminal. Takes plain values, gives text; prints nothing itself."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from typing import Any, TextIO

from vcr_acid.transaction.session_state import Effect
from vcr_core.cli import screen
from vcr_core.cli.screen import Style, paint, safe

_SHOWN = 20
_SIGNS: dict[str, tuple[str, Style]] = {
    "added": ("+", "good"),
    "deleted": ("-", "bad"),
    "modified": ("~", "warn"),
    "renamed": ("→", "key"),
    "mode": ("x", "dim"),
}


def colored(stream: TextIO) -> bool:
    """Whether to colour what goes to a stream: on a terminal only, unless NO_COLOR or CLICOLOR_FORCE say otherwise."""
    if stream is sys.stdout:
        return screen.use_color()
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def plural(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def change_lines(changes: list[dict[str, Any]], *, color: bool, limit: int = _SHOWN) -> list[str]:
    """One line per changed path, the first ``limit`` of them."""
    lines: list[str] = []
    for change in changes[:limit]:
        sign, style = _SIGNS[change["kind"]]
        text = safe(change["path"])
        if change["kind"] == "renamed":
            text = f"{safe(change['from'])} → {text}"
        elif change["kind"] == "mode":
            text += "  (permissions)"
        lines.append(f"  {paint(sign, style, color=color)} {text}")
    if len(changes) > limit:
        lines.append(paint(f"    and {len(changes) - limit:,} more", "dim", color=color))
    return lines


def count_changes(changes: list[dict[str, Any]]) -> str:
    """``2 added, 1 renamed``."""
    order = ("added", "modified", "deleted", "renamed", "mode")
    counts = {kind: sum(change["kind"] == kind for change in changes) for kind in order}
    words = {"mode": "with other permissions"}
    return ", ".join(f"{number:,} {words.get(kind, kind)}" for kind, number in counts.items() if number)


def what_moved(done: dict[str, Any], verb: str, *, color: bool) -> str:
    """What undo, redo, restore or abort did."""
    written, deleted = done["written"], done["deleted"]
    if written or deleted:
        parts = [f"{len(written)} put back" if written else "", f"{len(deleted)} removed" if deleted else ""]
        counted = ", ".join(part for part in parts if part)
    else:
        counted = "the files were as they should be"
    lines = [f"{paint(verb, 'bold', color=color)}: {counted}"]
    rows = [f"  {paint('✓', 'good', color=color)} {safe(path)}" for path in written]
    rows += [f"  {paint('-', 'bad', color=color)} {safe(path)}" for path in deleted]
    lines += rows[:_SHOWN]
    if len(rows) > _SHOWN:
        lines.append(paint(f"    and {len(rows) - _SHOWN:,} more", "dim", color=color))
    for path, reason in done["skipped"]:
        lines.append(f"  {paint('!', 'warn', color=color)} {safe(path)} was left alone: {safe(reason)}")
    for path, place in done["escrowed"]:
        lines.append(
            f"  {paint('!', 'warn', color=color)} {safe(path)} held unsaved work; it lies now in {safe(place)}"
        )
    for effect in done.get("effects", ()):
        detail = f" ({effect['error']})" if effect["error"] else ""
        lines.append(f"  effect {safe(effect['key'])}: {effect['status']}{safe(detail)}")
    lines += [f"  {safe(note)}" for note in done.get("notes", ())]
    return "\n".join(lines) + "\n"


def steps_left(done: dict[str, Any], *, color: bool) -> str:
    """What can be done next."""
    parts: list[str] = []
    if done["can_undo"]:
        parts.append(f"{plural(done['can_undo'], 'more step')} back with `vcr undo` (`--all`: everything)")
    if done["can_redo"]:
        parts.append(f"{plural(done['can_redo'], 'step')} forward with `vcr redo`")
    return paint("  " + "; ".join(parts), "dim", color=color) + "\n" if parts else ""


def log_table(log: dict[str, Any]) -> str:
    """The savepoints of a session, newest last; the current one is marked."""
    rows: list[list[str]] = []
    for one in log["savepoints"]:
        here = one["number"] == log["current"]
        changed = ", ".join(one["changed"][:3])
        more = one["changed_count"] - 3
        rows.append(
            [
                screen.Cell("▶" if here else "", "good"),
                screen.Cell(one["number"], "bold" if here else "plain"),
                screen.Cell(time.strftime("%H:%M:%S", time.localtime(one["time"])), "dim"),
                screen.Cell(one["node_name"] or one["reason"], "key" if one["node_name"] else "plain"),
                screen.Cell(one["changed_count"] or ""),
                screen.Cell(changed + (f" and {more} more" if more > 0 else ""), "dim"),
            ]
        )
    text = screen.table(["", ">frame", "time", "why", ">files", "changed"], rows)
    if log["changed"]:
        shown = safe(", ".join(log["changed"][:3]))
        text += f"{plural(len(log['changed']), 'path')} changed since: {shown}\n"
    return text


def status_text(status: dict[str, Any], *, color: bool) -> str:
    """Where a session stands."""
    branch = status["branch"].removeprefix("refs/heads/")
    head = paint(safe(status["session_id"]), "bold", color=color)
    number = status["savepoint"]["number"] if status["savepoint"] else "none"
    steps = f"{status['can_undo']} back, {status['can_redo']} forward"
    lines = [
        f"session {head}, {status['state']}, in {safe(status['workspace'])}",
        f"  at frame {number} of {status['savepoints'] - 1}; {steps}; `vcr commit` goes to {safe(branch)}",
    ]
    changes = status["changes"]
    lines.append(f"  since the beginning: {count_changes(changes) or 'nothing changed'}")
    lines += change_lines(changes, color=color)
    for path, reason in status["unsaved"]:
        lines.append(f"  {paint('!', 'warn', color=color)} {safe(path)} is not saved: {safe(reason)}")
    for effect in status["effects"]:
        lines.append(f"  effect {safe(effect['key'])}: {effect['status']}")
    lines += [paint(f"  git: {safe(note)}", "dim", color=color) for note in status["git"]]
    return "\n".join(lines) + "\n"


def waiting_effects(session_id: str, effects: Iterable[Effect]) -> str:
    """That effects of a session did not run to their end, and what can be done."""
    keys = safe(", ".join(effect.key for effect in effects))
    return (
        f"effects of session {safe(session_id)} still wait: {keys}. The program that knows them can retry_effect() "
        f"them; once it is committed, `vcr commit --drop-effects --session {safe(session_id)}` gives them up"
    )


def commit_text(result: dict[str, Any], *, color: bool) -> str:
    """How a commit ended."""
    branch = safe(result["branch"].removeprefix("refs/heads/"))
    if result["status"] == "conflict":
        sign = paint("conflict", "bad", color=color)
        lines = [f"{sign}: {branch} has other changes in the same places. Nothing was changed anywhere."]
        mark = paint("!", "bad", color=color)
        lines += [f"  {mark} {safe(one['path'])}: {safe(one['reason'])}" for one in result["conflicts"]]
        lines.append("  Make these files as they shall be, then: vcr commit --resolve PATH…")
    elif result["status"] == "nothing":
        lines = [
            f"nothing to commit: {branch} has it all." + ("" if result["waiting"] else " The session is finished.")
        ]
    else:
        done = paint("committed", "good", color=color)
        lines = [f"{done} {plural(len(result['paths']), 'path')} to {branch} as {result['commit'][:10]}"]
    lines += [f"  {safe(note)}" for note in result["notes"]]
    return "\n".join(lines) + "\n"
