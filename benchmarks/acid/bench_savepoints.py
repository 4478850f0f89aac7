"""Savepoints and rollbacks against the git command line, in one run; prints the ratios the project promises.

Run: ``python benchmarks/acid/bench_savepoints.py [--files 10000 50000] [--rounds 15]``

The peer makes the same thing with git's plumbing: ``add -A``, ``write-tree``, ``commit-tree``, ``update-ref`` over an
index of its own. Both sides alternate and medians are compared, so that only ratios are claimed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vcr_acid import ACIDWorkspace
from vcr_acid.testing.judge import ENVIRONMENT, Judge, make_repository

GOALS: list[tuple[str, float, float]] = []


def report(name: str, value: float, goal: float, unit: str = "x") -> None:
    GOALS.append((name, value, goal))
    print(f"{'ok  ' if value <= goal else 'MISS'} {name:<68} {value:9.3f} {unit}  (goal <= {goal:g})", flush=True)


def timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def make_tree(top: Path, count: int) -> Judge:
    """``count`` small files, 20 to a directory, committed."""
    git = make_repository(top, files={".gitignore": "ignored/\n*.ign\n"})
    for number in range(count):
        directory = top / f"pkg{number // 2000:02d}" / f"mod{number // 200 % 10}" / f"sub{number // 20 % 10}"
        if number % 20 == 0:
            directory.mkdir(parents=True, exist_ok=True)
        (directory / f"f{number:05d}.py").write_text(f"# file {number}\n" + "x = 1\n" * 20)
    git("add", "-A")
    git("commit", "-qm", "files")
    git("gc", "-q")
    time.sleep(0.1)
    git("status")
    return git


class Peer:
    """The same savepoint made with the git program."""

    def __init__(self, git: Judge) -> None:
        self.git = git
        self.environment = {**ENVIRONMENT, "GIT_INDEX_FILE": str(git.top / ".git" / "peer-index")}
        shutil.copy2(git.top / ".git" / "index", git.top / ".git" / "peer-index")
        self.number = 0

    def run(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.git.top), *arguments]
        return subprocess.run(command, check=True, capture_output=True, env=self.environment, text=True).stdout.strip()

    def savepoint(self) -> None:
        self.number += 1
        self.run("add", "-A")
        tree = self.run("write-tree")
        commit = self.run("commit-tree", tree, "-p", "HEAD", "-m", f"savepoint {self.number}")
        self.run("update-ref", f"refs/peer/{self.number}", commit)

    def rollback(self) -> None:
        self.run("reset", "-q", "--hard", "HEAD")
        self.run("clean", "-fdq")


def edit(top: Path, seed: int, count: int) -> None:
    for part in (1, count // 3, count - 7):
        number = (part + seed * 17) % count
        path = (
            top
            / f"pkg{number // 2000:02d}"
            / f"mod{number // 200 % 10}"
            / f"sub{number // 20 % 10}"
            / f"f{number:05d}.py"
        )
        path.write_text(f"# edit {seed}\n" + path.read_text()[-100:])


def measure_savepoints(acid: ACIDWorkspace, peer: Peer, top: Path, count: int, rounds: int) -> tuple[float, float]:
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        edit(top, number, count)
        ours.append(timed(lambda: acid.savepoint({"n": 1}, node_name="step")))
        theirs.append(timed(peer.savepoint))
    return statistics.median(ours), statistics.median(theirs)


def measure_rollbacks(acid: ACIDWorkspace, peer: Peer, top: Path, count: int, rounds: int) -> tuple[float, float]:
    """Both go back to HEAD's files, in turns."""
    ours: list[float] = []
    theirs: list[float] = []
    acid.rollback(to_savepoint=0)
    peer.run("read-tree", "HEAD")
    peer.rollback()
    for number in range(rounds):
        edit(top, 100 + number, count)
        acid.savepoint(node_name="edited")
        ours.append(timed(lambda: acid.rollback(to_savepoint=0)))
        edit(top, 100 + number, count)
        theirs.append(timed(peer.rollback))
    assert not peer.run("status", "--porcelain")
    return statistics.median(ours), statistics.median(theirs)


def begin_once(top: Path, name: str) -> float:
    acid = ACIDWorkspace(top)
    took = timed(lambda: acid.begin(name))
    acid.detach()
    log = top / f".git/vcr/sessions/{name}.log"
    log.rename(log.with_suffix(".closed"))
    return took


