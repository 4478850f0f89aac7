"""The one table of keys: bindings, footer, help page and documentation are made from it.  Pure.

To add a key, add a row here and a method of the same name to `vcr_tui.commands.Commands`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vcr_tui.cells import columns


class Key(NamedTuple):
    """One thing that keys do.

    Attributes:
        action: Name of the method that does it.
        keys: prompt_toolkit's names of the keys.
        shown: How the keys are written for people.
        help: What they do, as a phrase.
        group: Heading on the help page.
        label: A word for the footer; without one it is not there.
        rank: Which labels stay in a narrow footer: the lowest.
    """

    action: str
    keys: tuple[str, ...]
    shown: str
    help: str
    group: str
    label: str = ""
    rank: int = 99


MOVE, LOOK, FIND, ACT, PROGRAM = "Frames", "Looking", "Finding", "Going on", "Program"

KEYS: tuple[Key, ...] = (
    Key("previous_frame", ("left", "h"), "← h", "previous frame", MOVE),
    Key("next_frame", ("right", "l"), "→ l", "next frame", MOVE, "frame", 2),
    Key("up", ("up", "k"), "↑ k", "up: a frame in the list, a line in the pane", MOVE),
    Key("down", ("down", "j"), "↓ j", "down", MOVE),
    Key("page_up", ("pageup", "c-b"), "PgUp", "one screen up", MOVE),
    Key("page_down", ("pagedown", "c-f"), "PgDn", "one screen down", MOVE),
    Key("first", ("g", "home"), "g Home", "first frame, or top of the pane", MOVE),
    Key("last", ("G", "end"), "G End", "last frame, or end of the pane; 12G goes to frame 12", MOVE),
    Key("switch_focus", ("tab",), "Tab", "between the list and the pane", LOOK, "pane", 11),
    Key("next_pane", ("s-tab",), "S-Tab", "the next pane; 1 2 3 4 5 go to one", LOOK),
    Key(
        "toggle_row",
        ("enter", " "),
        "Enter Space",
        "open or close a row: objects, lists, long texts, JSON in texts",
        LOOK,
    ),
    Key("close_row", ("backspace", "-"), "Backspace -", "to what holds this row", LOOK),
    Key("toggle_diff", ("d",), "d", "diff of this frame against the one before", LOOK, "diff", 4),
    Key("pin", ("c",), "c", "pin this frame; on another frame, compare with the pinned one", LOOK, "compare", 10),
    Key("compare_session", ("C",), "C", "compare with the same frame of another session", LOOK),
    Key("toggle_traceback", ("t",), "t", "the whole traceback, or its end", LOOK),
    Key("show_files", ("F",), "F", "diff of the files of a savepoint", LOOK),
    Key("copy_error", ("y",), "y", "copy the error as Markdown, or the place of the row", LOOK),
    Key("search", ("/",), "/", "search names and state text", FIND, "search", 7),
    Key("next_match", ("n",), "n", "next frame found", FIND),
    Key("previous_match", ("N",), "N", "previous frame found", FIND),
    Key("next_error", ("!",), "!", "next error", FIND, "error", 8),
    Key("previous_error", ("@",), "@", "previous error", FIND),
    Key("edit", ("e",), "e", "edit the state in $VISUAL or $EDITOR; the recording stays as it is", ACT, "edit", 3),
    Key("undo_edit", ("u",), "u", "drop the edit of this frame", ACT),
    Key("resume", ("r",), "r", "run the agent again from this frame, with the edit", ACT, "resume", 5),
    Key("fork", ("f",), "f", "fork to a new session, with the edit", ACT, "fork", 6),
    Key("open_session", ("o",), "o", "open another session of the directory", ACT),
    Key("parent_session", ("p",), "p", "open the session that this one was forked from", ACT),
    Key("toggle_follow", ("L",), "L", "follow the run while it is recorded", ACT),
    Key("stop", ("escape",), "Esc", "stop what is running; close what is open", PROGRAM),
    Key("toggle_help", ("?",), "?", "this page", PROGRAM, "help", 1),
    Key("quit", ("q", "c-c"), "q", "quit", PROGRAM, "quit", 0),
)
_SHOWN_IN_FOOTER = {"next_frame": "←→", "switch_focus": "tab"}
_DIGITS = Key("", (), "1 … 5", "State, Input, Diff, Meta, Compare", LOOK)


def footer(width: int) -> list[tuple[str, str]]:
    """Return pairs of key and label that fit in so many columns, in the order of the table, the useful ones first."""
    named = sorted((key for key in KEYS if key.label), key=lambda key: key.rank)
    chosen: set[str] = set()
    room = width - 1
    for key in named:
        needed = columns(_footer_key(key)) + len(key.label) + 3
        if needed > room:
            break
        room -= needed
        chosen.add(key.action)
    return [(_footer_key(key), key.label) for key in KEYS if key.action in chosen]


def _footer_key(key: Key) -> str:
    return _SHOWN_IN_FOOTER.get(key.action, key.shown)


def help_rows() -> Iterator[tuple[str, list[Key]]]:
    """Yield each heading with its keys."""
    groups: dict[str, list[Key]] = {}
    for key in KEYS:
        groups.setdefault(key.group, []).append(key)
    groups[LOOK].insert(1, _DIGITS)
    yield from groups.items()


def as_markdown() -> str:
    """Return the table as it stands in the documentation."""
    lines: list[str] = []
    for group, keys in help_rows():
        lines += [f"| {group} | |", "|---|---|"] if not lines else [f"| **{group}** | |"]
        lines += [f"| {_code(key.shown)} | {key.help} |" for key in keys]
    return "\n".join(lines) + "\n"


def _code(shown: str) -> str:
    return f"`{shown}`"
