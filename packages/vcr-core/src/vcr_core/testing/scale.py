"""How much a search searches: a small share by default, all of it where ``VCR_FULL=1`` is set (``nox -s full``)."""

from __future__ import annotations

import os

FULL = os.environ.get("VCR_FULL", "") not in ("", "0")


def scaled(full: int, small: int) -> int:
    """Return the number of examples, kills or flips to try."""
    return full if FULL else small
