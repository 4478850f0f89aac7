"""What commands need of the terminal; the program is one, tests make others."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from vcr_tui.desk import Prompt


class Terminal(Protocol):
    """Where a desk is shown."""

    def exit(self) -> None:
        """End the program."""
        ...

    def start(self, work: Awaitable[None]) -> None:
        """Do something while keys are answered; what it raises is shown in the status line."""
        ...

    def ask(self, prompt: Prompt) -> None:
        """Let the person fill in a line."""
        ...

    async def run_program(self, command: list[str]) -> int:
        """Give the terminal to a program and return its exit code."""
        ...

    def write_raw(self, text: str) -> None:
        """Send an escape sequence to the terminal."""
        ...
