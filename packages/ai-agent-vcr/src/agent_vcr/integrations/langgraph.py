"""Recording and resuming LangGraph graphs (`vcr_langgraph`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_langgraph import *  # noqa: F403  the façade has exactly the names of what it stands for
else:
    __getattr__, __dir__ = forward(__name__, to="vcr_langgraph", extra="langgraph")
