"""The base of the errors of vcr-llm; the leaves stand beside the code that raises them."""

from __future__ import annotations

from vcr_core.errors import VcrError


class LlmError(VcrError):
    """Base of all errors of vcr-llm."""
