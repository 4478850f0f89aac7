"""Runs a program as if it had been started without us: same terminal, same streams, signals and exit status."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from types import FrameType

from vcr_acid.errors import AcidError

NOT_FOUND = 127
NOT_EXECUTABLE = 126


class ProgramError(AcidError):
    """The program cannot be started.

    Attributes:
        program: Its name.
        status: The exit status a shell would give: 127 (not found) or 126 (cannot be executed).
    """

    def __init__(self, program: str, status: int, reason: str) -> None:
        self.program = program
        self.status = status
        super().__init__(f"cannot run {program!r}: {reason}. No session was begun.")


def check_program(program: str, directory: str) -> None:
    """Look for a program as ``exec`` would, before anything is begun for it.

    Raises:
        ProgramError: There is none, or it cannot be executed.
    """
    if os.sep in program:
        path = os.path.join(directory, program)
        if not os.path.exists(path):
            raise ProgramError(program, NOT_FOUND, "there is no such file")
        if os.path.isdir(path) or not os.access(path, os.X_OK):
            raise ProgramError(program, NOT_EXECUTABLE, "it is no executable file")
    elif shutil.which(program) is None:
        raise ProgramError(program, NOT_FOUND, "there is no such command on PATH")


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


@contextmanager
def _signals_for(child: subprocess.Popen[bytes]) -> Generator[None, None, None]:
    """Pass signals on to the child.

    Ctrl-C on a terminal reach it anyway, since it is in the same process group: passing them on would make
    two of one, which agents take as "quit".
    """
    forward_keys = not _has_terminal()

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if child.poll() is None:
            child.send_signal(number)

    def ignore(_number: int, _frame: FrameType | None) -> None:
        """A handler, not SIG_IGN: that would be inherited by programs."""

    handlers = {
        signal.SIGINT: pass_on if forward_keys else ignore,
        signal.SIGQUIT: pass_on if forward_keys else ignore,
        signal.SIGTERM: pass_on,
        signal.SIGHUP: pass_on,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_program(command: Sequence[str], *, directory: str, environment: dict[str, str]) -> int:
    """Run a program to its end.

    Returns:
        Its exit status; 128 + n if signal n ended it.

    Raises:
        ProgramError: It could not be started after all.
    """
    try:
        child = subprocess.Popen(list(command), cwd=directory, env=environment)
    except OSError as error:
        status = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
        raise ProgramError(command[0], status, error.strerror or str(error)) from error
    with _signals_for(child):
        status = child.wait()
    return 128 - status if status < 0 else status
