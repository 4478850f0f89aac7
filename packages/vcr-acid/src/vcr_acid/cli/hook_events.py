"""What an agent's hook events mean for a session: before a tool call save what others changed, after it save it."""

from __future__ import annotations

import json
import os
from typing import Any

from vcr_acid.transaction.workspace import ACIDWorkspace

_LABEL_LENGTH = 80


def answer(acid: ACIDWorkspace, event: bytes) -> bytes:
    """Handle one event; returns what the agent reads on the hook's stdout, usually an empty object."""
    try:
        handle(acid, json.loads(event or b"{}"))
    except Exception as error:  # noqa: BLE001  # whatever it is, the agent must go on, and a person be told
        return json.dumps({"systemMessage": f"vcr: no savepoint was taken: {error}"}).encode()
    return b"{}"


def handle(acid: ACIDWorkspace, event: dict[str, Any]) -> None:
    """Take a savepoint if the workspace changed.

    Before a call the change is somebody else's (a person's editor, a background program), so that undoing the call
    leaves it alone.
    """
    if event.get("hook_event_name") == "PreToolUse":
        acid.autosave(reason="before a tool call")
    else:
        acid.autosave(reason=label(event))


def label(event: dict[str, Any]) -> str:
    """One line for ``vcr log``. A command's arguments may hold secrets, so only its description or program is used."""
    tool = str(event.get("tool_name") or "tool call")
    given = event.get("tool_input")
    values: dict[str, Any] = given if isinstance(given, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # the agent's JSON
    if file := values.get("file_path") or values.get("notebook_path"):
        what = os.path.relpath(str(file), str(event.get("cwd") or os.path.dirname(str(file))))
    else:
        words = str(values.get("command") or "").split()
        what = str(values.get("description") or (words[0] if words else ""))
    text = f"{tool}: {_without_secrets(what)}" if what else tool
    return text if len(text) <= _LABEL_LENGTH else text[: _LABEL_LENGTH - 1] + "…"


def _without_secrets(text: str) -> str:
    from vcr_core.redaction import Redactor

    redactor = Redactor(key=os.urandom(32), env=dict(os.environ))
    return str(redactor.redact_tree(text.replace("\n", " ")))
