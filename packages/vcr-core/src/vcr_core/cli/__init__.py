"""The ``vcr`` command.  Each group of subcommands is a module of its own, imported when one of them is run."""

from __future__ import annotations

from vcr_core.cli.entry import main

__all__ = ["main"]