def compare(count: int, rounds: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="bench-acid-"))
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    try:
        top = home / "p"
        git = make_tree(top, count)
        looks: list[float] = []
        begins: list[float] = []
        for number in range(5):
            looks.append(timed(lambda: git("status", "--porcelain")))
            begins.append(begin_once(top, f"begin{number}"))
        status, begin = statistics.median(looks), statistics.median(begins)
        print(f"\n{count:,} files: git status {status:.1f} ms, begin {begin:.1f} ms")
        report(f"begin against git status, {count:,} files", begin / status, 12)
        peer = Peer(git)
        for watch in (True, False):
            acid = ACIDWorkspace(top, watch=watch)
            acid.begin(f"watch-{watch}")
            acid.savepoint()
            ours, theirs = measure_savepoints(acid, peer, top, count, rounds)
            how = "watching" if watch else "walking"
            goal = (0.15 if count <= 10_000 else 0.05) if watch else 1.0
            print(f"  savepoint {how}: {ours:.2f} ms, git {theirs:.2f} ms")
            report(f"savepoint of 3 paths, {how}, {count:,} files", ours / theirs, goal)
            ours, theirs = measure_rollbacks(acid, peer, top, count, rounds)
            print(f"  rollback {how}: {ours:.2f} ms, git {theirs:.2f} ms")
            if watch:
                report(f"rollback of 3 paths, {how}, {count:,} files", ours / theirs, 0.15)
            acid.abort()
        if count <= 10_000:
            ignored_files(top, count, rounds)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def ignored_files(top: Path, count: int, rounds: int) -> None:
    """The same savepoints with and without 5,000 ignored files, in turns: they are moved in and out."""
    aside = top.parent / "aside"
    aside.mkdir()
    for number in range(5000):
        (aside / f"i{number}").write_text("ignored")
    acid = ACIDWorkspace(top, watch=False)
    acid.begin("ignored")
    times: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * rounds):
        present = number % 2 == 1
        source, target = (aside, top / "ignored") if present else (top / "ignored", aside)
        if source.exists():
            source.rename(target)
        edit(top, number, count)
        times[present].append(timed(acid.savepoint))
    acid.abort()
    ratio = statistics.median(times[True]) / statistics.median(times[False])
    report("savepoint with 5,000 ignored files against without, walking", ratio, 1.1)


def growth(savepoints: int) -> None:
    """A long session: does the 1,000th savepoint cost more than the 50th, and how much room does each take?"""
    home = Path(tempfile.mkdtemp(prefix="bench-acid-"))
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    try:
        top = home / "p"
        make_tree(top, 2000)
        acid = ACIDWorkspace(top)
        acid.begin("long")
        times: list[float] = []
        before = size(top)
        room = 0.0
        for number in range(savepoints):
            edit(top, number, 2000)
            times.append(timed(lambda: acid.savepoint({"n": 1}, node_name="step")))
            if number == 98:
                room = (size(top) - before) / 99
        late, early = statistics.median(times[-50:]), statistics.median(times[25:75])
        report(f"savepoint number {savepoints:,} against the 50th", late / early, 1.3)
        report("room of one savepoint before packing", room / 1000, 30, "kB")
        acid.gc()
        report(
            "room of one savepoint after packing (objects and log)", packed(top, before) / savepoints / 1000, 3, "kB"
        )
        print(f"  slowest savepoint (with packing): {max(times):.0f} ms, median {statistics.median(times):.2f} ms")
        acid.abort()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def size(top: Path) -> int:
    places = (top / ".git" / "objects", top / ".git" / "vcr", top / ".git" / "refs" / "vcr")
    return sum(p.stat().st_size for place in places for p in place.rglob("*") if p.is_file())


def packed(top: Path, before: int) -> int:
    return size(top) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[10_000, 50_000])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--savepoints", type=int, default=1000)
    options = parser.parse_args()
    for count in options.files:
        compare(count, options.rounds)
    if options.savepoints:
        growth(options.savepoints)
    missed = [name for name, value, goal in GOALS if value > goal]
    print(f"\n{len(GOALS) - len(missed)} of {len(GOALS)} goals met")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
