"""Many agents at once: no edit is lost, no branch update is lost, a conflict changes nothing."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vcr_acid import ACIDWorkspace
from vcr_acid.errors import StoreError
from vcr_acid.testing.judge import ENVIRONMENT, Judge, make_repository, read_manifest
from vcr_acid.testing.nursery import Nursery

FULL = os.environ.get("VCR_FULL") == "1"

AGENT = """
import json, random, sys
from pathlib import Path
from vcr_acid import ACIDWorkspace
top, name, rounds, per_round = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
choose = random.Random(name)
done = {"main": [], "conflict": []}
for number in range(rounds):
    acid = ACIDWorkspace(top, isolation="worktree", watch=False)
    acid.begin(f"{name}-{number}")
    mine = []
    for step in range(per_round):
        file = Path(acid.path) / f"file{choose.randint(0, 11)}.txt"
        lines = file.read_text().splitlines()
        mark = f"{name}-{number}-{step}"
        lines[choose.randint(0, len(lines) - 1)] += " " + mark
        file.write_text("\\n".join(lines) + "\\n")
        acid.savepoint(node_name=mark)
        mine.append(mark)
    result = acid.commit()
    done["main" if result.ok else "conflict"] += mine
    if not result.ok:
        assert result.conflicts
        acid.abort()
