"""A state as the text of a file to edit, and back.  Pure.

Large texts that are kept in files of their own are put in whole, so that a long prompt can be edited.  A text that is
no JSON comes back to the person with the reason on top; everything that was typed stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from vcr_core.json_pointer import kind_of
from vcr_tui.errors import TuiError

REMARK = "// "
_MAX_REMARKS = 8
_PLUS_LINE = {"vi", "vim", "nvim", "nano", "pico", "emacs", "emacsclient", "mg", "joe", "jed", "kak", "micro", "ne"}
ReadBlob = Callable[[dict[str, Any]], "str | None"]


class StateSyntaxError(TuiError):
    """An edited text that is not JSON.

    Attributes:
        line: Where it stops being JSON, from 1, in the text as it was given.
        column: The column there, from 1.
        reason: What was expected.
    """

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line = line
        self.column = column
        self.reason = reason
        super().__init__(f"not JSON at line {line}, column {column}: {reason}")


def with_texts(wire: Any, read_blob: ReadBlob) -> Any:
    """Return a wire value in which large texts stand themselves instead of the name of their file."""
    cls = kind_of(wire)
    if cls is dict:
        if wire.get("$vcr") == "blob" and wire.get("kind") == "str":
            text = read_blob(wire)
            return wire if text is None else text
        return {key: with_texts(item, read_blob) for key, item in wire.items()}
    return [with_texts(item, read_blob) for item in wire] if cls is list else wire


def to_text(wire: Any) -> str:
    """Return a wire value as indented JSON, ended by a newline."""
    return json.dumps(wire, indent=2, ensure_ascii=False) + "\n"


def from_text(text: str) -> Any:
    """Return the value of an edited text; remarks at its top do not count.

    Raises:
        StateSyntaxError: If it is not JSON.
    """
    lines = text.lstrip("\ufeff").split("\n")
    skipped = _remarks(lines)
    try:
        return json.loads("\n".join(lines[skipped:]), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise StateSyntaxError(error.lineno + skipped, error.colno, error.msg) from error
    except RecursionError as error:
        raise StateSyntaxError(1 + skipped, 1, "it is nested too deep") from error


def _refuse_constant(name: str) -> Any:
    raise json.JSONDecodeError(f"{name} is no JSON; write it as a tagged float", name, 0)


def _remarks(lines: list[str]) -> int:
    count = 0
    while count < min(len(lines), _MAX_REMARKS) and lines[count].startswith(REMARK.strip()):
        count += 1
    return count


def with_remark(text: str, error: StateSyntaxError) -> tuple[str, int]:
    """Return the text with the reason on top, and the line of the error in it."""
    lines = text.split("\n")
    old = _remarks(lines)
    remarks = [
        f"{REMARK}Line {error.line - old + 2}, column {error.column}: {error.reason}.",
        f"{REMARK}Correct it and save; to keep the state as it was, leave without a change.",
    ]
    return "\n".join([*remarks, *lines[old:]]), error.line - old + len(remarks)


def editor_command(editor: list[str], path: str, *, line: int | None = None) -> list[str]:
    """Return the command that opens a file, at a line for those editors whose way of saying it is known."""
    name = editor[0].replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    if line is None:
        return [*editor, path]
    if name in ("code", "codium", "cursor", "windsurf", "zed"):
        return [*editor, *(["--goto"] if name != "zed" else []), f"{path}:{line}"]
    if name in ("hx", "helix", "subl"):
        return [*editor, f"{path}:{line}"]
    if name in _PLUS_LINE:
        return [*editor, f"+{line}", path]
    return [*editor, path]
