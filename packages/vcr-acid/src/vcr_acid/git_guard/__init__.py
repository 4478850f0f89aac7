"""What the agent's own git commands do, and git's index."""

from __future__ import annotations
