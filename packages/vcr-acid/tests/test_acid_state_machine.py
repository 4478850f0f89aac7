"""Random agents against a model: every savepoint's tree is git's, every rollback is exact, nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from vcr_acid import ACIDWorkspace
from vcr_acid.testing.judge import Judge, Manifest, make_repository, read_manifest

FULL = os.environ.get("VCR_FULL") == "1"

NAMES = [b"a", b"b", b"c.txt", b"d-d", "é".encode(), b"Z", b"a.b", b"a0", b"dir", b"dir2", b"x y", b"\xff\xfe", b"n\nl"]
names = st.sampled_from(NAMES)
paths = st.lists(names, min_size=1, max_size=4).map(b"/".join)
contents = st.binary(max_size=12) | st.sampled_from([b"", b"text\n", b"a\0b" * 40])
links = st.sampled_from([b"a", b"../b", b"/etc/passwd", b"nowhere", b".", b"dir"])


def _is_ignored(relative: bytes) -> bool:
    return relative.endswith(b".ign") or b"ignored" in relative.split(b"/")


class Agents(RuleBasedStateMachine):
    mode: ClassVar[str] = "stat"
    template: ClassVar[Path]
    steps: ClassVar[int] = 0

    @invariant()
    def count(self) -> None:
        type(self).steps += 1

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.top = self.home / "w"
        shutil.copytree(self.template / "repo", self.top, symlinks=True)
        self.root = os.fsencode(str(self.top))
        self.git = Judge(self.top)
        self.acid = ACIDWorkspace(self.top, watch=self.mode == "watch", state_dir=str(self.home / "state"))
        self.acid.begin("s")
        if self.mode == "full":
            self.acid._open().live.full_listing = True
            self.acid._open().live.drop()
        self.saved: list[Manifest] = [self.manifest()]

    def teardown(self) -> None:
        if hasattr(self, "acid"):
            self.acid.detach()
            shutil.rmtree(self.home, ignore_errors=True)

    # -- the agent ----------------------------------------------------------------------------------------------------

    def full(self, path: bytes) -> bytes | None:
        """An absolute path whose directory is truly inside the workspace."""
        joined = os.path.join(self.root, path)
        parent = os.path.realpath(os.path.dirname(joined))
        inside = parent == self.root or parent.startswith(self.root + b"/")
        return joined if inside and b"/.git" not in parent + b"/" else None

    @rule(path=paths, data=contents)
    def write(self, path: bytes, data: bytes) -> None:
        full = self.full(path)
        if full is None or (os.path.lexists(full) and not stat.S_ISREG(os.lstat(full).st_mode)):
            return
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(full), exist_ok=True)
            Path(os.fsdecode(full)).write_bytes(data)

    @rule(path=paths)
    def remove(self, path: bytes) -> None:
        full = self.full(path)
        if full is None:
            return
        with contextlib.suppress(OSError):
            if os.path.isdir(full) and not os.path.islink(full):
                shutil.rmtree(full)
            else:
                os.unlink(full)

    @rule(source=paths, destination=paths)
    def rename(self, source: bytes, destination: bytes) -> None:
        a, b = self.full(source), self.full(destination)
        if a and b:
            with contextlib.suppress(OSError):
                os.rename(a, b)

    @rule(one=paths, other=paths)
    def swap_directories(self, one: bytes, other: bytes) -> None:
        a, b = self.full(one), self.full(other)
        if a and b and all(os.path.isdir(p) and not os.path.islink(p) for p in (a, b)):
            with contextlib.suppress(OSError):
                os.rename(a, a + b"T")
                try:
                    os.rename(b, a)
                except OSError:
                    os.rename(a + b"T", a)
                    raise
                os.rename(a + b"T", b)

    @rule(path=paths, content=links)
    def symlink(self, path: bytes, content: bytes) -> None:
        full = self.full(path)
        if full:
            with contextlib.suppress(OSError):
                os.symlink(content, full)

    @rule(path=paths, bits=st.sampled_from([0o644, 0o755, 0o600, 0o700, 0o664, 0o444]))
    def chmod(self, path: bytes, bits: int) -> None:
        full = self.full(path)
        if full and os.path.lexists(full) and not os.path.islink(full):
            os.chmod(full, bits | (0o700 if os.path.isdir(full) else 0))

    @rule(path=paths)
    def fifo(self, path: bytes) -> None:
        full = self.full(path)
        if full:
            with contextlib.suppress(OSError):
                os.mkfifo(full)

    @rule(path=paths)
    def same_size_old_time(self, path: bytes) -> None:
        full = self.full(path)
        if full and os.path.isfile(full) and not os.path.islink(full):
            status = os.stat(full)
            text = os.fsdecode(full)
            Path(text).write_bytes(bytes(reversed(Path(text).read_bytes())))
            os.utime(full, ns=(status.st_atime_ns, status.st_mtime_ns))

    @rule(path=paths)
    def ignored_file(self, path: bytes) -> None:
        self.write(path + b".ign", b"ignored " + path)

    @rule(path=paths)
    def empty_directory(self, path: bytes) -> None:
        full = self.full(path)
        if full:
            with contextlib.suppress(OSError):
                os.makedirs(full)

    @rule(path=paths)
    def nested_repository(self, path: bytes) -> None:
        full = self.full(path)
        if full and not os.path.lexists(full) and os.path.isdir(os.path.dirname(full)):
            shutil.copytree(os.fsencode(str(self.template / "nested")), full, symlinks=True)

    # -- transactions -------------------------------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        return read_manifest(self.top, skip=_is_ignored)

    def ignored(self) -> dict[bytes, bytes]:
        everything = read_manifest(self.top)
        return {p: data for p, (kind, data, _) in everything.items() if kind == "file" and _is_ignored(p)}

    @rule()
    def savepoint(self) -> None:
        made = self.acid.savepoint(node_name="step")
        self.note(made.number)
        ours = self.git("rev-parse", f"refs/vcr/s/{made.number}^{{tree}}")
        assert ours == self.git.worktree_tree()

    def note(self, number: int) -> None:
        assert number == len(self.saved)
        self.saved.append(self.manifest())

    @rule(data=st.data())
    def rollback(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.saved) - 1))
        before = self.manifest()
        ignored = self.ignored()
        report = self.acid.rollback(to_savepoint=number)
        if report.before.number == len(self.saved):
            self.saved.append(before)
        self.check(number, report, ignored)

    @rule(back=st.booleans())
    def undo_redo(self, back: bool) -> None:
        status = self.acid.status()
        if not (status.can_undo if back else status.can_redo):
            return
        before, ignored = self.manifest(), self.ignored()
        report = self.acid.undo() if back else self.acid.redo()
        if report.before.number == len(self.saved):
            self.saved.append(before)
        self.check(report.savepoint.number, report, ignored)

    def check(self, number: int, report: object, ignored: dict[bytes, bytes]) -> None:
        now, want = self.manifest(), self.saved[number]
        still = self.ignored()
        held = {os.path.dirname(p) for p in still}
        for path in list(held):
            while path:
                held.add(path)
                path = os.path.dirname(path)
        extra = {p for p in now if p not in want and not (now[p][0] == "dir" and p in held)}
        assert not extra, (extra, report)
        for path, value in want.items():
            assert now.get(path) == value, (path, value, now.get(path), report)
        kept = set(still.values())
        kept |= {data for _, data, _ in read_manifest(self.top / ".git/vcr/escrow").values()}
        assert set(ignored.values()) <= kept, report


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    make_repository(root / "repo", files={"c.txt": "hi", ".gitignore": "*.ign\nignored/\n", "dir/a": "a", "dir/b": "b"})
    make_repository(root / "nested", files={"inner.txt": "inner", "deep/er.txt": "x"})
    return root


@pytest.mark.parametrize("mode", ["full", "stat", "watch"])
def test_every_savepoint_is_gits_tree_and_every_rollback_is_exact(mode: str, template: Path) -> None:
    machine = type(f"Agents_{mode}", (Agents,), {"mode": mode, "template": template})
    steps = 50
    examples = 160 if FULL else 4
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            derandomize=not FULL,
        ),
    )
    print(f"\n{mode}: {machine.steps} steps")
    assert machine.steps >= (5000 if FULL else 100)
