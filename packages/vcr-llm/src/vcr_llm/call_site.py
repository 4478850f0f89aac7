"""Which line of the user's program a call came from."""

from __future__ import annotations

import sys
import sysconfig
import types

_OURS = ("vcr_core", "vcr_llm")


def find_caller() -> str | None:
    """Return ``file:line`` of the nearest caller outside of libraries; else outside of Agent VCR and Python's own."""
    libraries = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    frame: types.FrameType | None = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # no public way is as cheap
    nearest: str | None = None
    while frame is not None:
        name, file = str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename
        if not name.startswith(_OURS) and not file.startswith("<"):
            place = f"{file}:{frame.f_lineno}"
            if not file.startswith(libraries):
                return place
            if nearest is None and "site-packages" in file:
                nearest = place
        frame = frame.f_back
    return nearest
