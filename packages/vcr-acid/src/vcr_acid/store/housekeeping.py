"""Packs, sizes and old sessions.

A savepoint's objects are loose at first, for that is quick; those of about a hundred savepoints become one pack with
deltas. Only then are the loose files and their copies in the log dropped. Displaced files are never deleted here.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dulwich.objects import RawObjectID
from dulwich.pack import UnpackedObject

from vcr_acid.disk import Disk
from vcr_acid.scanner.nodes import GITLINK
from vcr_acid.scanner.trees import decode_tree
from vcr_acid.store.deltas import delta_of_bytes, delta_of_trees
from vcr_acid.store.escrow import Escrow
from vcr_acid.store.layout import Layout
from vcr_acid.store.objects import TYPE_NAMES, ObjectStore, decode_objects
from vcr_acid.store.refs import Refs
from vcr_acid.store.session_log import read_log
from vcr_acid.store.snapshots import Snapshot, read_commit
from vcr_acid.transaction import catalog
from vcr_acid.transaction.reports import StorageReport

if TYPE_CHECKING:
    from vcr_acid.transaction.session import Session

_TYPE_NUMBERS = {name: number for number, name in TYPE_NAMES.items()}
_REF_DELTA = 7
_MAX_DEPTH = 40


def pack_session(session: Session) -> int:
    """Pack what the session's log still carries; returns how many objects.

    A failure changes nothing: what would have been packed stays loose and in the log.
    """
    store = session.store
    ids: dict[bytes, None] = {}
    commits: list[bytes] = []
    for record in session.log.records:
        if record.payload_length and record.kind == "savepoint":
            commits.append(bytes.fromhex(record.data["commit"]))
            for entry in decode_objects(session.log.payload(record), store.id_length):
                ids[entry.object_id] = None
    if not ids:
        return 0
    pack_directory = os.path.join(session.layout.objects, "pack")
    session.disk.before("pack", pack_directory)
    records = list(_pack_records(store, list(ids), _predecessors(store, commits)))
    store.packs.add_pack_data(len(records), iter(records))
    session.disk.fsync_directory(pack_directory)
    if not all(store.packs.contains_packed(RawObjectID(object_id)) for object_id in ids):
        return 0
    session.log.compact(os.path.join(session.layout.temporary, f"log-{session.state.session_id}"))
    for object_id in ids:
        store.delete_loose(object_id)
    return len(ids)


def _predecessors(store: ObjectStore, commits: list[bytes]) -> dict[bytes, bytes]:
    """For each object of a savepoint, what stood in its place in the savepoint before."""
    found: dict[bytes, bytes] = {}

    def pair(old: bytes, new: bytes) -> None:
        if old == new or new in found:
            return
        found[new] = old
        kind, data = store.read(new)
        old_kind, old_data = store.read(old)
        if kind != b"tree" or old_kind != b"tree":
            return
        before = decode_tree(old_data, store.id_length)
        for name, (mode, oid) in decode_tree(data, store.id_length).items():
            earlier = before.get(name)
            if earlier is not None and earlier[0] == mode and mode != GITLINK:
                pair(earlier[1], oid)

    for old, new in itertools.pairwise(commits):
        old_tree, old_parents = read_commit(store, old)
        new_tree, new_parents = read_commit(store, new)
        pair(old, new)
        pair(old_tree, new_tree)
        pair(old_parents[-1], new_parents[-1])
        pair(read_commit(store, old_parents[-1])[0], read_commit(store, new_parents[-1])[0])
    return found


def _pack_records(store: ObjectStore, ids: list[bytes], before: dict[bytes, bytes]) -> Iterator[UnpackedObject]:
    """Objects of a pack, as deltas of what came before them where that is smaller; chains stay short."""
    depth: dict[bytes, int] = {}
    inside = set(ids)
    hash_function = store.packs.object_format.hash_func
    for object_id in ids:
        kind, data = store.read(object_id)
        base = before.get(object_id)
        if base is not None and base in inside and base in depth and depth[base] < _MAX_DEPTH:
            old_kind, old = store.read(base)
            if old_kind == kind:
                delta = delta_of_trees(old, data, store.id_length) if kind == b"tree" else delta_of_bytes(old, data)
                if len(delta) < len(data) // 2:
                    depth[object_id] = depth[base] + 1
                    yield UnpackedObject(
                        _REF_DELTA, delta_base=base, decomp_len=len(delta), decomp_chunks=[delta], sha=object_id,
                        hash_func=hash_function,
                    )  # fmt: skip
                    continue
        depth[object_id] = 0
        yield UnpackedObject(
            _TYPE_NUMBERS[kind], decomp_len=len(data), decomp_chunks=[data], sha=object_id, hash_func=hash_function
        )


def measure(layout: Layout) -> StorageReport:
    """Sizes of our logs, escrow and refs' objects still loose."""
    report = StorageReport()
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(layout.sessions):
            size = os.path.getsize(os.path.join(layout.sessions, name))
            report.logs += size
            session = name.rpartition(".")[0]
            report.sessions[session] = report.sessions.get(session, 0) + size
    report.escrow = Escrow(layout, Disk()).size()
    for directory, _, files in os.walk(layout.objects):
        total = sum(os.path.getsize(os.path.join(directory, file)) for file in files)
        if os.path.basename(directory) == "pack":
            report.packed += total
        else:
            report.loose += total
    return report


def collect_garbage(layout: Layout, disk: Disk, *, keep: int) -> StorageReport:
    """Forget finished sessions but the latest ``keep``; their objects go with the next ``git gc``."""
    before = measure(layout)
    refs = Refs(layout, disk)
    closed = sorted(
        catalog.closed_sessions(layout),
        key=lambda name: os.path.getmtime(catalog.log_path(layout, name, catalog.CLOSED)),
        reverse=True,
    )
    removed = closed[max(keep, 0) :]
    for name in removed:
        refs.delete_own(*(ref for ref, _ in refs.list(f"refs/vcr/{name}/")))
        for ending in (catalog.CLOSED, ".index"):
            with contextlib.suppress(FileNotFoundError):
                disk.unlink(os.path.join(layout.sessions, name + ending))
    if removed:
        _drop_unused_escrow(layout, disk)
    after = measure(layout)
    after.removed = removed
    after.freed = before.logs + before.escrow - after.logs - after.escrow
    return after


def _drop_unused_escrow(layout: Layout, disk: Disk) -> None:
    store = ObjectStore(layout, disk)
    escrow = Escrow(layout, disk)
    used: set[str] = set()
    for file in os.listdir(layout.sessions):
        if not file.endswith((catalog.OPEN, catalog.CLOSED)):
            continue
        for record in read_log(os.path.join(layout.sessions, file)):
            if record.kind != "savepoint":
                continue
            try:
                extras = Snapshot(store, bytes.fromhex(record.data["commit"])).extras
            except (KeyError, json.JSONDecodeError):
                return  # something is not readable now, so nothing is known to be unused
            used.update(escrow_id for _, escrow_id, _ in extras["protected"].values())
    for escrow_id in escrow.ids() - used:
        escrow.drop(escrow_id)
    store.close()
