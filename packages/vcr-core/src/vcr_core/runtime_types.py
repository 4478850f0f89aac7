"""The types of values as strict type checkers can follow them, and the modules that types are found in again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

type_of: Callable[[object], type[Any]] = type
"""The class of a value: `type` itself, so that it costs nothing more."""

fields_of: Callable[[object], dict[str, Any]] = vars
"""The attributes of an instance: `vars` itself."""


def importable_name(module: str) -> str:
    """Return the name under which another process finds a module; of a script, that it would be imported by."""
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)  # of ``python -m package.module``
    return str(spec.name) if spec is not None else Path(getattr(main, "__file__", None) or "__main__").stem
