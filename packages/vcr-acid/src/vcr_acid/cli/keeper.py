"""Holds an open session and does what other processes ask of it over a unix socket.

``vcr run`` has one while its program runs, the hook's daemon is one. A request is one JSON object
(``{"do": …, "values": …}``) or ``hook`` and an event, ended by closing the writing side; so is the answer. Only the
same user can reach the socket.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import threading
import time
from typing import Any

from vcr_acid.cli import hook_client, hook_events
from vcr_acid.cli.operations import ENDING, OPERATIONS, Values
from vcr_acid.errors import AcidError, WorkspaceRefused
from vcr_acid.transaction.workspace import ACIDWorkspace
from vcr_core.errors import VcrError

_READ_SECONDS = 5.0
_LOOK_SECONDS = 0.5


class KeeperError(AcidError):
    """The process that holds the session could not do what was asked.

    Attributes:
        kind: The class of what was raised there.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class Keeper:
    """Serves one open session.

    Args:
        acid: The workspace, begun or attached.
        busy_with: The program that runs in the session, if one does; then the session cannot be ended from outside.
    """

    def __init__(self, acid: ACIDWorkspace, *, busy_with: str | None = None) -> None:
        self._acid = acid
        self._busy_with = busy_with
        self.path = hook_client.socket_path(acid.path)
        self.last_request = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._inode = 0
        self._wake, self._woken = socket.socketpair()

    def start(self) -> None:
        """Listen and serve in a thread.

        Raises:
            WorkspaceRefused: Somebody else could write into the directory of the sockets.
        """
        directory = hook_client.socket_directory()
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if not hook_client.directory_is_ours(directory):
            raise WorkspaceRefused(directory, "others can write there, or it belongs to another user")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)  # we hold the workspace's lock, so whoever listened there is gone
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.path)
        self._inode = os.stat(self.path).st_ino
        listener.listen(64)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="vcr-keeper", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the session was committed or aborted."""
        return self._acid.session_id is None

    def stop(self) -> None:
        """Serve no more; requests that were begun are answered."""
        self._stop.set()
        self._wake.send(b"!")
        if self._thread is not None:
            self._thread.join()
        self._wake.close()
        self._woken.close()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the session was ended."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _serve(self, listener: socket.socket) -> None:
        try:
            self._answer_all(listener)
        finally:
            with contextlib.suppress(FileNotFoundError):
                if os.stat(self.path).st_ino == self._inode:  # else a later keeper listens there
                    os.unlink(self.path)
            listener.close()

    def _answer_all(self, listener: socket.socket) -> None:
        waiting = selectors.DefaultSelector()
        waiting.register(listener, selectors.EVENT_READ)
        waiting.register(self._woken, selectors.EVENT_READ)
        with waiting:
            while not self._stop.is_set() and not self.ended:
                if any(key.fileobj is listener for key, _ in waiting.select(_LOOK_SECONDS)):
                    self._answer_one(listener.accept()[0])

    def _answer_one(self, channel: socket.socket) -> None:
        with channel, contextlib.suppress(OSError):  # an asker that went away takes only its answer with it
            channel.settimeout(_READ_SECONDS)
            request = _receive(channel)
            self.last_request = time.monotonic()
            channel.sendall(self.answer(request))

    def answer(self, request: bytes) -> bytes:
        """What one request gets."""
        head, newline, rest = request.partition(b"\n")
        if head == b"hook" and newline:
            return hook_events.answer(self._acid, rest)
        try:
            value: dict[str, Any] = {"done": self._perform(json.loads(request))}
        except VcrError as error:
            value = {"error": type(error).__name__, "message": str(error)}
        except Exception as error:  # noqa: BLE001  # told to whoever asked; the next one must still be served
            value = {"error": type(error).__name__, "message": f"{type(error).__name__}: {error}"}
        return json.dumps(value).encode()

    def _perform(self, asked: Values) -> Values:
        name = asked["do"]
        if name in ENDING and self._busy_with is not None:
            raise KeeperError("Running", f"{self._busy_with} still runs in this session; {name} when it has ended")
        return OPERATIONS[name](self._acid, asked["values"])


def _receive(channel: socket.socket) -> bytes:
    parts: list[bytes] = []
    while part := channel.recv(1 << 16):
        parts.append(part)
    return b"".join(parts)


def ask_keeper(workspace: str, name: str, values: Values) -> Values | None:
    """Ask the keeper of a workspace; None if it has none.

    Raises:
        KeeperError: It refused.
    """
    if not hook_client.directory_is_ours(hook_client.socket_directory()):
        return None
    request = json.dumps({"do": name, "values": values}).encode()
    answer = hook_client.ask(hook_client.socket_path(workspace), request, 600.0)
    if not answer:
        return None
    value = json.loads(answer)
    if "error" in value:
        raise KeeperError(value["error"], value["message"])
    done: Values = value["done"]
    return done
