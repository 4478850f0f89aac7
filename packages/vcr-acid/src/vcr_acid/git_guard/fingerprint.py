"""What the agent's own git commands did: HEAD, branches, stash, index, seen again at every savepoint.

New commits are returned so that the caller can pin them; nothing is ever moved back from here.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from vcr_acid.store.layout import Layout
from vcr_acid.store.refs import Refs


@dataclass(frozen=True)
class Fingerprint:
    """Where HEAD, the branches and the index were. Ids are hex."""

    head_ref: str
    head: str
    index: str
    refs: str

    def to_json(self) -> dict[str, str]:
        """As plain values."""
        return {"head_ref": self.head_ref, "head": self.head, "index": self.index, "refs": self.refs}


@dataclass
class GitGuard:
    """Watches one worktree's git state."""

    layout: Layout
    refs: Refs
    _index_stamp: tuple[int, int, int] | None = None
    _index_digest: str = ""
    _seen: set[bytes] = field(default_factory=set[bytes])
    _reflog_at: dict[str, int] = field(default_factory=dict[str, int])

    def index_bytes(self) -> bytes | None:
        """The user's index as it is now."""
        try:
            with open(os.path.join(self.layout.git_dir, "index"), "rb") as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def _index_hash(self) -> str:
        path = os.path.join(self.layout.git_dir, "index")
        try:
            status = os.stat(path)
        except FileNotFoundError:
            self._index_stamp, self._index_digest = None, ""
            return ""
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self._index_stamp:
            data = self.index_bytes() or b""
            self._index_stamp, self._index_digest = stamp, hashlib.blake2b(data, digest_size=16).hexdigest()
        return self._index_digest

    def take(self) -> tuple[Fingerprint, list[bytes]]:
        """The state now, and commits not seen before (branch tips, stash, entries of HEAD's and the stash's log)."""
        if self.layout.private:
            return Fingerprint("", "", "", ""), []
        head_ref, head = self.refs.head()
        tips = [
            (name, value) for name, value in self.refs.list("refs/heads/") if not name.startswith("refs/heads/vcr/")
        ]
        stash = self.refs.get("refs/stash")
        values = [value for _, value in tips] + [value for value in (head, stash) if value is not None]
        values += self._new_log_entries("logs/HEAD", self.layout.git_dir)
        values += self._new_log_entries("logs/refs/stash", self.layout.common_dir)
        new = [value for value in dict.fromkeys(values) if value not in self._seen]
        self._seen.update(new)
        digest = hashlib.blake2b(digest_size=16)
        for name, value in tips:
            digest.update(os.fsencode(name) + b"\0" + value)
        digest.update(stash or b"")
        mark = Fingerprint(head_ref, head.hex() if head else "", self._index_hash(), digest.hexdigest())
        return mark, new

    def remember(self, *commits: str) -> None:
        """Count commits (hex) as seen: they were there when the session began."""
        self._seen.update(bytes.fromhex(commit) for commit in commits)

    def user_commits(self) -> list[bytes]:
        """Tips of the user's branches and every stash entry, each once."""
        if self.layout.private:
            return []
        found = [value for name, value in self.refs.list("refs/heads/") if not name.startswith("refs/heads/vcr/")]
        path = os.path.join(self.layout.common_dir, "logs", "refs", "stash")
        if os.path.exists(path):
            with open(path, "rb") as stream:
                found += [bytes.fromhex(line.split(b" ")[1].decode("ascii")) for line in stream]
        return list(dict.fromkeys(found))

    def _new_log_entries(self, name: str, root: str) -> list[bytes]:
        path = os.path.join(root, name)
        start = self._reflog_at.get(path)
        try:
            size = os.path.getsize(path)
            if start == size:
                return []
            with open(path, "rb") as stream:
                stream.seek(start if start is not None and start < size else 0)
                text = stream.read()
        except FileNotFoundError:
            self._reflog_at[path] = 0
            return []
        self._reflog_at[path] = size
        if start is None:
            return []  # what happened before the session is not its business
        found: list[bytes] = []
        for line in text.splitlines():
            for word in line.split(b" ", 2)[:2]:
                try:
                    value = bytes.fromhex(word.decode("ascii"))
                except ValueError:
                    continue
                if any(value):
                    found.append(value)
        return found
