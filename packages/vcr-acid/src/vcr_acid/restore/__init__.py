"""Going back: planning it and doing it."""

from __future__ import annotations
