"""Objects, log, refs and private copies on the disk."""

from __future__ import annotations
