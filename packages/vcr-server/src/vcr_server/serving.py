"""Runs the application under hypercorn, and ends it in good order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import weakref
from collections.abc import Callable
from typing import Any

from hypercorn.asyncio import serve  # pyright: ignore[reportUnknownVariableType]  # its WSGI half is untyped
from hypercorn.config import Config, Sockets
from starlette.types import ASGIApp

from vcr_server.hub import Hub

MAX_MESSAGE = 64 << 10
FLUSH_SECONDS = 0.4
SETTLE_SECONDS = 0.1
END_SECONDS = 0.4


class Listener(socket.socket):
    """A listening socket that remembers the connections it gave, so that they can be cut at the end."""

    def __init__(self, family: socket.AddressFamily) -> None:
        # The protocol is named, or asyncio does not see that it is TCP and leaves Nagle on: 40 ms an answer.
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection and remember it."""
        connection, address = super().accept()
        self.connections.add(connection)
        return connection, address

    def cut_connections(self) -> None:
        """Cut every connection that is still open; what waits to be written to a client that sleeps is dropped."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def open_socket(host: str, port: int) -> Listener:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        OSError: If the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = Listener(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(100)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


class _BoundConfig(Config):
    """A configuration that listens on a socket that is open already."""

    listener: socket.socket

    def create_sockets(self) -> Sockets:
        return Sockets([], [self.listener], [])


def _configuration(listener: socket.socket) -> Config:
    config = _BoundConfig()
    config.listener = listener
    config.graceful_timeout = 0.3
    config.shutdown_timeout = 2.0
    config.keep_alive_timeout = 75
    config.websocket_max_message_size = MAX_MESSAGE
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = "-"
    config.loglevel = "WARNING"
    # websocket_ping_interval stays None: its task keeps hypercorn from ending.
    return config


async def run_server(app: ASGIApp, hub: Hub, listener: Listener, *, on_ready: Callable[[], Any] | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    From Python 3.12 on, closing a listening socket waits for every open connection, however long. So the WebSockets are
    closed (1001) before hypercorn learns of the end, and connections that are left a moment later are cut.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    async def wait_for_end() -> None:
        await stop.wait()
        hub.close()
        deadline = loop.time() + FLUSH_SECONDS
        while hub.mailboxes and loop.time() < deadline:
            await asyncio.sleep(0.01)
        await asyncio.sleep(SETTLE_SECONDS)  # answers that are being written, and the clients' own goodbyes
        listener.cut_connections()

    serving = asyncio.create_task(serve(app, _configuration(listener), shutdown_trigger=wait_for_end))  # type: ignore[arg-type]  # hypercorn spells ASGI types its own way
    if on_ready is not None:
        on_ready()
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await asyncio.wait({serving}, timeout=FLUSH_SECONDS + END_SECONDS)
        serving.cancel()
    stopping.cancel()
    with contextlib.suppress(
        asyncio.CancelledError, asyncio.InvalidStateError
    ):  # hypercorn asks for what was cancelled
        await serving
