"""The command line: ``vcr run`` and its family, and the hook for coding agents. No work at import."""

from __future__ import annotations
