"""Who a commit is by: git's environment variables, then the configuration, then ourselves."""

from __future__ import annotations

import os

from dulwich.config import Config

from vcr_acid.store.snapshots import IDENTITY


def _configured(config: Config, name: bytes) -> bytes:
    try:
        return bytes(config.get((b"user",), name))
    except KeyError:
        return b""


def committer(config: Config) -> bytes:
    """``Name <mail>`` of the person whose repository this is."""
    name = os.fsencode(os.environ.get("GIT_COMMITTER_NAME", "")) or _configured(config, b"name")
    mail = os.fsencode(os.environ.get("GIT_COMMITTER_EMAIL", "")) or _configured(config, b"email")
    if not name or not mail:
        return IDENTITY
    for bad in (b"<", b">", b"\n", b"\0"):
        name, mail = name.replace(bad, b""), mail.replace(bad, b"")
    return name.strip() + b" <" + mail.strip() + b">"
