"""Drives the debugger without a terminal: keys go in through a pipe, and a VT100 screen shows what a person would see.

Needs ``pyte`` (``pip install vcr-tui[testing]``).  Nothing waits for a time to pass: every step waits for a redraw.
"""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import pyte
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from vcr_tui.app import Debugger

RIGHT, LEFT, UP, DOWN = "\x1b[C", "\x1b[D", "\x1b[A", "\x1b[B"
PAGE_DOWN, PAGE_UP, ESCAPE, ENTER, TAB, SHIFT_TAB = "\x1b[6~", "\x1b[5~", "\x1b", "\r", "\t", "\x1b[Z"
_PRIVATE = re.compile(r"\x1b\[[?<>=][0-9;]*[a-zA-Z]|\x1b\[[0-9 ]*q|\x1b\]52;[^\x07]*\x07")


class ScreenFile(io.StringIO):
    """A terminal's end of the line: what is written moves a screen."""

    encoding = "utf-8"

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        self.screen: Any = pyte.Screen(width, height)
        self.raw: list[str] = []
        self._stream: Any = pyte.Stream(self.screen)

    def write(self, text: str) -> int:
        """Draw."""
        self.raw.append(text)
        self._stream.feed(_PRIVATE.sub("", text))
        return len(text)

    def flush(self) -> None:
        """Do nothing: it is drawn already."""

    def isatty(self) -> bool:
        """It plays a terminal."""
        return True


class ScreenDriver:
    """A debugger on a screen in memory, for ``async with``.

    Args:
        path: A recording or a directory.
        width: Columns.
        height: Rows.
        debugger: More arguments of `Debugger`.
    """

    def __init__(self, path: Path, *, width: int = 120, height: int = 30, **debugger: Any) -> None:
        self.file = ScreenFile(width, height)
        self.size = Size(rows=height, columns=width)
        self.redraws = 0
        self._path = path
        self._arguments = debugger
        self._rendered = asyncio.Event()
        self._pipe: AbstractContextManager[PipeInput] = create_pipe_input()

    async def __aenter__(self) -> ScreenDriver:
        self.input = self._pipe.__enter__()
        output = Vt100_Output(self.file, lambda: self.size, term="xterm-256color", enable_cpr=False)
        self.debugger = Debugger(self._path, input=self.input, output=output, **self._arguments)
        self.debugger.app.after_render += self._on_render
        self._task = asyncio.create_task(self.debugger.run_async())
        await self.redraw()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.debugger.exit()
        try:
            await asyncio.wait_for(self._task, 10)
        finally:
            self._pipe.__exit__(None, None, None)

    def _on_render(self, _app: object) -> None:
        self.redraws += 1
        self._rendered.set()

    async def redraw(self, *, timeout: float = 5) -> None:
        """Wait until it was drawn again."""
        waiting = asyncio.ensure_future(self._rendered.wait())
        await asyncio.wait({waiting, self._task}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        drawn = waiting.done()
        waiting.cancel()
        if self._task.done():
            self._task.result()
        assert drawn, f"nothing was drawn for {timeout} s:\n{self.text}"
        self._rendered.clear()

    @property
    def running(self) -> bool:
        """False once the person quit."""
        return not self._task.done()

    async def press(self, *keys: str) -> None:
        """Press keys one by one, each after the redraw that the last one caused."""
        for key in keys:
            self._rendered.clear()
            self.input.send_text(key)
            if key == ESCAPE:
                await asyncio.sleep(0.06)  # the terminal's own way to tell Escape from the begin of a sequence
            await self.redraw()

    async def until(self, what: str | Callable[[], bool], *, timeout: float = 10) -> None:
        """Wait until a text is on the screen, or a condition holds.

        Raises:
            AssertionError: With the screen, if that does not happen in time.
        """
        holds: Callable[[], bool] = (lambda: what in self.text) if isinstance(what, str) else what
        end = time.monotonic() + timeout
        while not holds():
            left = end - time.monotonic()
            assert left > 0, f"{what!r} did not come up:\n{self.text}"
            assert self.running, f"the program ended before {what!r} came up"
            await asyncio.sleep(0.01)

    def resize(self, width: int, height: int) -> None:
        """Change the size of the terminal."""
        self.size = Size(rows=height, columns=width)
        self.file.screen.resize(height, width)
        self.debugger.app.invalidate()

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(line.rstrip() for line in self.file.screen.display)

    def line(self, number: int) -> str:
        """Return one line of the screen; -1 is the last one."""
        return str(self.file.screen.display[number]).rstrip()
