"""What stands in a recording in place of a secret.

A placeholder is `[REDACTED:<kind>:<12 hex>]`. The digits are a keyed BLAKE2b of the text that was replaced, so equal
secrets give equal placeholders within a project, and nobody without the project's key can test a guess. Finding
secrets and walking trees do not belong here.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

PLACEHOLDER = re.compile(r"\[REDACTED:([a-z0-9][a-z0-9-]{0,39}):([0-9a-f]{12})\]")
"""Matches one placeholder; groups: kind, digest."""

GENERIC_KIND = "secret"
"""The kind of a secret that no provider's shape names."""


class PlaceholderAt(NamedTuple):
    """One placeholder in a tree: RFC 6901 pointer of the string that holds it, kind, digest (12 hex digits)."""

    pointer: str
    kind: str
    digest: str


def digest_secret(secret: str, *, key: bytes) -> str:
    """Return the 12 hex digits that stand for `secret` under the project's `key` (at most 64 bytes)."""
    data = secret.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=6, key=key).hexdigest()


def format_placeholder(kind: str, digest: str) -> str:
    """Return the placeholder's text."""
    return f"[REDACTED:{kind}:{digest}]"
