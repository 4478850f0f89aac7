"""Golden runs, ghost replay and the cost ledger (`vcr_golden`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_golden import *  # noqa: F403  the façade has exactly the names of what it stands for
else:
    __getattr__, __dir__ = forward(__name__, to="vcr_golden", extra="golden")
