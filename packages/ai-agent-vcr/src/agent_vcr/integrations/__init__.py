"""One module for each framework that Agent VCR knows; each needs the extra of its name (openhands: `acid`)."""

from __future__ import annotations
