"""One session as one HTML page that opens without a server: the dashboard and the recording's lines inside it.

The page holds the lines as they are written, patches included, so it grows with the recording and not with its square;
the dashboard puts states together itself. Frames that a fork shares with its parent are put in whole.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
from pathlib import Path
from typing import Any

import msgspec

from vcr_core.player import VCRPlayer
from vcr_core.session_file import DamagedFrameError
from vcr_core.state_reader import MissingStateError
from vcr_core.wire_format import FrameStates
from vcr_server.blob_values import fill_blobs
from vcr_server.columns import SessionColumns
from vcr_server.notes import Note

STATIC = Path(__file__).parent / "static"


def build_page(player: VCRPlayer, shown: dict[str, Any], notes: list[Note]) -> bytes:
    """Return the page of one session.

    Args:
        player: The recording.
        shown: Its digest, as the map gets it.
        notes: Its notes.
    """
    script = (STATIC / "dashboard.js").read_text("utf-8")
    style = (STATIC / "style.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src {_allow(script)}; style-src {_allow(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    icon = base64.b64encode((STATIC / "icon.svg").read_bytes()).decode()
    data = base64.b64encode(gzip.compress(_data(player, shown, notes), 6, mtime=0)).decode()
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="dark light">\n'
        f"<title>{html.escape(player.session.session_id)} · Agent VCR</title>\n"
        f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">\n<style>{style}</style>\n</head>\n<body>\n'
        '<a class="skip" href="#inspector">Skip to the inspector</a>\n<div id="app"></div>\n'
        "<noscript>The page needs JavaScript.</noscript>\n"
        f'<script type="text/plain" id="vcr-data">{data}</script>\n<script type="module">{script}</script>\n'
        "</body>\n</html>\n"
    )
    return page.encode()


def _allow(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _data(player: VCRPlayer, shown: dict[str, Any], notes: list[Note]) -> bytes:
    columns = SessionColumns()
    columns.add(player.rows[:])
    alone = {name: value for name, value in shown.items() if name not in ("parent", "cut")}
    session = {**alone, "forked_from": shown.get("parent"), "info": msgspec.to_builtins(player.session)}
    document = {
        "session": session,
        "columns": msgspec.Raw(columns.encode()),
        "frames": [frame_of_page(player, index) for index in range(len(player))],
        "notes": notes,
    }
    return msgspec.json.encode(document)


def frame_of_page(player: VCRPlayer, index: int) -> dict[str, Any]:
    """Return a frame's data as it is written, whole where it leans on another file."""
    row: dict[str, Any] = msgspec.to_builtins(player.source.row(index))
    try:
        body = player.body(index)
        states, tagged = player.source.states(index)
        fields: dict[str, Any] = {"metadata": body.metadata}
        if body.error is not None:
            fields["error"] = body.error
        if states.tape is not None:
            fields |= {"input_state": player.wire_state(index, "input"), "output_state": player.wire_state(index)}
        else:
            fields |= _written(states)
    except (DamagedFrameError, MissingStateError) as error:
        return {**row, "input_state": None, "output_state": {"unreadable": str(error)}}
    whole = {**row, **fields}
    return fill_blobs(whole, player.path.parent) if tagged else whole


def _written(states: FrameStates) -> dict[str, Any]:
    names = ("base", "base_part", "input_state", "input_patch", "output_state", "output_patch", "output_base")
    found = {name: getattr(states, name) for name in names}
    return {name: value for name, value in found.items() if value is not None and value is not msgspec.UNSET}
