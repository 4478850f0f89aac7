"""Writes the few lines that make a coding agent, or pre-commit, call Sentinel. Settings that are there stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from vcr_sentinel.errors import SentinelError

Client = Literal["claude", "codex", "pre-commit"]
_MATCHERS = {"claude": "Write|Edit|MultiEdit|NotebookEdit|Bash", "codex": "apply_patch|Edit|Write|Bash"}
_FILES = {"claude": ".claude/settings.json", "codex": ".codex/hooks.json"}
PRE_COMMIT = """repos:
  - repo: local
    hooks:
      - id: sentinel
        name: sentinel
        entry: sentinel scan . --baseline .sentinel-baseline.json --fail-on critical
        language: system
        pass_filenames: false
        types: [python]
"""


class InstallError(SentinelError):
    """A settings file that is not as expected."""


def install(root: Path, client: Client) -> list[str]:
    """Set up one client; returns what was done, one line each. Doing it twice changes nothing.

    Raises:
        InstallError: the settings file is no JSON object, or a pre-commit configuration is already there.
    """
    if client == "pre-commit":
        return _install_pre_commit(root)
    path = root / _FILES[client]
    settings: dict[str, Any] = {}
    if path.exists():
        try:
            settings = json.loads(path.read_text(encoding="utf-8"))
            hooks = settings.setdefault("hooks", {})
            assert isinstance(hooks, dict)
        except (ValueError, AttributeError, AssertionError) as exc:
            raise InstallError(f"{path} is not a JSON object with `hooks`; add by hand: {docs(client)}") from exc
    done: list[str] = []
    for event in ("SessionStart", "PostToolUse", "Stop"):
        groups: list[dict[str, Any]] = settings.setdefault("hooks", {}).setdefault(event, [])
        if any("sentinel hook" in json.dumps(group) for group in groups):
            continue
        group: dict[str, Any] = {"hooks": [{"type": "command", "command": "sentinel hook"}]}
        if event == "PostToolUse":
            group["matcher"] = _MATCHERS[client]
        groups.append(group)
        done.append(f"{event} hook added to {path}")
    if done:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    return done or [f"{path} has the hooks already"]


def _install_pre_commit(root: Path) -> list[str]:
    path = root / ".pre-commit-config.yaml"
    if path.exists():
        if "sentinel scan" in path.read_text(encoding="utf-8"):
            return [f"{path} has the hook already"]
        raise InstallError(f"{path} exists; add this to its repos:\n{PRE_COMMIT.partition(chr(10))[2]}")
    path.write_text(PRE_COMMIT, encoding="utf-8")
    return [f"{path} written"]


def docs(client: Client) -> str:
    """The lines to add by hand."""
    hook = {"type": "command", "command": "sentinel hook"}
    return json.dumps({"PostToolUse": [{"matcher": _MATCHERS[client], "hooks": [hook]}]})
