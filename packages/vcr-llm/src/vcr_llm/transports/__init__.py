"""The clients whose calls are captured, each patched at the lowest place that still knows a request from a response.

They are never imported here: a patch is applied when the user's program imports the library (`vcr_llm.patching`).
"""

from __future__ import annotations

from collections.abc import Callable

Undo = Callable[[], None]
"""Takes a patch away again: what each transport's ``patch`` returns."""
