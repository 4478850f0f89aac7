"""Real processes killed by SIGKILL at random moments: afterwards it is before or after, never between.

``test_acid_faults`` kills at every single change of the disk, in this process; here the kernel does it, at any
instruction.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from vcr_acid import ACIDWorkspace
from vcr_acid.testing.judge import Manifest, make_repository, read_manifest
from vcr_acid.testing.nursery import Nursery, Outcome

FULL = os.environ.get("VCR_FULL") == "1"
OPERATIONS = ("savepoint", "rollback", "undo", "commit")


@dataclass(frozen=True)
class Facts:
    """Files, and git's own state."""

    files: Manifest
    head: str
    branches: str
    index: bytes


class Scene:
    """A repository with session ``s`` (two savepoints, unsaved changes) that can be set up again in milliseconds."""

    def __init__(self, home: Path, nursery: Nursery) -> None:
        self.top, self.kept, self.state = home / "p", home / "kept", str(home / "state")
        self.nursery = nursery
        self.git = make_repository(self.top)
        shutil.rmtree(self.top / ".git" / "hooks")
        (self.top / ".env").write_text("TOKEN=one")
        (self.top / "empty").mkdir()
        self.wanted: dict[str, Manifest] = {"0": read_manifest(self.top)}
        with_session = ACIDWorkspace(self.top, watch=False, state_dir=self.state)
        with_session.begin("s")
        (self.top / "a.txt").write_text("two\n")
        (self.top / "src" / "new.py").write_text("new")
        (self.top / ".env").write_text("TOKEN=two")
        with_session.savepoint({"n": 1}, node_name="one")
        self.wanted["1"] = read_manifest(self.top)
        shutil.rmtree(self.top / "src")
        (self.top / "src").write_text("a file now")
        (self.top / "a.txt").write_text("three\n")
        (self.top / "empty").rmdir()
        (self.top / "x").mkdir()
        (self.top / "x" / "y.sh").write_text("#!/bin/sh\n")
        (self.top / "x" / "y.sh").chmod(0o755)
        self.wanted["now"] = read_manifest(self.top)
        with_session.detach()
        shutil.copytree(self.top, self.kept, symlinks=True)
        self.before = self.facts()
        self.took = {operation: self._measure(operation) for operation in OPERATIONS}

    def _measure(self, operation: str) -> float:
        """Seconds the operation takes."""
        took = self.top.parent / "took"
        found: list[float] = []
        for number in range(4):
            self.set_up()
            self.nursery.call("work", str(self.top), self.state, operation, number % 2 == 0, str(took))
            found.append(float(took.read_text()))
        return statistics.median(found)

    def set_up(self) -> None:
        shutil.rmtree(self.top)
        shutil.copytree(self.kept, self.top, symlinks=True)

    def facts(self) -> Facts:
        index = (self.top / ".git" / "index").read_bytes()
        branches = self.git("for-each-ref", "refs/heads", "refs/stash")
        return Facts(read_manifest(self.top), self.git("symbolic-ref", "HEAD"), branches, index)

    def check_whole(self) -> None:
        left = [path for path in (self.top / ".git").rglob("*.lock") if path.name != "vcr-workspace.lock"]
        assert not left, left
        self.git.fsck()

    def check(self, operation: str, outcome: Outcome) -> str:
        """After recovery: before or after, everything acknowledged is there; returns which."""
        found = self._check_commit(outcome) if operation == "commit" else self._check_session(operation, outcome)
        self.check_whole()
        return found

    def _check_session(self, operation: str, outcome: Outcome) -> str:
        now = self.facts()
        assert (now.head, now.branches, now.index) == (self.before.head, self.before.branches, self.before.index)
        goal = {"savepoint": "now", "rollback": "0", "undo": "1"}[operation]
        acid = ACIDWorkspace(self.top, watch=False, state_dir=self.state)
        acid.attach("s")
        savepoints = len(acid.savepoints())
        assert savepoints >= 2
        if operation == "savepoint":
            assert now.files == self.wanted["now"]
            after = savepoints > 2
        else:
            assert now.files in (self.wanted["now"], self.wanted[goal]), "something between"
            after = now.files == self.wanted[goal]
            assert acid._open().state.current.number == int(goal) if after else True
        assert after or outcome.progress < 2, "acknowledged, but not there"
        for number in (1, 0):
            acid.rollback(to_savepoint=number)
            assert read_manifest(self.top) == self.wanted[str(number)]
        acid.abort()
        return "after" if after else "before"

    def _check_commit(self, outcome: Outcome) -> str:
        now = self.facts()
        assert now.files == self.wanted["now"]
        if (self.top / ".git/vcr/sessions/s.log").exists():
            assert now == self.before, "an unfinished commit changed something"
            assert outcome.progress < 2, "acknowledged, but not there"
            acid = ACIDWorkspace(self.top, watch=False, state_dir=self.state)
            acid.attach("s")
            assert acid.commit("work").ok
            return "before"
        assert self.git("log", "--format=%s") == "work\nfirst"
        assert self.git("status", "--porcelain") in ("?? .env", "")
        return "after"


def test_sigkill_at_a_random_moment_leaves_before_or_after(tmp_path: Path, nursery: Nursery) -> None:
    scene = Scene(tmp_path, nursery)
    choose = random.Random() if FULL else random.Random(3)
    rounds = 1000 if FULL else 25
    found: Counter[str] = Counter()
    for number in range(rounds):
        operation = OPERATIONS[number % len(OPERATIONS)]
        scene.set_up()
        delay = choose.random() * 1.3 * scene.took[operation]  # now and then it is done by then
        place = (str(scene.top), scene.state)
        outcome = nursery.call("work", *place, operation, choose.random() < 0.5, kill_after=delay)
        assert outcome.status == -signal.SIGKILL or outcome.progress == 2, outcome
        found["killed in the middle"] += outcome.progress < 2
        scene.took[operation] *= 1.1 if outcome.progress < 2 else 0.8  # the machine's speed changes
        if choose.random() < 0.3:  # killed again while it recovers
            again = nursery.call("recover", *place, kill_after=choose.random() * 0.005)
            found["killed again while recovering"] += again.progress < 2
        ACIDWorkspace.recover(scene.top, state_dir=scene.state)
        found[f"{operation}: {scene.check(operation, outcome)}"] += 1
    print(f"\n{rounds} rounds: {dict(sorted(found.items()))}")
    assert found["killed in the middle"] >= rounds / 3
    for moment in ("before", "after"):
        seen = [operation for operation in OPERATIONS if found[f"{operation}: {moment}"]]
        assert len(seen) >= (len(OPERATIONS) if FULL else 1), f"only {seen} ended {moment}"
