"""`type` and `isinstance` for values of any type, as strict type checkers can follow them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

type_of: Callable[[object], type[Any]] = type
"""The class of a value: `type` itself, so that it costs nothing more."""

fields_of: Callable[[object], dict[str, Any]] = vars
"""The attributes of an instance: `vars` itself."""
