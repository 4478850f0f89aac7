"""Gives a state to the person's editor and takes it back; what was typed is never lost."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vcr_tui.errors import TuiError
from vcr_tui.state_text import StateSyntaxError, editor_command, from_text, to_text, with_remark

RunProgram = Callable[[list[str]], Awaitable[int]]


class EditorError(TuiError):
    """The editor could not be run, or ended with an error.

    Attributes:
        command: How it was called.
        kept: File that holds what was typed, or None if nothing was.
    """

    def __init__(self, command: str, reason: str, *, kept: Path | None = None) -> None:
        self.command = command
        self.kept = kept
        rest = f" What you typed is in {kept}." if kept else " Nothing was changed."
        super().__init__(f"the editor ({command}) {reason}.{rest} $VISUAL or $EDITOR names the one to use.")


class Edited(NamedTuple):
    """What came of editing.

    Attributes:
        value: The new value, or the old one.
        changed: True if it differs.
    """

    value: Any
    changed: bool


def find_editor(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the command of the person's editor.

    Raises:
        EditorError: If none is named and none of the usual ones is there.
    """
    named = environment.get("VISUAL") or environment.get("EDITOR")
    if named:
        try:
            command = shlex.split(named)
        except ValueError as error:
            raise EditorError(named, f"cannot be read: {error}") from error
        if command:
            return command
    for name in ("sensible-editor", "nano", "vim", "vi", "notepad"):
        if shutil.which(name):
            return [name]
    raise EditorError("none", "was not found")


async def edit_value(value: Any, *, name: str, run_program: RunProgram) -> Edited:
    """Let the person edit a value as JSON; a text that is not JSON is opened again at the error.

    Args:
        value: A wire value.
        name: Name of the file, for the editor's title.
        run_program: Gives the terminal to a command and returns its exit code.

    Raises:
        EditorError: If the editor cannot be run or fails.
        StateSyntaxError: If the text was left as it was although it is not JSON; its file is kept and named.
    """
    editor = find_editor()
    folder = Path(tempfile.mkdtemp(prefix="vcr-edit-"))
    path = folder / f"{name}.json"
    before = to_text(value)
    keep = False
    try:
        path.write_text(before, encoding="utf-8")
        return await _edit_file(path, before, value, editor, run_program)
    except (EditorError, StateSyntaxError) as error:
        keep = isinstance(error, StateSyntaxError) or error.kept is not None
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


async def _edit_file(path: Path, before: str, value: Any, editor: list[str], run_program: RunProgram) -> Edited:
    line: int | None = None
    given = before
    while True:
        await _run(editor, path, before, line, run_program)
        text = await asyncio.to_thread(path.read_text, "utf-8", "replace")
        if line is None and text == before:
            return Edited(value, False)
        try:
            changed = from_text(text)
        except StateSyntaxError as error:
            if text == given:
                raise Unfinished(error, path) from error
            given, line = with_remark(text, error)
            path.write_text(given, encoding="utf-8")
            continue
        return Edited(changed, changed != value or to_text(changed) != before)


class Unfinished(StateSyntaxError):
    """A text that was given up while it was not JSON.

    Attributes:
        kept: File that holds it.
    """

    def __init__(self, error: StateSyntaxError, kept: Path) -> None:
        super().__init__(error.line, error.column, error.reason)
        self.kept = kept
        self.args = (f"{error}; the state stays as it was, your text is in {kept}",)

    def __str__(self) -> str:
        return str(self.args[0])


async def _run(editor: list[str], path: Path, before: str, line: int | None, run_program: RunProgram) -> None:
    command = editor_command(editor, str(path), line=line)
    shown = shlex.join(editor)
    try:
        code = await run_program(command)
    except OSError as error:
        raise EditorError(shown, f"cannot be run: {error.strerror or error}") from error
    if code != 0:
        text = await asyncio.to_thread(path.read_text, "utf-8", "replace")
        raise EditorError(shown, f"ended with exit code {code}", kept=path if text != before else None)
