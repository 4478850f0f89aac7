"""Decisions about conflicts: which paths they may name, and keeping them in the session's log."""

from __future__ import annotations

import os

from vcr_acid.scanner.reading import read_entry
from vcr_acid.transaction.session import Session, disk_errors
from vcr_core.errors import UsageError


def check_path(workspace: str, path: str) -> str:
    """A path that may stand in a commit, from the workspace's top.

    Raises:
        UsageError: It is outside, behind a link, git's own, or no path of a file.
    """
    if "\0" in path:
        raise _unresolvable(path, "it has a NUL in it")
    full = os.path.normpath(os.path.join(workspace, path))
    if full == workspace:
        raise _unresolvable(path, "it is the workspace itself")
    if not full.startswith(workspace + os.sep):
        raise _unresolvable(path, f"it is outside the workspace {workspace}")
    relative = os.path.relpath(full, workspace)
    if ".git" in relative.lower().split(os.sep):
        raise _unresolvable(path, "it is git's own")
    if os.path.realpath(os.path.dirname(full)) != os.path.dirname(full):
        raise _unresolvable(path, "it lies behind a symbolic link")
    return relative


def decide(session: Session, relative: str, data: bytes | None, mode: bytes | None) -> None:
    """Keep a decision: what a path shall hold (None: it shall go), and its git mode if that is decided, too."""
    with disk_errors("resolve"):
        blob = None if data is None else session.store.put(b"blob", data).hex()
        for entry in session.store.write_pending():
            session.store.write_loose(entry, sync=True, replace=True)
        modes = {relative: mode.decode()} if mode else {}
        session.record("resolve", {"paths": {relative: blob}, "modes": modes})


def decide_as_it_is(session: Session, relative: str) -> None:
    """Keep the decision that a path shall be as the workspace has it now.

    Raises:
        UsageError: It is neither a file nor a link.
    """
    with disk_errors("resolve"):
        found = read_entry(os.path.join(session.layout.workspace, relative))
    mode, data = found or (None, None)
    if data is not None and mode is None:
        raise _unresolvable(relative, "it is neither a file nor a link; name the files in a directory")
    decide(session, relative, data, mode)


def _unresolvable(path: str, why: str) -> UsageError:
    return UsageError(f"{path!r} cannot be resolved: {why}. Give the path of a file in the workspace.")
