"""The data types of recordings and of resuming them, under their classic address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_vcr._forwarding import forward

if TYPE_CHECKING:
    from vcr_core import Frame, FrameMetadata, ResumeConfig, ResumeMode, SessionInfo

__all__ = ["Frame", "FrameMetadata", "ResumeConfig", "ResumeMode", "SessionInfo"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = forward(__name__, to="vcr_core", only=__all__)
