"""No network while a golden run is replayed: a connection outside of the allow list fails, and is named.

What is caught: connections of this process that are made through Python's `socket` (all HTTP clients in Python, asyncio
and threads).  What is not: other processes, and extensions that make system calls of their own.
"""

from __future__ import annotations

import socket
import sys
import threading
import types
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, cast

from vcr_golden.errors import GoldenError

_CONNECTS = ("connect", "connect_ex", "sendto")
_lock = threading.Lock()


class NetworkBlockedError(GoldenError, ConnectionRefusedError):
    """Something wanted to use the network during a replay.

    Attributes:
        address: Where to.
        call_site: ``file:line``, or None.
    """

    def __init__(self, address: Any, call_site: str | None) -> None:
        self.address = address
        self.call_site = call_site
        where = f", called at {call_site}" if call_site else ""
        super().__init__(
            f"blocked a connection to {_text(address)}{where}: a replay needs no network. Make the call a step, "
            "so that it is recorded and served; or allow the host with --vcr-allow-host."
        )


class NetworkBlock:
    """What was blocked.

    Attributes:
        blocked: The refused connections, in order; also those whose error the agent swallowed.
    """

    def __init__(self, allow: Iterable[str]) -> None:
        self.blocked: list[NetworkBlockedError] = []
        self._allow = frozenset(allow)

    def refuses(self, family: int, address: Any) -> bool:
        """True if a connection is to fail; sockets of this machine's file system always pass."""
        if family not in (socket.AF_INET, socket.AF_INET6):
            return False
        text = _text(address)
        return text not in self._allow and text.rpartition(":")[0] not in self._allow

    def check(self, family: int, address: Any) -> None:
        """Note and raise, if the connection is refused.

        Raises:
            NetworkBlockedError: If it is.
        """
        if self.refuses(family, address):
            error = NetworkBlockedError(address, _call_site())
            self.blocked.append(error)
            raise error


def _call_site() -> str | None:
    """Return ``file:line`` of the nearest caller outside of this module and the standard library's plumbing."""
    frame: types.FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # no public way is as cheap
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module not in (__name__, "socket", "ssl") and not module.startswith(("asyncio.", "http.", "urllib.")):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _text(address: Any) -> str:
    if isinstance(address, tuple):
        parts = cast("tuple[object, ...]", address)
        return f"{parts[0]}:{parts[1]}"
    return str(address)


@contextmanager
def network_blocked(allow: Iterable[str] = ()) -> Generator[NetworkBlock]:
    """Refuse connections inside the block; what was connected before stays so.

    Args:
        allow: Hosts, or ``host:port``, that may be connected to.
    """
    block = NetworkBlock(allow)
    with _lock:
        before = {name: socket.socket.__dict__.get(name) for name in _CONNECTS}
        for name in _CONNECTS:
            setattr(socket.socket, name, _guarded(block, getattr(socket.socket, name)))
    try:
        yield block
    finally:
        with _lock:
            for name, original in before.items():
                if original is None:
                    delattr(socket.socket, name)
                else:
                    setattr(socket.socket, name, original)


def _guarded(block: NetworkBlock, connect: Callable[..., Any]) -> Callable[..., Any]:
    def guard(self: socket.socket, *args: Any) -> Any:
        block.check(self.family, args[-1])
        return connect(self, *args)

    return guard
