"""The program on the terminal: reads keys, redraws, gives the terminal away and takes it back."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, Output

from vcr_core.errors import VcrError
from vcr_tui.commands import Commands
from vcr_tui.desk import Desk, Prompt
from vcr_tui.glyphs import glyphs_for
from vcr_tui.key_table import KEYS
from vcr_tui.palette import make_style, wants_colour
from vcr_tui.screen import Screen

POLL = 0.1
"""Seconds between two looks at a file that grows."""
REST = 0.12
"""Seconds without a key after which the number of changes is worked out."""


class Debugger:
    """A desk on a terminal.

    Args:
        path: A recording, or a directory of them.
        frame: The frame to begin with.
        follow: True to follow the run while it is recorded.
        agent: ``module:function`` to resume with.
        input: Where keys come from; the terminal by default.
        output: Where it is drawn; the terminal by default.
        colour: False for none; by default as the terminal and the environment say.

    Raises:
        VcrError: If the file is no recording.
        OSError: If it cannot be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        frame: int = 0,
        follow: bool = False,
        agent: str | None = None,
        input: Input | None = None,  # prompt_toolkit's own word for it
        output: Output | None = None,
        colour: bool | None = None,
    ) -> None:
        directory = path if path.is_dir() else path.parent
        encoding = output.encoding() if output is not None else getattr(sys.stdout, "encoding", None)
        self.desk = Desk(directory, glyphs=glyphs_for(encoding), invalidate=self._invalidate, agent=agent)
        self.desk.following = follow
        self._app: Application[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        if path.is_dir():
            self.desk.pick()
        else:
            session = self.desk.open(path, frame=frame)
            if follow:
                session.view.goto(len(session.view) - 1)
        self.commands = Commands(self.desk, self)
        self.screen = Screen(self.desk, encoding=encoding or "ascii", accept_prompt=self._accept_prompt)
        colour = wants_colour() if colour is None else colour
        self._app = Application(
            layout=self.screen.layout,
            key_bindings=self._bindings(),
            style=make_style(colour=colour),
            color_depth=None if colour else ColorDepth.DEPTH_1_BIT,
            full_screen=True,
            mouse_support=True,
            enable_page_navigation_bindings=False,
            include_default_pygments_style=False,
            input=input,
            output=output,
        )
        self._app.ttimeoutlen = 0.05
        self._app.timeoutlen = 0.2
        self._app.before_render += self._before_render
        self._app.after_render += self._after_first_render

    @property
    def app(self) -> Application[None]:
        """The application of prompt_toolkit."""
        assert self._app is not None
        return self._app

    def run(self) -> None:
        """Run until the person quits; the terminal is restored, whatever happens."""
        asyncio.run(self.run_async())

    async def run_async(self) -> None:
        """As `run`, in the running event loop."""
        loop = asyncio.get_running_loop()
        stopping = [signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
        handled = [number for number in stopping if _handle_signal(loop, number, self.exit)]
        loop.set_exception_handler(self._on_loop_error)
        self.start(self._watch())
        try:
            await self.app.run_async(handle_sigint=False, set_exception_handler=False)
        finally:
            loop.set_exception_handler(None)
            for number in handled:
                loop.remove_signal_handler(number)
            for task in list(self._background):
                task.cancel()
            await asyncio.gather(*self._background, return_exceptions=True)
            self.desk.close()

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say what broke between two keys, instead of writing a traceback over the screen."""
        error = context.get("exception")
        text = f"{type(error).__name__}: {error}" if error is not None else str(context.get("message"))
        self.desk.fail(f"something broke ({text}); the recording is untouched")

    # -- keys --------------------------------------------------------------------------------------------------------

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        free = Condition(lambda: self.desk.prompt is None)
        for key in KEYS:
            for name in key.keys:
                bindings.add(name, filter=free, eager=name == "escape")(self._runner(key.action))
        for digit in "0123456789":
            bindings.add(digit, filter=free)(self._digit)
        bindings.add("escape", filter=~free, eager=True)(self._dismissed)
        bindings.add("c-c", filter=~free)(self._dismissed)
        return bindings

    def _digit(self, event: KeyPressEvent) -> None:
        self.commands.digit(event.data)

    def _dismissed(self, _event: KeyPressEvent) -> None:
        self.dismiss()

    def _runner(self, action: str) -> Callable[[KeyPressEvent], None]:
        return lambda event: self.commands.run(action)

    # -- what the commands need --------------------------------------------------------------------------------------

    def exit(self) -> None:
        """End the program."""
        if self.app.is_running and self.app.future is not None and not self.app.future.done():
            self.app.exit()

    def start(self, work: Awaitable[None]) -> None:
        """Do something while keys are answered; what it raises is shown in the status line."""
        task = asyncio.get_running_loop().create_task(self._guard(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (VcrError, OSError) as error:
            self.desk.fail(error)
        except Exception as error:  # noqa: BLE001  # a fault of ours must not take the screen with it
            self.desk.fail(f"{type(error).__name__}: {error}")
        self._invalidate()

    def ask(self, prompt: Prompt) -> None:
        """Let the person fill in a line."""
        self.desk.prompt = prompt
        self.screen.focus_prompt(prompt.text)

    def dismiss(self) -> None:
        """Take the prompt away."""
        self.desk.prompt = None
        self.screen.focus_home()

    def _accept_prompt(self, buffer: Buffer) -> bool:
        prompt, text = self.desk.prompt, buffer.text
        self.dismiss()
        if prompt is not None and text.strip():
            try:
                prompt.accept(text)
            except (VcrError, OSError) as error:
                self.desk.fail(error)
        return False

    async def run_program(self, command: list[str]) -> int:
        """Give the terminal to a program and return its exit code."""
        import subprocess  # noqa: PLC0415  # not before an editor is opened

        return await run_in_terminal(lambda: subprocess.call(command), in_executor=True)

    def write_raw(self, text: str) -> None:
        """Send an escape sequence to the terminal."""
        self.app.output.write_raw(text)
        self.app.output.flush()

    # -- redrawing ---------------------------------------------------------------------------------------------------

    def _invalidate(self) -> None:
        app = self._app
        loop = app.loop if app is not None else None
        if app is None or loop is None:
            return
        try:
            loop.call_soon_threadsafe(app.invalidate)
        except RuntimeError:
            return  # the loop was closed meanwhile: there is no screen left to draw

    def _before_render(self, _app: object) -> None:
        self.screen.sync()

    def _after_first_render(self, _app: object) -> None:
        if not gc.isenabled():
            gc.freeze()
            gc.enable()

    async def _watch(self) -> None:
        """Look at what grows, and do what may wait until no key was pressed for a while."""
        rested: tuple[object, int] | None = None
        while True:
            await asyncio.sleep(POLL)
            session = self.desk.session
            if session is None:
                continue
            if self.desk.following:
                self.desk.take_in_new_frames()
            place = (session, session.view.cursor)
            if place == rested:
                session.pane.count_operations()
            rested = place


def _handle_signal(loop: asyncio.AbstractEventLoop, number: int, handler: Callable[[], None]) -> bool:
    try:
        loop.add_signal_handler(number, handler)
    except (NotImplementedError, RuntimeError, ValueError):
        return False  # not on Windows, and not outside the main thread
    return True
