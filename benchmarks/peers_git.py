# ruff: noqa: RUF001  # the table says how many times
"""Savepoints and rollbacks beside the `git` program, for the table of `peers`: the work of acid/bench_savepoints.py."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "acid"))

Add = Callable[[str, str, str, str, str], None]


def compare_with_git(add: Add, files: int, rounds: int) -> None:
    """Add the rows of a repository of so many files, three of which change in each round."""
    from bench_savepoints import Peer, make_tree, measure_rollbacks, measure_savepoints

    from vcr_acid import ACIDWorkspace

    home = Path(tempfile.mkdtemp(prefix="peers-git-"))
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    try:
        peer = Peer(make_tree(home / "p", files))
        for watch, how in ((True, "watching"), (False, "walking")):
            acid = ACIDWorkspace(home / "p", watch=watch)
            acid.begin(f"peers-{how}")
            acid.savepoint()
            ours, theirs = measure_savepoints(acid, peer, home / "p", files, rounds)
            goal = "≤ 0.15×" if watch else "≤ 1×"
            what = f"savepoint of 3 changed files among {files:,}, {how}"
            add(what, f"{ours:.1f} ms", f"git: {theirs:.1f} ms", f"{ours / theirs:.2f}× its time", goal)
            if watch:
                ours, theirs = measure_rollbacks(acid, peer, home / "p", files, rounds)
                what = f"rollback of 3 changed files among {files:,}"
                add(what, f"{ours:.1f} ms", f"git: {theirs:.1f} ms", f"{ours / theirs:.2f}× its time", goal)
            acid.abort()
    finally:
        shutil.rmtree(home, ignore_errors=True)
