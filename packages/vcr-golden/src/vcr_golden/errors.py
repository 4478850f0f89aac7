"""The base of the errors of vcr-golden; the leaves stand beside the code that raises them."""

from __future__ import annotations

from vcr_core.errors import VcrError


class GoldenError(VcrError):
    """Base of all errors of vcr-golden."""
