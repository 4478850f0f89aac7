"""The handlers that read: sessions, the map, frames, states, differences, blame, totals."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from vcr_core.diff import diff
from vcr_core.frames import FrameRow
from vcr_core.lazy_sequence import check_index
from vcr_core.player import VCRPlayer
from vcr_core.state_reader import Part
from vcr_core.wire_format import unseal
from vcr_server.answers import json_answer, tag_of, validated
from vcr_server.blob_values import encode_filled
from vcr_server.errors import Problem
from vcr_server.parameters import frame_index, query_choice, query_number, query_text, session_name
from vcr_server.service import service_of
from vcr_server.session_list import list_sessions, read_filter
from vcr_server.statistics import node_statistics

MAX_ROWS = 1_000


async def get_health(request: Request) -> Response:
    """Tell that the server answers, and how busy it is."""
    service = service_of(request)
    lost = sum(mailbox.lost for mailbox in service.hub.mailboxes)
    known = {
        "ok": True,
        "sessions": len(service.catalog.digests()),
        "clients": len(service.hub.mailboxes),
        "lost": lost,
    }
    return json_answer(known)


async def get_sessions(request: Request) -> Response:
    """List sessions: searched, filtered, sorted, a page at a time."""
    service = service_of(request)
    wanted = read_filter(request)
    return json_answer(await asyncio.to_thread(list_sessions, service.catalog, wanted))


async def get_map(request: Request) -> Response:
    """Return every session as the map shows it."""
    catalog = service_of(request).catalog

    def build() -> tuple[bytes, str]:
        tag = catalog.tag
        return msgspec.json.encode({"sessions": [catalog.public(digest) for digest in catalog.digests()]}), tag

    content, tag = await asyncio.to_thread(build)
    return validated(request, content, tag)


async def get_session(request: Request) -> Response:
    """Return what is known about one session."""
    service = service_of(request)
    name = session_name(request)

    def read(player: VCRPlayer) -> dict[str, Any]:
        digest = service.catalog.get(name)
        known = service.catalog.public(digest) if digest else {"id": name, "frames": len(player)}
        return known | {
            "info": msgspec.to_builtins(player.session),
            "totals": msgspec.to_builtins(player.totals()),
            "ended": player.end is not None,
            "damage": player.damage,
            "torn_bytes": len(player.torn),
            "bytes": player.path.stat().st_size,
        }

    return json_answer(await service.with_player(name, read))


async def get_columns(request: Request) -> Response:
    """Return the small fields of all frames by column."""
    service = service_of(request)
    name = session_name(request)

    def read(player: VCRPlayer) -> tuple[bytes, str]:
        content, frames = service.columns.encode(name, player)
        return content, f"{tag_of(content)}-{frames}"

    content, tag = await service.with_player(name, read)
    return validated(request, content, tag)


async def get_rows(request: Request) -> Response:
    """Return rows of frames from one on; this is how a client catches up."""
    service = service_of(request)
    first = query_number(request, "from", 0)
    limit = query_number(request, "limit", 200, low=1, high=MAX_ROWS)

    def read(player: VCRPlayer) -> dict[str, Any]:
        return {"frames": len(player), "from": first, "rows": player.rows[first : first + limit]}

    return json_answer(await service.with_player(session_name(request), read))


async def get_frame(request: Request) -> Response:
    """Return the line of a frame as it stands in the file."""
    service = service_of(request)
    index = frame_index(request)

    def read(player: VCRPlayer) -> bytes:
        return player.raw_line(index)

    line = await service.with_player(session_name(request), read)
    return validated(request, line, seal_of(line))


def seal_of(line: bytes) -> str:
    """Return the hash that closes a line, which covers all lines before it too; for older formats, of the line."""
    opened = unseal(line)
    return opened[1] if opened is not None else tag_of(line)


async def get_output(request: Request) -> Response:
    """Return the state after a frame."""
    return await _get_state(request, "output")


async def get_input(request: Request) -> Response:
    """Return the state before a frame."""
    return await _get_state(request, "input")


async def _get_state(request: Request, part: Part) -> Response:
    service = service_of(request)
    index = frame_index(request)

    def read(player: VCRPlayer) -> tuple[bytes, str]:
        line = player.raw_line(index)
        return encode_filled(player.wire_state(index, part), player.path.parent), f"{seal_of(line)}-{part}"

    content, tag = await service.with_player(session_name(request), read)
    return validated(request, content, tag)


async def get_diff(request: Request) -> Response:
    """Return what differs between two states of any two frames of any two sessions."""
    old = await _state_of_reference(request, "a", query_choice(request, "a_part", ("output", "input")))
    new = await _state_of_reference(request, "b", query_choice(request, "b_part", ("output", "input")))
    ops = await asyncio.to_thread(lambda: [op.as_dict() for op in diff(old, new)])
    return json_answer({"ops": ops})


async def _state_of_reference(request: Request, name: str, part: str) -> Any:
    session, slash, index = query_text(request, name).rpartition("/")
    if not slash or not index.isascii() or not index.isdigit() or len(index) > 16:
        raise Problem(400, "reference", f"{name} names a frame as session/index, such as a=my_run/5")
    wanted: Part = "input" if part == "input" else "output"
    return await service_of(request).with_player(session, lambda player: player.wire_state(int(index), wanted))


async def get_blame(request: Request) -> Response:
    """Return the frames that changed the value at a JSON pointer, newest first."""
    service = service_of(request)
    pointer = query_text(request, "pointer", longest=4_000)
    if pointer and not pointer.startswith("/"):
        raise Problem(400, "pointer", f"pointer is {pointer[:40]!r}; a JSON pointer begins with / or is empty")
    before = query_number(request, "before", 0)

    def read(player: VCRPlayer) -> list[FrameRow]:
        last = check_index(player.path, before, len(player)) if "before" in request.query_params else None
        return [frame.row for frame in player.blame(pointer, before=last)]

    return json_answer({"pointer": pointer, "rows": await service.with_player(session_name(request), read)})


async def get_session_stats(request: Request) -> Response:
    """Return time, tokens and cost of a session by step."""
    service = service_of(request)

    def read(player: VCRPlayer) -> dict[str, Any]:
        return {"totals": msgspec.to_builtins(player.totals()), "nodes": node_statistics(player.rows)}

    return json_answer(await service.with_player(session_name(request), read))


async def get_stats(request: Request) -> Response:
    """Return what all sessions add up to."""
    digests = service_of(request).catalog.digests()
    costs = [digest.cost_usd for digest in digests if digest.cost_usd is not None]
    totals = {
        "sessions": len(digests),
        "forks": sum(digest.parent is not None for digest in digests),
        "frames": sum(digest.frames for digest in digests),
        "errors": sum(len(digest.errors) for digest in digests),
        "tokens": sum(digest.tokens for digest in digests),
        "latency_ms": round(sum(digest.latency_ms for digest in digests), 3),
        "cost_usd": round(sum(costs), 6) if costs else None,
        "unreadable": sum(digest.problem is not None for digest in digests),
    }
    return json_answer(totals)
