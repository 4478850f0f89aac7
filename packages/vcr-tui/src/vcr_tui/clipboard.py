"""Puts a text on the person's clipboard, also over ssh, where the terminal has to do it."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

MAX_OSC = 100_000
_SECONDS = 3


def osc52(text: str) -> str:
    """Return the escape sequence that asks a terminal to take a text into its clipboard (xterm's OSC 52)."""
    return f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')[:MAX_OSC]).decode()}\x07"


def copy_commands(environment: Mapping[str, str] = os.environ, *, platform: str = sys.platform) -> list[list[str]]:
    """Return programs that take a text on their input, where they apply: tmux, which keeps OSC 52 to itself, first."""
    commands: list[list[str]] = []
    if environment.get("TMUX"):
        commands.append(["tmux", "load-buffer", "-w", "-"])
    if platform == "darwin":
        commands.append(["pbcopy"])
    elif environment.get("WAYLAND_DISPLAY"):
        commands.append(["wl-copy"])
    elif environment.get("DISPLAY"):
        commands.append(["xclip", "-selection", "clipboard"])
    return [command for command in commands if shutil.which(command[0])]


def run_copy_commands(text: str) -> bool:
    """Hand a text to those programs; True if one took it."""
    taken = False
    for command in copy_commands():
        try:
            done = subprocess.run(
                command,
                input=text.encode("utf-8", "replace"),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        taken = taken or done.returncode == 0
    return taken
