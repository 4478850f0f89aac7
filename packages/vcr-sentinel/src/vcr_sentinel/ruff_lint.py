"""ruff's F rules, asked of ruff itself. Slow lane; nothing of them is implemented here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from vcr_sentinel.findings import Finding, Severity

_SECONDS = 10
_CERTAIN = frozenset(
    {"F821", "F822", "F502", "F503", "F504", "F505", "F506", "F507", "F524", "F601", "F702", "F704", "F706"}
)


def find_ruff() -> str | None:
    """Find ruff beside this Python, else on the path."""
    beside = Path(sys.executable).with_name("ruff.exe" if sys.platform == "win32" else "ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff")


def lint(ruff: str, root: Path, path: str, text: bytes, old_text: bytes) -> list[Finding]:
    """The F findings that the new text has and the old one had not."""
    before: Counter[tuple[str, str]] = Counter()
    if old_text:
        before.update((item["code"], item["message"]) for item in _run(ruff, root, path, old_text))
    findings: list[Finding] = []
    for item in _run(ruff, root, path, text):
        key = (item["code"], item["message"])
        if before[key]:
            before[key] -= 1
            continue
        severity = Severity.CRITICAL if item["code"] in _CERTAIN else Severity.WARNING
        findings.append(
            Finding(
                item["code"],
                severity,
                path,
                int(item["location"]["row"]),
                "",
                f"{item['message']} (ruff).",
                f"see `ruff rule {item['code']}`.",
                identity=item["message"],
            )
        )
    return findings


def _run(ruff: str, root: Path, path: str, text: bytes) -> list[dict[str, Any]]:
    command = [ruff, "check", "--select", "F", "--output-format", "json", "--stdin-filename", path, "--no-cache", "-"]
    try:
        done = subprocess.run(command, input=text, capture_output=True, cwd=root, timeout=_SECONDS, check=False)
        items = json.loads(done.stdout or b"[]")
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        return []
    return [item for item in items if str(item.get("code") or "").startswith("F")]
