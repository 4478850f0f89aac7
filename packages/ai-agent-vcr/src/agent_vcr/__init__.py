"""Agent VCR under one name: everything `vcr_core` exports, loaded when it is first used.

The parts with distributions of their own are reached through `agent_vcr.golden_cache` and `agent_vcr.integrations`.
No code beyond the forwarding belongs here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_core import *  # noqa: F403  the façade has exactly the names of what it stands for
else:
    __getattr__, __dir__ = forward(__name__, to="vcr_core", submodules=("golden_cache", "integrations", "models"))
