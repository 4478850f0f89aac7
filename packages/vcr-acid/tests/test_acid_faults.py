"""A kill or an error at every change: afterwards it is before or after, never between."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vcr_acid import AcidError, ACIDWorkspace
from vcr_acid.disk import Disk
from vcr_acid.errors import StoreError
from vcr_acid.testing.faults import FaultyDisk, Killed, RecordingDisk
from vcr_acid.testing.judge import Judge, Manifest, make_repository, read_manifest

FULL = os.environ.get("VCR_FULL") == "1"
Operation = Callable[[ACIDWorkspace], object]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("faults") / "p"
    make_repository(top)
    (top / ".env").write_text("TOKEN=one")
    (top / "empty").mkdir()
    return top


class Place:
    """A fresh copy of the template with a session that has two savepoints and unsaved changes."""

    def __init__(self, template: Path, home: Path, disk: Disk) -> None:
        self.top = home / "p"
        shutil.copytree(template, self.top, symlinks=True)
        self.git = Judge(self.top)
        self.state_dir = str(home / "state")
        self.acid = ACIDWorkspace(self.top, watch=False, disk=disk, state_dir=self.state_dir)
        self.acid.begin("s")
        (self.top / "a.txt").write_text("two\n")
        (self.top / "src" / "new.py").write_text("new")
        (self.top / ".env").write_text("TOKEN=two")
        self.acid.savepoint({"n": 1}, node_name="one")
        shutil.rmtree(self.top / "src")
        (self.top / "src").write_text("a file now")
        (self.top / "a.txt").write_text("three\n")
        (self.top / "empty").rmdir()
        (self.top / "x").mkdir()
        (self.top / "x" / "y.sh").write_text("#!/bin/sh\n")
        (self.top / "x" / "y.sh").chmod(0o755)

    def facts(self) -> tuple[Manifest, str, bytes, str]:
        """Files, refs, index and HEAD: what must be as before or as after."""
        index = (self.top / ".git" / "index").read_bytes()
        return read_manifest(self.top), self.git("rev-parse", "HEAD"), index, self.git("symbolic-ref", "HEAD")

    def abandon(self) -> None:
        """Let the dead process's locks and files go."""
        session = self.acid._session
        if session is not None:
            session.close()
        if self.acid._lock is not None:
            self.acid._lock.release()

    def check_clean(self) -> None:
        left = [p for p in (self.top / ".git").rglob("*.lock") if p.name != "vcr-workspace.lock"]
        assert not left, left
        self.git.fsck()


def savepoint(acid: ACIDWorkspace) -> object:
    return acid.savepoint({"n": 2}, node_name="two")


def rollback(acid: ACIDWorkspace) -> object:
    return acid.rollback(to_savepoint=0)


def undo(acid: ACIDWorkspace) -> object:
    return acid.undo()


def commit(acid: ACIDWorkspace) -> object:
    return acid.commit("work")


OPERATIONS: list[Operation] = [savepoint, rollback, undo, commit]


def count_changes(
    template: Path, home: Path, operation: Operation
) -> tuple[int, tuple[object, ...], tuple[object, ...]]:
    disk = FaultyDisk()
    place = Place(template, home, disk)
    before = place.facts()
    start = disk.count
    operation(place.acid)
    after = place.facts()
    total = disk.count - start
    place.abandon()
    return total, before, after


def same(now: tuple[object, ...], then: tuple[object, ...], operation: Operation) -> bool:
    """Equal but for what differs between two runs anyway: ids and times of commits and index."""
    if operation is commit:
        return now[0] == then[0]
    return now == (then[0], now[1], now[2], now[3]) and now[3] == then[3]


def kill_and_recover(template: Path, home: Path, operation: Operation, at: int, torn: float) -> bool:
    """Kill at one change and check; False if this run had fewer changes (new directories depend on hashes)."""
    disk = FaultyDisk(torn=torn)
    place = Place(template, home, disk)
    before = place.facts()
    acknowledged = len(place.acid.savepoints())
    disk.at = disk.count + at
    try:
        operation(place.acid)
    except Killed:
        pass
    else:
        place.abandon()
        return False
    place.abandon()
    ACIDWorkspace.recover(place.top, state_dir=place.state_dir)
    now = place.facts()
    place.check_clean()
    again = ACIDWorkspace(place.top, watch=False, state_dir=place.state_dir)
    if (place.top / ".git/vcr/sessions/s.log").exists():
        again.attach("s")
        assert len(again.savepoints()) >= acknowledged
        if operation is savepoint:
            assert now == before
        elif operation is commit:
            assert now == before, "an unfinished commit changed something"
        else:
            target = again._open().state.current
            files = dict(now[0])
            if files != before[0]:
                goal = 0 if operation is rollback else 1
                assert target.number == goal
                again.detach()
                check_equals_savepoint(place, goal)
            assert now[1:] == before[1:]
        if again.session_id:
            again.abort()
            check_equals_savepoint(place, 0)
    else:
        assert operation is commit
        assert place.git("log", "--format=%s", "-1") == "work"
        assert place.git("status", "--porcelain") in ("?? .env", "")
    place.check_clean()
    return True


