"""The workspace whose files roll back with the state: `ACIDWorkspace` (`vcr_acid`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_acid import *  # noqa: F403  the façade has exactly the names of what it stands for
else:
    __getattr__, __dir__ = forward(__name__, to="vcr_acid", extra="acid")
