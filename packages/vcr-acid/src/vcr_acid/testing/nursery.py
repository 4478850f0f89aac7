"""Real processes in numbers: a warm interpreter that forks one per call, and kills it when asked.

A new interpreter spends hundreds of milliseconds on imports before it does anything; a fork of one that has imported
everything starts in a few. The forked process is as real as any: own memory, own files, ended by its exit or by
SIGKILL.

Run as a script, this is the warm interpreter itself: requests come as JSON lines on stdin, outcomes go to stdout. Needs
``os.fork``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

#: Writes one byte of progress: the first starts the clock of the kill, all are counted.
Progress = Callable[[], None]
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Outcome:
    """How a process ended: exit status (negative: the signal), and how often it reported progress."""

    status: int
    progress: int


class Nursery:
    """Forks processes that call a function of one Python file.

    Args:
        source: The file; what it imports is imported once. Its ``warm_up()``, if it has one, is called first, for
            what is imported late; it must leave no thread behind.
        environment: Of the warm interpreter.
    """

    def __init__(self, source: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(Path(__file__)), str(source)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment or os.environ),
            text=True,
        )

    def call(
        self,
        function: str,
        *arguments: Any,
        kill_after: float | None = None,
        directory: str | None = None,
        environment: Mapping[str, str] | None = None,
        streams: Sequence[str] = (os.devnull, os.devnull, ""),
    ) -> Outcome:
        """Fork, call ``function(progress, *arguments)`` there, and wait for the end.

        Args:
            function: Its name in the source file; an ``int`` it returns is the exit status.
            arguments: Plain values.
            kill_after: Seconds from the first progress to SIGKILL; None lets it live.
            directory: Where it runs.
            environment: Its whole environment.
            streams: Files for stdin, stdout and stderr; an empty name keeps ours.
        """
        request = {
            "function": function,
            "arguments": arguments,
            "kill_after": kill_after,
            "directory": directory,
            "environment": None if environment is None else dict(environment),
            "streams": list(streams),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ChildProcessError(f"the nursery ended with status {self._process.wait()}")
        return Outcome(**json.loads(answer))

    def close(self) -> None:
        """End the warm interpreter."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _load(source: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nursery_source", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _redirect(streams: Sequence[str]) -> None:
    for number, name in enumerate(streams):
        if name:
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            fd = os.open(name, flags, 0o600)
            os.dup2(fd, number)
            os.close(fd)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")


def _live(module: ModuleType, request: dict[str, Any], channel: int) -> None:
    """What the forked process does; never returns."""
    status = 99
    try:
        _redirect(request["streams"])
        if request["environment"] is not None:
            os.environ.clear()
            os.environ.update(request["environment"])
        if request["directory"] is not None:
            os.chdir(request["directory"])
        status = getattr(module, request["function"])(lambda: os.write(channel, b"."), *request["arguments"]) or 0
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001  # told on stderr; the exit status says the rest
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _raise_one(module: ModuleType, request: dict[str, Any]) -> Outcome:
    """Fork one process and see it to its end."""
    ours, theirs = os.pipe()
    process = os.fork()
    if not process:
        os.close(ours)
        _live(module, request, theirs)
    os.close(theirs)
    progress = 0
    if request["kill_after"] is not None:
        progress = len(os.read(ours, 1))
        time.sleep(request["kill_after"])
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    os.set_blocking(ours, False)  # its own children may still hold the other end
    with contextlib.suppress(BlockingIOError):
        progress += len(os.read(ours, _MEGABYTE))
    os.close(ours)
    return Outcome(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), progress)


def serve(source: str) -> None:
    """Be the warm interpreter until stdin ends."""
    module = _load(source)
    getattr(module, "warm_up", int)()
    for line in sys.stdin:
        outcome = _raise_one(module, json.loads(line))
        print(json.dumps({"status": outcome.status, "progress": outcome.progress}), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
