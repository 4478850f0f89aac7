"""Captures in a process that runs a recording again, where the recording holds captured calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vcr_llm.capturing import install
from vcr_llm.providers import provider_named
from vcr_llm.settings import is_active

if TYPE_CHECKING:
    from vcr_core import FrameRow

_lock = threading.Lock()


def prepare(rows: Sequence[FrameRow]) -> None:
    """Install the patches and the guard, unless that is done, if some frames are calls that were captured.

    It stays so for the rest of the process: a call that was recorded is served, never made by accident.
    """
    with _lock:
        if not is_active() and any(_is_captured(row) for row in rows):
            install()


def _is_captured(row: FrameRow) -> bool:
    if row.key is None:
        return False
    return (
        row.label == "http" if row.kind == "tool" else row.kind == "llm" and provider_named(row.node_name) is not None
    )
