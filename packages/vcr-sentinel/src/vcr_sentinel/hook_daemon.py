"""The daemon behind `sentinel hook`: one per project, started by the first hook, gone when idle.

It listens on a socket in the project's `.vcr/sentinel`, a folder only its owner may enter, and answers one event at a
time. It never outlives `idle_seconds` without an event, nor the folder it serves.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from vcr_core.errors import VcrError
from vcr_sentinel.findings import Finding
from vcr_sentinel.guard import Sentinel
from vcr_sentinel.hook_client import FOLDER, SOCKET, VERSION
from vcr_sentinel.hook_payloads import HookEvent, parse_event, prior_text, render_answer

_POLL_SECONDS = 0.5
_MAX_PAYLOAD = 64 << 20


class HookServer:
    """Turns hook events into answers for one project."""

    def __init__(self, root: Path, *, slow_lane: bool = True) -> None:
        self.root = root
        self.sentinel = Sentinel(root=root, slow_lane="thread" if slow_lane else "off")
        self._fresh = True

    def answer(self, cwd: str, payload: bytes) -> bytes:
        """The framed answer to one payload: a line with exit code and length, then standard output and error."""
        try:
            event = parse_event(payload)
            out = render_answer(event, self._findings(event, cwd))
        except Exception as exc:  # noqa: BLE001  # a guard that fails must not stop the agent, nor the next event
            return _excuse(exc)
        return f"0 {len(out)}\n".encode() + out

    def _findings(self, event: HookEvent, cwd: str) -> list[Finding]:
        if event.kind == "none":
            return []
        paths = [os.path.join(cwd, path) for path in event.paths]  # noqa: PTH118  # text, whatever it holds
        if self._fresh:
            self._fresh = False
            self._prime(event, paths)
        if event.kind == "write":
            found = {item: None for path in paths for item in self.sentinel.written(path)}
            return list(found)
        if event.kind == "sweep":
            return self.sentinel.sweep()
        return self.sentinel.turn_end() if event.kind == "turn_end" else []

    def _prime(self, event: HookEvent, paths: list[str]) -> None:
        """The first event finds the disk already changed: give the index the files as they were before."""
        project = self.sentinel.project
        for path in paths:
            relative = project.relative(path)
            if relative is None or relative not in project.index.files:
                continue
            try:
                now = (self.root / relative).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            prior = prior_text(event, now)
            self.sentinel.prime(relative, prior if prior is not None else _committed(self.root, relative))


def _committed(root: Path, path: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), "show", f"HEAD:./{path}"], capture_output=True, timeout=5, check=False
        )
        return done.stdout.decode("utf-8") if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None


def answer_once(root: str, cwd: str, payload: bytes) -> bytes:
    """Answer without a daemon, where there are no such sockets: slower, and without the slow lane."""
    try:
        server = HookServer(Path(root), slow_lane=False)
    except (VcrError, OSError) as exc:
        return _excuse(exc)
    try:
        return server.answer(cwd, payload)
    finally:
        server.sentinel.close()


def _excuse(exc: Exception) -> bytes:
    """The framed answer that says on standard error why there is none."""
    said = str(exc) if isinstance(exc, VcrError) else f"{type(exc).__name__}: {exc}"
    return b"0 0\n" + f"sentinel: this event was not checked ({said})\n".encode("utf-8", "backslashreplace")


def serve(root: Path, *, idle_seconds: float = 1800.0) -> int:
    """Listen until idle. Exit code 0, also when another daemon serves the project already."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    with (folder / "daemon.lock").open("w") as lock:
        if not _locked(lock.fileno()):
            return 0
        os.chdir(folder)
        Path(SOCKET).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(SOCKET)
        os.chmod(SOCKET, 0o600)  # noqa: PTH101  # beside bind
        listener.listen(16)
        listener.settimeout(_POLL_SECONDS)
        try:
            _loop(listener, HookServer(root), idle_seconds)
        finally:
            listener.close()
            Path(SOCKET).unlink(missing_ok=True)
    return 0


def _locked(descriptor: int) -> bool:
    import fcntl  # noqa: PLC0415  # not on Windows, which has no daemon

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _loop(listener: socket.socket, server: HookServer, idle_seconds: float) -> None:
    gc.disable()
    _ = server.sentinel.project
    gc.collect()
    gc.freeze()
    last = collected = time.monotonic()
    with server.sentinel:
        while time.monotonic() - last < idle_seconds and Path(SOCKET).exists():
            try:
                connection, _address = listener.accept()
            except TimeoutError:
                # The index is set aside, and the collector runs only while nobody waits.
                if last > collected:
                    gc.collect()
                    collected = time.monotonic()
                    server.sentinel.project.flush()
                continue
            with connection, contextlib.suppress(OSError):
                if not _serve_one(connection, server):
                    return
            last = time.monotonic()


def _serve_one(connection: socket.socket, server: HookServer) -> bool:
    """Answer one connection; `False` when a client of another version asks this daemon to go."""
    connection.settimeout(10)
    parts: list[bytes] = []
    size = 0
    while part := connection.recv(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MAX_PAYLOAD:
            return True
    version, _, rest = b"".join(parts).partition(b"\n")
    cwd, _, payload = rest.partition(b"\n")
    if version.decode("ascii", "replace") != VERSION:
        connection.sendall(b"restart")
        return False
    connection.sendall(server.answer(cwd.decode("utf-8", "surrogateescape"), payload))
    return True


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
