"""Finding what changed in a workspace."""

from __future__ import annotations
