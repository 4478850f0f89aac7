"""The WebSocket: sessions as they change, and the frames of the sessions that a client follows.

A client sends ``{"follow": session, "from": index}`` and ``{"unfollow": session}``; every message to it is a JSON list
of events. Events: ``hello``, ``session``, ``gone``, ``frames``, ``gap``, ``job``, ``problem``.
"""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from vcr_core.errors import VcrError
from vcr_core.frames import FrameRow
from vcr_core.player import VCRPlayer
from vcr_core.session_ids import split_take
from vcr_server.answers import problem_of
from vcr_server.hub import Mailbox, encode
from vcr_server.service import Service, service_of
from vcr_server.watch import MAX_ROWS, read_rows

SEND_SECONDS = 10.0
PACE_SECONDS = 0.015
MAX_FOLLOWED = 64


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may send.

    Attributes:
        follow: A session whose frames are wanted.
        start: First frame that the client lacks.
        unfollow: A session whose frames are wanted no longer.
    """

    follow: str | None = None
    start: int | None = msgspec.field(default=None, name="from")
    unfollow: str | None = None


async def serve_live(socket: WebSocket) -> None:
    """Serve one client until it leaves or the server closes."""
    service = service_of(socket)
    await socket.accept()
    mailbox = Mailbox()
    mailbox.put(encode({"type": "hello", "version": service.catalog.tag}))
    service.hub.join(mailbox)
    reader = asyncio.create_task(_read_wishes(socket, service, mailbox))
    try:
        await _send_mail(socket, mailbox)
    except (WebSocketDisconnect, OSError, RuntimeError, asyncio.TimeoutError):
        pass  # the client left or stopped reading; it comes back by itself
    finally:
        service.hub.leave(mailbox)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
            await reader


async def _send_mail(socket: WebSocket, mailbox: Mailbox) -> None:
    while events := await mailbox.take():
        await asyncio.wait_for(socket.send_text(f"[{','.join(events)}]"), SEND_SECONDS)
        if not mailbox.closed:
            await asyncio.sleep(PACE_SECONDS)  # what arrives meanwhile goes out in one message
    if socket.client_state is WebSocketState.CONNECTED:
        await asyncio.wait_for(socket.close(1001, "the server is closing"), 1)


async def _read_wishes(socket: WebSocket, service: Service, mailbox: Mailbox) -> None:
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            await _take_wish(message.get("text") or message.get("bytes") or "", service, mailbox)
    finally:
        mailbox.close()


async def _take_wish(text: str | bytes, service: Service, mailbox: Mailbox) -> None:
    try:
        wish = msgspec.json.decode(text, type=Wish)
        if wish.unfollow is not None:
            mailbox.sessions.discard(wish.unfollow)
        if wish.follow is not None:
            await _follow(wish.follow, max(0, wish.start or 0), service, mailbox)
    except (msgspec.DecodeError, UnicodeDecodeError, VcrError, OSError, RecursionError) as error:
        detail = str(error) if isinstance(error, msgspec.DecodeError) else problem_of(error).detail
        mailbox.put(encode({"type": "problem", "detail": detail[:500]}))


async def _follow(name: str, first: int, service: Service, mailbox: Mailbox) -> None:
    split_take(name)
    service.pool.path(name)
    if len(mailbox.sessions) >= MAX_FOLLOWED and name not in mailbox.sessions:
        mailbox.sessions.pop()
    mailbox.sessions.add(name)  # before reading: what is recorded from here on comes as an event of its own

    def read(player: VCRPlayer) -> tuple[int, list[FrameRow]]:
        return len(player), read_rows(player, first=first)

    frames, rows = await service.with_player(name, read)
    if frames - first > MAX_ROWS:
        mailbox.put(encode({"type": "gap", "session": name}))
    elif rows:
        mailbox.put(encode({"type": "frames", "session": name, "from": first, "rows": rows}))