def check_equals_savepoint(place: Place, number: int) -> None:
    manifest = read_manifest(place.top)
    want = {
        0: {"a.txt": b"one\n", "src/b.py": b"print(1)\n", ".env": b"TOKEN=one"},
        1: {"a.txt": b"two\n", "src/new.py": b"new", ".env": b"TOKEN=two"},
    }[number]
    for name, data in want.items():
        assert manifest[name.encode()][1] == data, name
    assert b"empty" in manifest
    assert b"x/y.sh" not in manifest


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.__name__)
def test_a_kill_at_every_change_leaves_before_or_after(operation: Operation, template: Path, tmp_path: Path) -> None:
    total, _, _ = count_changes(template, tmp_path / "count", operation)
    assert total > 10
    points = range(1, total + 1) if FULL else sorted(random.Random(7).sample(range(1, total + 1), 9))
    reached = 0
    for at in points:
        home = tmp_path / f"k{at}"
        reached += kill_and_recover(template, home, operation, at, torn=0.5 if at % 2 else 0.0)
        shutil.rmtree(home)
    assert reached >= len(points) - 3


def test_random_kills_and_kills_during_recovery(template: Path, tmp_path: Path) -> None:
    choose = random.Random(20)
    totals = {op: count_changes(template, tmp_path / op.__name__, op)[0] for op in OPERATIONS}
    for round_number in range(1000 if FULL else 12):
        operation = choose.choice(OPERATIONS)
        home = tmp_path / f"r{round_number}"
        kill_and_recover(template, home, operation, choose.randint(1, totals[operation]), choose.random())
        shutil.rmtree(home)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EACCES], ids=errno.errorcode.get)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.__name__)
def test_an_error_at_every_write_is_typed_and_leaves_git_alone(
    operation: Operation, code: int, template: Path, tmp_path: Path
) -> None:
    total, _, _ = count_changes(template, tmp_path / "count", operation)
    points = range(1, total + 1) if FULL else sorted(random.Random(code).sample(range(1, total + 1), 3))
    for at in points:
        home = tmp_path / f"e{at}"
        disk = FaultyDisk(code=code, torn=0.5)
        place = Place(template, home, disk)
        before = place.facts()
        disk.at = disk.count + at
        finished = False
        with contextlib.suppress(StoreError):
            operation(place.acid)
            finished = True
        now = place.facts()
        if operation is not commit:
            assert now[1:] == before[1:]
        elif not finished and now[1] == before[1]:
            assert now == before
        place.abandon()
        ACIDWorkspace.recover(place.top, state_dir=place.state_dir)
        place.check_clean()
        with contextlib.suppress(AcidError):
            again = ACIDWorkspace(place.top, watch=False, state_dir=place.state_dir)
            again.attach("s")
            again.abort()
            check_equals_savepoint(place, 0)
        shutil.rmtree(home)


def power_cuts(rounds: int) -> Iterator[random.Random]:
    for seed in range(rounds):
        yield random.Random(seed)


def test_acknowledged_savepoints_survive_a_power_cut(template: Path, tmp_path: Path) -> None:
    for number, choose in enumerate(power_cuts(200 if FULL else 8)):
        home = tmp_path / f"p{number}"
        disk = RecordingDisk()
        place = Place(template, home, disk)
        wanted: dict[int, Manifest] = {}
        for step in range(choose.randint(1, 4)):
            (place.top / f"f{step}").write_text(str(choose.random()))
            made = place.acid.savepoint(node_name=str(step))
            wanted[made.number] = read_manifest(place.top)
        place.abandon()
        lost = disk.lose_power(choose, only=lambda path: "/.git/" in path)
        ACIDWorkspace.recover(place.top, state_dir=place.state_dir)
        place.git.fsck()
        again = ACIDWorkspace(place.top, watch=False, state_dir=place.state_dir)
        again.attach("s")
        for savepoint_number, manifest in wanted.items():
            again.rollback(to_savepoint=savepoint_number)
            assert read_manifest(place.top) == manifest, lost
        again.detach()
        shutil.rmtree(home)
