"""The arguments of a tool call, which most providers send as a text that holds JSON."""

from __future__ import annotations

import json
from typing import Any


def parse_arguments(given: Any) -> Any:
    """Return arguments parsed; what is not a text is given back, and so is a text that is not JSON."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given
