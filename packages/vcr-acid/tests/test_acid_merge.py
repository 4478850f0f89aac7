"""Merging against ``git merge-tree``: never a different clean result, never a silently merged binary."""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vcr_acid.disk import Disk
from vcr_acid.merge.history import base_tree
from vcr_acid.merge.lines import merge_texts
from vcr_acid.merge.tree_merge import MergeOutcome, TreeMerge, apply_changes
from vcr_acid.scanner.trees import encode_tree
from vcr_acid.store.layout import locate
from vcr_acid.store.objects import ObjectStore
from vcr_acid.store.snapshots import commit_bytes, read_commit
from vcr_acid.testing.judge import ENVIRONMENT, make_repository

FULL = os.environ.get("VCR_FULL") == "1"
Files = dict[str, tuple[bytes, bytes]]
WORDS = [b"alpha", b"beta", b"gamma", b"delta", b"}", b"", b"  return x", b"omega"]
PATHS = ["a", "b", "d/a", "d/b", "d/e/a", "f", "g/x", "g/y"]


def text(choose: random.Random, lines: int) -> bytes:
    return b"".join(
        choose.choice(WORDS) + (b" %d" % choose.randint(0, 30) if choose.random() < 0.6 else b"") + b"\n"
        for _ in range(lines)
    )


def content(choose: random.Random) -> bytes:
    if choose.random() < 0.12:
        return b"\0binary" + choose.randbytes(20)
    return text(choose, choose.randint(1, 24))


def edit(choose: random.Random, data: bytes) -> bytes:
    if b"\0" in data:
        return data[:8] + choose.randbytes(4) + data[12:]
    lines = data.splitlines(keepends=True)
    for _ in range(choose.choice([1, 1, 2, 3])):
        at = choose.randint(0, len(lines))
        kind = choose.random()
        if kind < 0.4:
            lines[at:at] = text(choose, choose.randint(1, 2)).splitlines(keepends=True)
        elif kind < 0.7 and at < len(lines):
            del lines[at : at + choose.randint(1, 2)]
        elif at < len(lines):
            lines[at] = text(choose, 1)
    return b"".join(lines)


def mutate(choose: random.Random, files: Files) -> Files:
    found = dict(files)
    for _ in range(choose.choice([1, 2, 2, 3, 5])):
        names = sorted(found)
        kind = choose.random()
        path = choose.choice(names) if names else "a"
        if kind < 0.45 and names:
            found[path] = (found[path][0], edit(choose, found[path][1]))
        elif kind < 0.55 and names:
            found[path] = (b"100755" if found[path][0] == b"100644" else b"100644", found[path][1])
        elif kind < 0.67 and names:
            del found[path]
        elif kind < 0.82 and names:
            mode, data = found.pop(path)
            found[choose.choice(PATHS) + choose.choice(["", "2"])] = (
                mode,
                data if choose.random() < 0.6 else edit(choose, data),
            )
        elif kind < 0.9:
            moved = {n.replace("d/", "moved/", 1) if n.startswith("d/") else n: v for n, v in found.items()}
            found = moved
        else:
            found[choose.choice(PATHS) + choose.choice(["", "/deep"])] = (b"100644", content(choose))
    return without_clashes(found)


def without_clashes(files: Files) -> Files:
    return {p: v for p, v in files.items() if not any(other.startswith(p + "/") for other in files)}


class Histories:
    def __init__(self, top: Path) -> None:
        make_repository(top, files={"x": "x"})
        self.top = top
        layout = locate(top, disk=Disk())
        layout.prepare(Disk())
        self.store = ObjectStore(replace(layout), Disk())

    def commit(self, files: Files, parents: list[bytes]) -> bytes:
        changes = {path: (mode, self.store.put(b"blob", data)) for path, (mode, data) in files.items()}
        tree = apply_changes(self.store, None, changes) or self.store.put(b"tree", encode_tree([]))
        return self.store.put(b"commit", commit_bytes(tree, parents, "c", 1_700_000_000))

    def git(self, ours: bytes, theirs: bytes) -> str | None:
        done = subprocess.run(
            ["git", "-C", str(self.top), "merge-tree", "--write-tree", ours.hex(), theirs.hex()],
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
        return done.stdout.split()[0].decode() if done.returncode == 0 else None


def one_case(histories: Histories, choose: random.Random) -> tuple[bytes, bytes]:
    base: Files = {p: (b"100644", content(choose)) for p in PATHS if choose.random() < 0.8}
    base = without_clashes(base)
    root = histories.commit(base, [])
    one, other = mutate(choose, base), mutate(choose, base)
    ours, theirs = histories.commit(one, [root]), histories.commit(other, [root])
    if choose.random() < 0.15:  # criss-cross: two bases
        a2, b2 = dict(one), dict(one)
        left = histories.commit(mutate(choose, a2), [ours, theirs])
        right = histories.commit(mutate(choose, b2), [theirs, ours])
        return left, right
    return ours, theirs


def merge_commits(store: ObjectStore, ours: bytes, theirs: bytes) -> MergeOutcome:
    base, conflicts = base_tree(store, ours, theirs)
    if conflicts:
        return MergeOutcome(conflicts=conflicts)
    return TreeMerge(store).merge(base, read_commit(store, ours)[0], read_commit(store, theirs)[0])


def test_no_clean_merge_differs_from_gits(tmp_path: Path) -> None:
    histories = Histories(tmp_path / "p")
    choose = random.Random(4)
    both = mine_only = git_only = 0
    for _ in range(2400 if FULL else 120):
        ours, theirs = one_case(histories, choose)
        histories.store.write_pending()
        outcome = merge_commits(histories.store, ours, theirs)
        expected = histories.git(ours, theirs)
        if outcome.conflicts:
            git_only += expected is not None
            continue
        base = read_commit(histories.store, theirs)[0]
        tree = apply_changes(histories.store, base, outcome.changes) or histories.store.put(b"tree", b"")
        histories.store.write_pending()
        mine_only += expected is None
        assert expected is not None, f"clean here, a conflict for git: {ours.hex()} {theirs.hex()}"
        assert tree.hex() == expected, f"{ours.hex()} {theirs.hex()}"
        both += 1
    print(f"\nclean and equal: {both}, git clean where we ask: {git_only}, clean only here: {mine_only}")
    assert both >= 30


def test_binaries_never_merge() -> None:
    assert merge_texts(b"\0a\nb\nc\nd\n", b"\0A\nb\nc\nd\n", b"\0a\nb\nc\nD\n") is None


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        (b"1\n2\n3\n4\n5\n", b"1\nX\n3\n4\n5\n", b"1\n2\n3\n4\nY\n", b"1\nX\n3\n4\nY\n"),
        (b"1\n2\n3\n", b"1\nX\n3\n", b"1\nX\n3\n", b"1\nX\n3\n"),
        (b"1\n2\n3\n", b"1\nX\n3\n", b"1\n2\nY\n", None),
        (b"1\n2\n3\n", b"1\nX\n3\n", b"1\nY\n3\n", None),
        (b"1\n", b"1\n2\n", b"0\n1\n", b"0\n1\n2\n"),
    ],
)
def test_line_merge(base: bytes, ours: bytes, theirs: bytes, merged: bytes | None) -> None:
    assert merge_texts(base, ours, theirs) == merged
