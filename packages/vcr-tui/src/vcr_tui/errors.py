"""The base of the errors of vcr-tui; the leaves stand beside the code that raises them."""

from __future__ import annotations

from vcr_core.errors import VcrError


class TuiError(VcrError):
    """Base of all errors of vcr-tui."""
