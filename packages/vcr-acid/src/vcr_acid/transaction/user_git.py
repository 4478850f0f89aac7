"""What git held when a session began, and what git commands did since: kept, pinned and told; never put back.

The user's index is kept as a file, branches and stashes by a commit that has them as parents, commits made meanwhile by
refs of their own.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from vcr_acid.git_guard.index_file import same_entries
from vcr_acid.store.snapshots import commit_bytes
from vcr_acid.store.temporary import fresh_path

if TYPE_CHECKING:
    from vcr_acid.transaction.session import Session


def _kept_index(session: Session) -> str:
    return os.path.join(session.layout.sessions, session.state.session_id + ".index")


def keep_index(session: Session) -> None:
    """Keep the user's index as it is, so that it can be compared and brought back by hand."""
    data = session.guard.index_bytes()
    if data is None:
        return
    temporary = fresh_path(session.layout)
    fd = session.disk.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    try:
        session.disk.write(fd, data, temporary)
        session.disk.fdatasync(fd, temporary)
    finally:
        os.close(fd)
    session.disk.rename(temporary, _kept_index(session))


def keep_user_work(session: Session) -> None:
    """Keep the user's branches and stashes reachable through one commit, should the agent delete them."""
    tips = [tip for tip in session.guard.user_commits() if session.store.contains(tip)]
    if tips:
        tree = session.store.put(b"tree", b"")
        text = "the user's branches and stashes when the session began"
        pin = session.store.put(b"commit", commit_bytes(tree, tips, text, int(time.time())))
        for entry in session.store.write_pending():
            session.store.write_loose(entry, sync=True)
        session.refs.write_own(session.ref_name("user-work"), pin)


def pin_commits(session: Session, commits: list[bytes]) -> None:
    """Keep commits the agent made reachable, whatever it does to its branches."""
    found: list[str] = []
    for commit in commits:
        name = commit.hex()
        if name not in session.state.pinned and session.store.contains(commit):
            session.refs.write_own(session.ref_name(f"pins/{name}"), commit)
            found.append(name)
    if found:
        session.record("pin", {"commits": found}, sync=False)


def _index_changed(session: Session) -> bool:
    """Whether another program staged or unstaged something; fresh stat data alone (``git status``) does not count."""
    try:
        with open(_kept_index(session), "rb") as stream:
            kept: bytes | None = stream.read()
    except FileNotFoundError:
        kept = None
    now = session.guard.index_bytes()
    if kept is None or now is None:
        return kept is not now
    return not same_entries(kept, now, session.layout.object_format.oid_length)


def describe_git_changes(session: Session) -> list[str]:
    """What git commands changed since begin, in words."""
    then: dict[str, str] = session.state.begin.get("head") or {}
    now = session.guard.take()[0].to_json()
    notes: list[str] = []
    if then.get("head_ref") != now["head_ref"]:
        notes.append(f"HEAD moved from {then.get('head_ref')} to {now['head_ref']}; it was left there")
    elif then.get("head") != now["head"]:
        old, new = (then.get("head") or "nothing")[:12], now["head"][:12] or "nothing"
        notes.append(f"{now['head_ref']} moved from {old} to {new}; it was left there")
    if then.get("index") != now["index"] and _index_changed(session):
        notes.append("the index was changed by another program; the one from begin is kept with the session")
    if session.state.pinned:
        notes.append(f"{len(session.state.pinned)} commit(s) made meanwhile are kept under {session.ref_name('pins/')}")
    return notes
