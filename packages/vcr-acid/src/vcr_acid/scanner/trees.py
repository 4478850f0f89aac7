"""From the scanner's nodes to git trees.

Only directories marked dirty are built again. A nested repository becomes the gitlink git would write; the tree of its
files is kept beside, in ``Extras.nested``, so that they can be rolled back too.
"""

from __future__ import annotations

import os

from vcr_acid.scanner.nodes import GITLINK, TREE, DirNode, Extras, git_mode
from vcr_acid.store.objects import ObjectStore


def encode_tree(entries: list[tuple[bytes, bytes, bytes]]) -> bytes:
    """The content of a tree object from ``(name, mode, id)`` in any order."""
    ordered = sorted((name + b"/" if mode == TREE else name, name, mode, oid) for name, mode, oid in entries)
    return b"".join(b"%s %s\0%s" % (mode, name, oid) for _, name, mode, oid in ordered)


def decode_tree(data: bytes, id_length: int) -> dict[str, tuple[bytes, bytes]]:
    """``name -> (mode, id)`` of a tree object."""
    entries: dict[str, tuple[bytes, bytes]] = {}
    position = 0
    while position < len(data):
        space = data.index(b" ", position)
        zero = data.index(b"\0", space)
        mode = data[position:space]
        name = os.fsdecode(data[space + 1 : zero])
        position = zero + 1 + id_length
        entries[name] = (TREE if mode == b"040000" else mode, data[zero + 1 : position])
    return entries


def build_trees(root: DirNode, store: ObjectStore, extras: Extras) -> bytes:
    """Put the trees of everything dirty below ``root`` into ``store``; returns the id of the top one."""
    tree = _build(root, store, extras)
    if tree is None:
        tree = store.put(b"tree", b"")
        root.tree = tree
    return tree


def _build(node: DirNode, store: ObjectStore, extras: Extras) -> bytes | None:
    if not node.dirty:
        return node.tree
    entries = [(os.fsencode(name), git_mode(entry.mode), entry.blob) for name, entry in node.files.items()]
    for name, child in node.children.items():
        tree = _build(child, store, extras)
        if child.nested is not None:
            if child.nested:
                entries.append((os.fsencode(name), GITLINK, bytes.fromhex(child.nested)))
            value = ((tree or _empty(store)).hex(), child.nested)
            extras.update(extras.nested, child.relative, value)
            continue
        extras.update(extras.nested, child.relative, None)
        if tree is not None:
            entries.append((os.fsencode(name), TREE, tree))
        elif child.submodule is not None:  # a submodule that is not checked out
            entries.append((os.fsencode(name), GITLINK, child.submodule))
    node.dirty = False
    if not entries:
        node.tree = None
        if node.parent is not None:
            extras.update(extras.bare, node.relative, node.mode)
        return None
    extras.update(extras.bare, node.relative, None)
    data = encode_tree(entries)
    tree = store.hash(b"tree", data)
    if tree != node.tree:
        store.put_new(b"tree", data, tree)
        node.tree = tree
    return tree


def _empty(store: ObjectStore) -> bytes:
    return store.put(b"tree", b"")
