"""Sessions: the public face and what holds it together."""

from __future__ import annotations