print(json.dumps(done))
"""


def test_every_edit_of_eight_agents_is_in_main_or_in_a_conflict_report(tmp_path: Path) -> None:
    import json

    agents, rounds, per_round = (8, 20, 10) if FULL else (3, 2, 4)
    files = {f"file{n}.txt": "\n".join(f"line {i}" for i in range(40)) + "\n" for n in range(12)}
    git = make_repository(tmp_path / "p", files=files)
    environment = {**ENVIRONMENT, "XDG_STATE_HOME": str(tmp_path / "state"), "HOME": os.environ["HOME"]}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", AGENT, str(git.top), f"agent{n}", str(rounds), str(per_round)],
            stdout=subprocess.PIPE,
            env=environment,
        )
        for n in range(agents)
    ]
    outcomes = [json.loads(process.communicate(timeout=600)[0]) for process in running]
    everything = "".join(git("show", f"main:file{n}.txt") + "\n" for n in range(12)).split()
    merged = [mark for outcome in outcomes for mark in outcome["main"]]
    conflicted = [mark for outcome in outcomes for mark in outcome["conflict"]]
    assert len(merged) + len(conflicted) == agents * rounds * per_round
    assert merged
    for mark in merged:
        assert everything.count(mark) == 1, mark
    for mark in conflicted:
        assert mark not in everything
    assert git("status", "--porcelain") == ""
    git.fsck()


def test_main_moving_during_commit_loses_no_update(repository: Judge) -> None:
    moves = 100 if FULL else 15
    top = repository.top
    acid = ACIDWorkspace(top, isolation="worktree")
    acid.begin("s")
    (Path(acid.path) / "agent.txt").write_text("agent")
    acid.savepoint()
    repository("checkout", "-q", "--detach")
    stop = threading.Event()
    commits: list[str] = []

    def mover() -> None:
        tree = repository("rev-parse", "main^{tree}")
        for number in range(moves):
            tip = repository("rev-parse", "main")
            new = repository("commit-tree", tree, "-p", tip, "-m", f"move {number}")
            if (
                not repository("update-ref", "refs/heads/main", new, tip, check=False)
                and repository("rev-parse", "main") == new
            ):
                commits.append(new)
            elif repository("merge-base", "--is-ancestor", new, "main", check=False) == "":
                tree = repository("rev-parse", "main^{tree}")
        stop.set()

    thread = threading.Thread(target=mover)
    thread.start()
    result = acid.commit()
    thread.join()
    assert result.ok
    history = repository("rev-list", "main").split()
    assert result.commit in history
    assert all(commit in history for commit in commits)
    assert repository("show", f"{result.commit}:agent.txt") == "agent"


def test_a_conflict_changes_nothing_and_can_be_resolved(repository: Judge) -> None:
    top = repository.top
    acid = ACIDWorkspace(top, isolation="worktree")
    acid.begin("s")
    (Path(acid.path) / "a.txt").write_text("agent\n")
    acid.savepoint()
    (top / "a.txt").write_text("user\n")
    repository("commit", "-qam", "user")
    before = read_manifest(top), (top / ".git/index").read_bytes(), repository("for-each-ref", "refs/heads")
    inside = read_manifest(acid.path)
    result = acid.commit()
    assert result.status == "conflict"
    assert [c.path for c in result.conflicts] == ["a.txt"]
    assert (read_manifest(top), (top / ".git/index").read_bytes(), repository("for-each-ref", "refs/heads")) == before
    assert read_manifest(acid.path) == inside
    acid.resolve("a.txt", "both\n")
    done = acid.commit()
    assert done.status == "committed"
    assert (top / "a.txt").read_text() == "both\n"
    assert repository("status", "--porcelain") == ""


def test_uncommitted_work_of_the_user_is_not_overwritten(repository: Judge) -> None:
    import pytest

    from vcr_acid.errors import CommitRefused

    top = repository.top
    acid = ACIDWorkspace(top, isolation="worktree")
    acid.begin("s")
    (Path(acid.path) / "a.txt").write_text("agent\n")
    acid.savepoint()
    (top / "a.txt").write_text("dirty\n")
    with pytest.raises(CommitRefused, match=r"a\.txt"):
        acid.commit()
    assert (top / "a.txt").read_text() == "dirty\n"
    repository("checkout", "-q", "a.txt")
    assert acid.commit().ok
    assert (top / "a.txt").read_text() == "agent\n"


def test_in_place_commit_takes_in_what_others_brought_to_the_branch(
    repository: Judge, commit_elsewhere: Callable[[str, str], None]
) -> None:
    top = repository.top
    acid = ACIDWorkspace(top)
    acid.begin("s")
    (top / "a.txt").write_text("agent\n")
    acid.savepoint()
    commit_elsewhere("theirs.txt", "theirs\n")
    result = acid.commit()
    assert result.status == "committed"
    assert (top / "theirs.txt").read_text() == "theirs\n"
    assert repository("status", "--porcelain") == ""


def test_symlinks_swapped_in_during_rollback_lead_nowhere(repository: Judge, tmp_path: Path) -> None:
    top = repository.top
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    for number in range(5):
        (top / f"d{number}").mkdir()
        (top / f"d{number}" / "f").write_text(f"{number}")
    choose = random.Random(1)
    races = 0

    def swap(path: str) -> None:
        nonlocal races
        parent = top / Path(path).parent
        if parent == top or not parent.is_dir() or parent.is_symlink():
            return
        races += 1
        parent.rename(top / f"moved{races}")
        parent.symlink_to(outside)

    acid = ACIDWorkspace(top, watch=False)
    acid.begin("s")
    wanted = 10_000 if FULL else 60
    while races < wanted:
        for number in range(5):
            target = top / f"d{number}"
            if target.is_symlink():
                target.unlink()
            target.mkdir(exist_ok=True)
            (target / "f").write_text(f"changed {choose.random()}")
            (target / "new").write_text("new")
        session = acid._open()
        session.interleave = swap  # type: ignore[attr-defined]
        acid.rollback(to_savepoint=0)
        session.interleave = None  # type: ignore[attr-defined]
        acid.rollback(to_savepoint=0)
        for number in range(5):
            assert (top / f"d{number}" / "f").read_text() == f"{number}"
    assert [p.name for p in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "precious"
    acid.abort()


class Swapper:
    """A process that puts links to a directory outside in the place of ours, as fast as it can."""

    def __init__(self, top: Path, outside: Path, names: list[str], home: Path) -> None:
        self.count, self._stop = home / "count", home / "stop"
        self.count.touch()
        self._nursery = Nursery(Path(__file__).with_name("acid_children.py"))
        arguments = (str(top), str(outside), names, str(self.count), str(self._stop))
        self._thread = threading.Thread(target=self._nursery.call, args=("swap_with_links", *arguments))

    def __enter__(self) -> Swapper:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self.swaps:
            assert time.monotonic() < deadline, "the swapper did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.touch()
        self._thread.join()
        self._nursery.close()

    @property
    def swaps(self) -> int:
        return self.count.stat().st_size


def test_a_process_that_swaps_in_links_cannot_lead_a_rollback_outside(repository: Judge, tmp_path: Path) -> None:
    top, outside = repository.top, tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    names = [f"d{number}" for number in range(5)]
    for name in names:
        (top / name).mkdir()
        (top / name / "f").write_text(name)
    acid = ACIDWorkspace(top, watch=False)
    acid.begin("s")
    before = outside.stat()
    races = rollbacks = refused = 0
    with Swapper(top, outside, names, tmp_path) as swapper:
        while races < (10_000 if FULL else 300):
            started = swapper.swaps
            try:
                rollbacks += 1
                acid.rollback(to_savepoint=0)
            except StoreError:  # said so instead of going on in a place that moved away
                refused += 1
            races += swapper.swaps - started
    print(f"\n{races} links swapped in during {rollbacks} rollbacks, {refused} of them refused")
    acid.rollback(to_savepoint=0)
    assert {name: (top / name / "f").read_text() for name in names} == {name: name for name in names}
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_text() == "precious"
    assert outside.stat().st_mtime_ns == before.st_mtime_ns, "something was made or removed there meanwhile"
    acid.abort()


def test_the_same_race_leads_a_naive_restore_outside(repository: Judge, tmp_path: Path) -> None:
    top, outside = repository.top, tmp_path / "outside"
    outside.mkdir()
    (top / "d").mkdir()
    with Swapper(top, outside, ["d"], tmp_path) as swapper:
        while not (outside / "f").exists():
            assert swapper.swaps < 100_000
            with contextlib.suppress(OSError):
                (top / "d" / "f").write_text("restored")
