"""What a hook payload of Claude Code or Codex says happened, and how an answer to it is written.

Both send JSON with `hook_event_name`, `tool_name` and `tool_input`; Codex hands the patch of `apply_patch` over as
`tool_input.command`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, cast

from vcr_sentinel.findings import Finding, Severity, render_for_agent

EventKind = Literal["write", "sweep", "turn_end", "start", "none"]
_WRITERS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit", "write_file", "edit_file", "create_file"})
_READERS = frozenset({"Read", "Grep", "Glob", "LS", "WebFetch", "WebSearch", "TodoWrite", "read_file", "view_image"})
_PATCHED = re.compile(
    r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$|^(?:---|\+\+\+) [ab]/(.+?)\s*$", re.MULTILINE
)


@dataclass(frozen=True)
class HookEvent:
    """What happened.

    Attributes:
        kind: `write` to `paths`; `sweep` after a command that may have written anything; `turn_end`; `start`; `none`.
        name: the event's name, to be said back.
        paths: as given, absolute or relative to the agent's folder.
        looping: the agent goes on because a stop was refused before.
        tool_input: arguments of the tool.
        tool_response: its result.
    """

    kind: EventKind
    name: str
    paths: tuple[str, ...] = ()
    looping: bool = False
    tool_input: dict[str, Any] | None = None
    tool_response: Any = None


def parse_event(payload: bytes) -> HookEvent:
    """Read a payload; anything unknown is `none`."""
    try:
        data = json.loads(payload or b"{}")
    except (ValueError, RecursionError):
        return HookEvent("none", "")
    if not isinstance(data, dict):
        return HookEvent("none", "")
    fields = cast("dict[str, Any]", data)
    name = str(fields.get("hook_event_name") or "PostToolUse")
    if name in {"Stop", "SubagentStop"}:
        return HookEvent("turn_end", name, looping=bool(fields.get("stop_hook_active")))
    if name == "SessionStart":
        return HookEvent("start", name)
    if name != "PostToolUse":
        return HookEvent("none", name)
    return _tool_event(name, fields)


def _tool_event(name: str, fields: dict[str, Any]) -> HookEvent:
    tool = str(fields.get("tool_name") or "")
    raw = fields.get("tool_input")
    given = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {"command": raw} if isinstance(raw, str) else {}
    response = fields.get("tool_response")
    if tool in _WRITERS:
        path = given.get("file_path") or given.get("path") or given.get("notebook_path")
        paths = (path,) if isinstance(path, str) else ()
        return HookEvent("write" if paths else "none", name, paths, False, given, response)
    if tool in _READERS:
        return HookEvent("none", name)
    text = given.get("command") or given.get("input") or given.get("patch") or ""
    if isinstance(text, list):
        text = "\n".join(str(item) for item in cast("list[object]", text))
    if tool in {"apply_patch", "patch"} and isinstance(text, str):
        paths = tuple(dict.fromkeys(first or second for first, second in _PATCHED.findall(text)))
        if paths:
            return HookEvent("write", name, paths, False, given, response)
    return HookEvent("sweep", name, (), False, given, response)


def prior_text(event: HookEvent, now: str) -> str | None:
    """What a file held before the edit, where the payload tells; `None` where it does not."""
    given = event.tool_input or {}
    raw: Any = event.tool_response
    original: Any = cast("dict[str, Any]", raw).get("originalFile") if isinstance(raw, dict) else None
    if isinstance(original, str):
        return original
    edits: list[Any] = given["edits"] if isinstance(given.get("edits"), list) else [given]
    text = now
    for item in reversed(edits):
        edit = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        old, new = edit.get("old_string"), edit.get("new_string")
        if not isinstance(old, str) or not isinstance(new, str) or not new or new not in text:
            return None
        text = text.replace(new, old) if edit.get("replace_all") else text.replace(new, old, 1)
    return text


def render_answer(event: HookEvent, findings: list[Finding]) -> bytes:
    """Standard output for the agent: JSON, or nothing at all when there is nothing to say."""
    if not findings:
        return b""
    text = render_for_agent(findings)
    critical = any(item.severity is Severity.CRITICAL for item in findings)
    answer: dict[str, Any]
    if event.kind == "turn_end":
        # A stop is refused once: an agent that cannot mend a finding must still be able to end.
        answer = {"decision": "block", "reason": text} if critical and not event.looping else {"systemMessage": text}
    elif critical:
        answer = {"decision": "block", "reason": text}
    else:
        answer = {"hookSpecificOutput": {"hookEventName": event.name, "additionalContext": text}}
    # A file name that is no UTF-8 comes with lone surrogates: written as JSON's own escapes.
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace")
