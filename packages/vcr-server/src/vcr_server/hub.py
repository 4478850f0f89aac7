"""Hands messages to many clients without waiting for any of them.

Each client has a bounded mailbox. One that does not keep up loses what waits for it and is told so with a single
``gap``; it then reads what it missed over HTTP. Sockets do not belong here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import msgspec

GAP = '{"type":"gap"}'


class Mailbox:
    """What waits for one client.

    Args:
        limit: Messages that may wait.
        max_bytes: Characters that may wait.
    """

    def __init__(self, *, limit: int = 512, max_bytes: int = 4 << 20) -> None:
        self.sessions: set[str] = set()
        self.closed = False
        self.lost = 0
        self._waiting: deque[str] = deque()
        self._size = 0
        self._limit = limit
        self._max_bytes = max_bytes
        self._gap = False
        self._arrived = asyncio.Event()

    def put(self, message: str) -> None:
        """Add a message, or drop everything that waits if there is no room."""
        if self._gap:
            self.lost += 1
            return
        if len(self._waiting) >= self._limit or self._size + len(message) > self._max_bytes:
            self.lost += len(self._waiting) + 1
            self._waiting.clear()
            self._size = 0
            self._gap = True
        else:
            self._waiting.append(message)
            self._size += len(message)
        self._arrived.set()

    def close(self) -> None:
        """Wake the one who waits, for the last time."""
        self.closed = True
        self._arrived.set()

    async def take(self, *, most: int = 64, most_bytes: int = 256 << 10) -> list[str]:
        """Wait for messages and return some; none once the mailbox is closed."""
        while not self._waiting and not self._gap and not self.closed:
            self._arrived.clear()
            await self._arrived.wait()
        if self.closed:
            return []
        if self._gap:
            self._gap = False
            return [GAP]
        taken: list[str] = []
        size = 0
        while self._waiting and len(taken) < most and size < most_bytes:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._size -= size
        return taken


class Hub:
    """All clients that are connected."""

    def __init__(self) -> None:
        self.mailboxes: set[Mailbox] = set()
        self.closing = False

    def join(self, mailbox: Mailbox) -> None:
        """Let a client take part; once the server closes, its mailbox is closed at once."""
        self.mailboxes.add(mailbox)
        if self.closing:
            mailbox.close()

    def leave(self, mailbox: Mailbox) -> None:
        """Forget a client."""
        self.mailboxes.discard(mailbox)

    def tell_all(self, message: dict[str, Any]) -> None:
        """Send a message to every client."""
        text = encode(message)
        for mailbox in self.mailboxes:
            mailbox.put(text)

    def tell_subscribers(self, session: str, message: dict[str, Any]) -> None:
        """Send a message to the clients that follow a session; it is encoded once."""
        following = [mailbox for mailbox in self.mailboxes if session in mailbox.sessions]
        if following:
            text = encode(message)
            for mailbox in following:
                mailbox.put(text)

    def followed(self) -> set[str]:
        """Return the sessions that somebody follows."""
        return {session for mailbox in self.mailboxes for session in mailbox.sessions}

    def close(self) -> None:
        """Close every mailbox, and each that joins later."""
        self.closing = True
        for mailbox in list(self.mailboxes):
            mailbox.close()


def encode(message: dict[str, Any]) -> str:
    """Return a message as it is sent."""
    return msgspec.json.encode(message).decode()
