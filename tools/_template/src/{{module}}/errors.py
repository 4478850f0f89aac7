"""The base of the errors of {{name}}; the leaves stand beside the code that raises them."""

from __future__ import annotations

from vcr_core.errors import VcrError


class {{class}}Error(VcrError):
    """Base of all errors of {{name}}."""
