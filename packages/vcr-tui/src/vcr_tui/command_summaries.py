"""What `vcr --help` says of this package's commands, and nothing else: it is imported for that page alone."""

from __future__ import annotations

SUMMARIES = {"tui": "look at a run in the terminal"}
