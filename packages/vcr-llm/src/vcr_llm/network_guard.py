"""Blocks connections while a run is replayed: a replay that calls out is wrong, whatever it then returns.

The guard is an audit hook, so it sees every connection and look-up that goes through CPython's `socket`, in every
thread and however the socket was made.  What does not go through it is listed in docs/llm.md.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from vcr_core.engine import ResumeMode, Run, StepCall, current_run
from vcr_core.engine.plan import names_step
from vcr_core.engine.scope import current_scope
from vcr_core.json_pointer import kind_of
from vcr_llm.call_site import find_caller
from vcr_llm.captured_call import is_sending
from vcr_llm.errors import LlmError
from vcr_llm.settings import current_settings, is_ignored, matches

_NETWORK_PROGRAMS = frozenset(
    {"curl", "wget", "http", "https", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "telnet", "ftp"}
)


class LiveCallError(LlmError, OSError):
    """Something tried to reach the network while a run was replayed; it was not let through.

    It is an `OSError` too, so that clients treat it as a connection that failed.

    Attributes:
        target: ``host:port``, or the command line of a program.
        call_site: ``file:line`` of the call, or None.
        thread: Name of the thread.
    """

    def __init__(self, target: str, call_site: str | None, thread: str) -> None:
        self.target = target
        self.call_site = call_site
        self.thread = thread
        where = f" (called at {call_site}, in thread {thread})" if call_site else f" (in thread {thread})"
        super().__init__(
            f"blocked a live call to {target}{where}: a run is being replayed. Make the call inside a step, so that it "
            f"is recorded and served; or allow its host: capture(allow=[{target.rpartition(':')[0] or target!r}])."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.target, self.call_site, self.thread)


class _Guard:
    """State of the guard; the hook itself cannot be taken back."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hooked = False
        self.replays: list[Run] = []
        self.checking = threading.local()


_guard = _Guard()


def watch_network() -> None:
    """Guard every replay of this process from now on, in the code that belongs to it."""
    with _guard.lock:
        if not _guard.hooked:
            _guard.hooked = True
            sys.addaudithook(_audit)


@contextmanager
def guarded(run: Run) -> Generator[None]:
    """Guard the whole process while `run` is replayed, threads included that the run knows nothing of."""
    watch_network()
    with _guard.lock:
        _guard.replays.append(run)
    try:
        yield
    finally:
        with _guard.lock:
            _guard.replays.remove(run)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    check = _CHECKS.get(event)
    if check is None or getattr(_guard.checking, "busy", False):
        return
    run = current_run() or next(reversed(_guard.replays), None)
    if run is None or run.tape is None:
        return
    _guard.checking.busy = True
    try:
        target = check(args)
        if target is not None and not is_sending() and _is_replaying(run):
            _refuse(run, target)
    finally:
        _guard.checking.busy = False


def _refuse(run: Run, target: str) -> None:
    """Raise, and spoil the run, so that an agent that swallows the error cannot make the replay look right."""
    host = target.rpartition(":")[0] or target
    if matches(host, current_settings().allow):
        return
    error = LiveCallError(target, find_caller(), threading.current_thread().name)
    if not is_ignored(host):
        run.diverged("unexpected", f"live call to {target}").__cause__ = error
    raise error


def _is_replaying(run: Run) -> bool:
    """True if nothing may be called live here: on the tape, and not inside a step that runs live."""
    config = run.config
    if config.mode is ResumeMode.REPLAY:
        return True
    if config.mode is ResumeMode.FORK:
        return not run.order.finished
    call = _enclosing_call()
    while call is not None:
        if names_step(config.live, call[0]):
            return False
        call = call[1]()
    return True


def _enclosing_call() -> tuple[StepCall, Callable[[], Any]] | None:
    def at(scope: Any) -> Any:
        while scope is not None and scope.call is None:
            scope = scope.parent
        return None if scope is None else (scope.call, lambda: at(scope.parent))

    found: tuple[StepCall, Callable[[], Any]] | None = at(current_scope.get())
    return found


def _address(args: tuple[Any, ...]) -> str | None:
    address: Any = args[1] if len(args) > 1 else None
    if kind_of(address) is tuple:
        return f"{address[0]}:{address[1]}"
    if isinstance(address, (str, bytes)):
        return os.fsdecode(address) or None
    return None


def _name(args: tuple[Any, ...]) -> str | None:
    host = args[0]
    if isinstance(host, bytes):
        host = host.decode("idna", "replace")
    if not isinstance(host, str) or not host or _is_numeric(host) or host in ("localhost", socket.gethostname()):
        return None
    return f"{host}:{args[1]}" if len(args) > 1 and args[1] else host


def _is_numeric(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdecimal()


def _program(args: Sequence[Any]) -> str | None:
    command: Any = args[1] if len(args) > 1 and args[1] else args[0]
    words = [os.fsdecode(word) for word in cast("list[Any]", command)] if _is_list(command) else str(command).split()
    names = {word.rpartition("/")[2] for word in words[:1]}
    if words and words[0].rpartition("/")[2] in ("sh", "bash", "dash", "zsh", "env"):
        names |= {word.rpartition("/")[2] for text in words[1:] for word in text.split()}
    return " ".join(words)[:200] if names & _NETWORK_PROGRAMS else None


def _is_list(command: Any) -> bool:
    return isinstance(command, (list, tuple))


def _system(args: tuple[Any, ...]) -> str | None:
    command = os.fsdecode(args[0])
    return _program((None, ["sh", command]))


_CHECKS: dict[str, Callable[[tuple[Any, ...]], str | None]] = {
    "socket.connect": _address,
    "socket.sendto": _address,
    "socket.sendmsg": _address,
    "socket.getaddrinfo": _name,
    "socket.gethostbyname": _name,
    "subprocess.Popen": _program,
    "os.posix_spawn": _program,
    "os.exec": _program,
    "os.system": _system,
}

__all__ = ["LiveCallError", "guarded", "watch_network"]
