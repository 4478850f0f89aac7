"""Names of temporary files: unique in and between processes, and recognisable after a crash."""

from __future__ import annotations

import contextlib
import itertools
import os

from vcr_acid.store.layout import Layout

_numbers = itertools.count()
_MARK = "vcrtmp"


def fresh_name(prefix: str = "") -> str:
    """A name nobody else uses."""
    return f"{prefix}{_MARK}-{os.getpid()}-{next(_numbers)}"


def fresh_path(layout: Layout) -> str:
    """A path in the repository's temporary directory."""
    return f"{layout.temporary}/{fresh_name()}"


def clear_abandoned(layout: Layout) -> int:
    """Remove what processes that are gone left behind; returns how many files."""
    removed = 0
    for name in os.listdir(layout.temporary):
        mark, _, rest = name.partition("-")
        owner = rest.partition("-")[0]
        if not mark.endswith(_MARK) or not owner.isdigit() or _is_alive(int(owner)):
            continue
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(layout.temporary, name))
            removed += 1
    return removed


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
