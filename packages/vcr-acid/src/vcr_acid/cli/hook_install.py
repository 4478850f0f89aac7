"""Writes the hooks into Claude Code's settings and takes them out again; everything else in the file stays."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from vcr_acid.cli import hook_client
from vcr_acid.errors import AcidError

#: Tools that can change something; reading ones cost nobody a wait.
MATCHER = "Bash|Edit|MultiEdit|Write|NotebookEdit|Task|mcp__.*"
EVENTS = ("PreToolUse", "PostToolUse")
_MARK = "vcr_acid/cli/hook_client.py"
_TIMEOUT_SECONDS = 90


class SettingsError(AcidError):
    """A settings file that is not as Claude Code writes it; it was left alone.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path} {reason}. It was not touched: mend it, or add the hooks by hand (docs/acid.md).")


def hook_command() -> str:
    """The command of the hook. If the Python it needs is gone, it says so and lets the agent go on."""
    missing = json.dumps({"systemMessage": "vcr: no savepoint was taken: its Python is gone; run vcr init again"})
    program = f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(hook_client.__file__))}"
    return f"{program} || echo {shlex.quote(missing)}"


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(path, "is not UTF-8 text") from error
    try:
        settings: Any = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise SettingsError(path, f"is not JSON ({error})") from error
    if not isinstance(settings, dict):
        raise SettingsError(path, "does not hold a JSON object")
    found = cast("dict[str, Any]", settings)
    hooks: Any = found.get("hooks", {})
    if not isinstance(hooks, dict) or not all(
        isinstance(groups, list) for groups in cast("dict[str, Any]", hooks).values()
    ):
        raise SettingsError(path, "does not hold lists of hooks under `hooks`")
    return found


def _write(path: Path, settings: dict[str, Any]) -> None:
    target = Path(os.path.realpath(path))  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(target.name + ".vcr-new")
    new.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if target.exists():
        new.chmod(target.stat().st_mode & 0o777)
    new.replace(target)


def _without_ours(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with our hooks taken out, and the groups and events that are empty then."""
    hooks: dict[str, Any] = {}
    for event, groups in settings.get("hooks", {}).items():
        kept: list[Any] = []
        for group in groups:
            inner: Any = cast("dict[str, Any]", group).get("hooks") if isinstance(group, dict) else None
            if not isinstance(inner, list):
                kept.append(group)
                continue
            others = [hook for hook in cast("Sequence[Any]", inner) if _MARK not in json.dumps(hook)]
            if others or not inner:
                kept.append({**group, "hooks": others})
        if kept or not groups:
            hooks[event] = kept
    rest = {**settings, "hooks": hooks}
    if not hooks and settings.get("hooks"):
        del rest["hooks"]
    return rest if "hooks" in settings else {k: v for k, v in rest.items() if k != "hooks"}


def install(path: Path) -> bool:
    """Add the hooks to a settings file; returns whether it changed. Doing it twice changes nothing.

    Raises:
        SettingsError: The file is not as Claude Code writes it.
    """
    settings = _read(path)
    wanted = _without_ours(settings)
    hook = {"type": "command", "command": hook_command(), "timeout": _TIMEOUT_SECONDS}
    hooks = wanted.setdefault("hooks", {})
    for event in EVENTS:
        hooks.setdefault(event, []).append({"matcher": MATCHER, "hooks": [hook]})
    if _same_hooks(settings):
        return False
    _write(path, wanted)
    return True


def _same_hooks(settings: dict[str, Any]) -> bool:
    command = hook_command()
    text = [json.dumps(settings.get("hooks", {}).get(event, [])) for event in EVENTS]
    return all(json.dumps(command) in part for part in text)


def remove(path: Path) -> bool:
    """Take our hooks out of a settings file; returns whether it changed.

    Raises:
        SettingsError: The file is not as Claude Code writes it.
    """
    settings = _read(path)
    rest = _without_ours(settings)
    if rest == settings:
        return False
    _write(path, rest)
    return True
