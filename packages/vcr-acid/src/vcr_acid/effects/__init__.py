"""Effects outside the files."""

from __future__ import annotations
