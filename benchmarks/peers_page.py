"""Puts the table of `peers` into a page of the documentation, between two marks, with machine, command and date."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
Row = tuple[str, str, str, str, str]


def processor() -> str:
    """Return the name of the processor, as the system has it."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def git_version() -> str:
    """Return what `git --version` says."""
    return subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def as_markdown(head: Row, rows: list[Row], command: str) -> str:
    """Return table and circumstances."""
    indented = [(f"↳ {row[0].strip()}" if row[0].startswith(" ") else row[0], *row[1:]) for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in [head, ("---",) * 5, *indented]]
    cores, python = os.cpu_count(), platform.python_version()
    today = datetime.datetime.now(tz=datetime.timezone.utc).date()
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    where = f"{processor()}, {cores} cores, {system}, Python {python}, {git_version()}"
    return "\n".join([*lines, "", f"Measured on {today} by `{command}` on: {where}."])


def write_into(page: Path, content: str) -> None:
    """Replace what stands between the marks of a page.

    Raises:
        SystemExit: If the page has no marks.
    """
    text = page.read_text(encoding="utf-8")
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        raise SystemExit(f"{page} has no marks {BEGIN} and {END}: the table has no place there")
    page.write_text(f"{text[: begin + len(BEGIN)]}\n\n{content}\n\n{text[end:]}", encoding="utf-8")
