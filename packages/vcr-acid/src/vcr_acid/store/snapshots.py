"""Savepoints as commits: writing one, and reading one back.

A savepoint is a commit whose tree is the workspace. Its last parent is a small commit of its own that carries the agent
state and what a git tree cannot say (empty directories, permission bits, nested repositories, protected files, ignore
rules from outside). Any git tool reads all of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vcr_acid.scanner.ignore_rules import RuleChain, chain_from_json, extend_chain
from vcr_acid.scanner.nodes import GITLINK, TREE, Extras
from vcr_acid.scanner.trees import decode_tree, encode_tree
from vcr_acid.store.objects import ObjectStore

IDENTITY = b"vcr <vcr@localhost>"
Entries = dict[str, tuple[bytes, bytes]]


def commit_bytes(tree: bytes, parents: list[bytes], message: str, seconds: int, who: bytes = IDENTITY) -> bytes:
    """The content of a commit object; ids are raw."""
    lines = [b"tree " + tree.hex().encode()]
    lines += [b"parent " + parent.hex().encode() for parent in parents]
    lines += [b"author %s %d +0000" % (who, seconds), b"committer %s %d +0000" % (who, seconds)]
    return b"\n".join(lines) + b"\n\n" + message.encode("utf-8", "surrogateescape").replace(b"\0", b"") + b"\n"


def read_commit(store: ObjectStore, commit: bytes) -> tuple[bytes, list[bytes]]:
    """Tree and parents of a commit."""
    kind, data = store.read(commit)
    if kind != b"commit":
        raise KeyError(commit.hex())
    tree, parents = b"", list[bytes]()
    for line in data.split(b"\n\n", 1)[0].split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree":
            tree = bytes.fromhex(value.decode())
        elif key == b"parent":
            parents.append(bytes.fromhex(value.decode()))
    return tree, parents


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


@dataclass
class SnapshotWriter:
    """Composes savepoint commits, reusing the parts that did not change."""

    store: ObjectStore
    _extras_version: int = -1
    _extras_blob: bytes = b""
    _nested_tree: bytes | None = None

    def write(
        self,
        tree: bytes,
        parents: list[bytes],
        manifest: dict[str, Any],
        *,
        extras: Extras,
        fixed: dict[str, Any],
        state: bytes | None,
    ) -> tuple[bytes, bytes]:
        """Queue the objects of a savepoint; returns the ids of the commit and its state commit.

        Args:
            tree: The workspace.
            parents: The previous savepoint, or the commit HEAD was on at begin.
            manifest: Facts of this savepoint; plain values.
            extras: What the tree cannot say.
            fixed: Facts that hold for the whole session (usual modes, outside ignore rules).
            state: The agent state, encoded, if one was given.
        """
        if extras.version != self._extras_version or not self._extras_blob:
            self._extras_blob = self.store.put(b"blob", _dump({**fixed, **_extras_json(extras)}))
            self._nested_tree = self._write_nested(extras)
            self._extras_version = extras.version
        entries = [
            (b"manifest.json", b"100644", self.store.put(b"blob", _dump(manifest))),
            (b"extras.json", b"100644", self._extras_blob),
        ]
        if self._nested_tree is not None:
            entries.append((b"nested", TREE, self._nested_tree))
        if state is not None:
            entries.append((b"state.json", b"100644", self.store.put(b"blob", state)))
        seconds = int(manifest["time"])
        number = manifest["number"]
        meta_tree = self.store.put(b"tree", encode_tree(entries))
        meta = self.store.put(b"commit", commit_bytes(meta_tree, [], f"vcr state of savepoint {number}", seconds))
        title = manifest.get("node_name") or manifest.get("reason") or "savepoint"
        message = f"{title}\n\nVcr-Session: {manifest['session']}\nVcr-Savepoint: {number}"
        commit = self.store.put(b"commit", commit_bytes(tree, [*parents, meta], message, seconds))
        return commit, meta

    def extras_id(self, extras: Extras, fixed: dict[str, Any]) -> bytes:
        """The id the extras have now."""
        if extras.version == self._extras_version and self._extras_blob:
            return self._extras_blob
        return self.store.hash(b"blob", _dump({**fixed, **_extras_json(extras)}))

    def forget(self) -> None:
        """Write every part again next time, because the last write may not have reached the disk."""
        self._extras_blob = b""

    def _write_nested(self, extras: Extras) -> bytes | None:
        if not extras.nested:
            return None
        entries = [
            (b"%06d" % number, TREE, bytes.fromhex(tree)) for number, (tree, _) in enumerate(extras.nested.values())
        ]
        return self.store.put(b"tree", encode_tree(entries))


def _extras_json(extras: Extras) -> dict[str, Any]:
    return {
        "modes": extras.modes,
        "bare": extras.bare,
        "nested": extras.nested,
        "protected": extras.protected,
        "rebuild": extras.rebuild,
        "unsaved": extras.unsaved,
    }


@dataclass
class Snapshot:
    """One savepoint, read back lazily. Paths count from the workspace's top."""

    store: ObjectStore
    commit: bytes
    _cache: dict[bytes, Entries] = field(default_factory=dict[bytes, Entries], repr=False)

    @cached_property
    def _commit(self) -> tuple[bytes, list[bytes]]:
        return read_commit(self.store, self.commit)

    @property
    def tree(self) -> bytes:
        """The workspace's tree."""
        return self._commit[0]

    @cached_property
    def _meta(self) -> Entries:
        return self.raw_entries(read_commit(self.store, self._commit[1][-1])[0])

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Facts about this savepoint."""
        value: dict[str, Any] = json.loads(self.store.read_blob(self._meta["manifest.json"][1]))
        return value

    @cached_property
    def extras(self) -> dict[str, Any]:
        """What the tree cannot say, as plain values."""
        value: dict[str, Any] = json.loads(self.store.read_blob(self._meta["extras.json"][1]))
        return value

    @property
    def extras_id(self) -> bytes:
        """Id of the extras: equal ids, equal extras."""
        return self._meta["extras.json"][1]

    @property
    def state(self) -> bytes | None:
        """The encoded agent state, if one was saved."""
        found = self._meta.get("state.json")
        return self.store.read_blob(found[1]) if found else None

    def raw_entries(self, tree: bytes) -> Entries:
        """``name -> (mode, id)`` of a tree object as git sees it."""
        found = self._cache.get(tree)
        if found is None:
            found = decode_tree(self.store.read_blob(tree), self.store.id_length)
            self._cache[tree] = found
        return found

    @cached_property
    def _nested_parents(self) -> dict[str, dict[str, bytes]]:
        table: dict[str, dict[str, bytes]] = {}
        for path, (tree, _) in self.extras["nested"].items():
            parent, _, name = path.rpartition("/")
            table.setdefault(parent, {})[name] = bytes.fromhex(tree)
        return table

    def entries(self, path: str, tree: bytes | None) -> Entries:
        """Entries of one directory with nested repositories shown as directories."""
        found = self.raw_entries(tree) if tree is not None else {}
        nested = self._nested_parents.get(path)
        if nested or any(mode == GITLINK for mode, _ in found.values()):
            found = {name: entry for name, entry in found.items() if entry[0] != GITLINK}
            for name, nested_tree in (nested or {}).items():
                found[name] = (TREE, nested_tree)
        return found

    def has_nested_below(self, path: str) -> bool:
        """Whether a nested repository lies at or below ``path``."""
        return any(n == path or n.startswith(path + "/") or not path for n in self.extras["nested"])

    def lookup(self, path: str) -> tuple[bytes, bytes] | None:
        """Mode and id of a saved file, link or directory."""
        tree: bytes | None = self.tree
        parent = ""
        parts = path.split("/")
        for depth, part in enumerate(parts):
            found = self.entries(parent, tree).get(part)
            if found is None or depth == len(parts) - 1:
                return found
            if found[0] != TREE:
                return None
            tree = found[1]
            parent = f"{parent}/{part}" if parent else part
        return None

    def rules_at(self, directory: str, prefix: str) -> RuleChain | None:
        """The ignore rules that held in a directory when this savepoint was made."""
        chain = chain_from_json(self.extras.get("ignore", []))
        base = len(prefix.encode("utf-8", "surrogateescape")) + 1 if prefix else 0
        tree: bytes | None = self.tree
        path = ""
        for part in [None, *(directory.split("/") if directory else [])]:
            if part is not None:
                base += len(part.encode("utf-8", "surrogateescape")) + 1
                found = self.entries(path, tree).get(part) if tree is not None else None
                path = f"{path}/{part}" if path else part
                tree = found[1] if found is not None and found[0] == TREE else None
                if path in self.extras["nested"]:
                    chain = None
            rules = self.entries(path, tree).get(".gitignore") if tree is not None else None
            if rules is not None and rules[0] in (b"100644", b"100755"):
                chain = extend_chain(chain, self.store.read_blob(rules[1]), base)
        return chain
