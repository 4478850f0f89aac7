"""The real-time code guard under its classic name (`vcr_sentinel`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_sentinel import *  # noqa: F403  the façade has exactly the names of what it stands for
else:
    __getattr__, __dir__ = forward(__name__, to="vcr_sentinel", extra="sentinel")
