"""Fixtures shared by the tests of vcr-acid."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vcr_acid.testing.judge import Judge, make_repository
from vcr_acid.testing.nursery import Nursery

Vcr = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Real processes without the price of a new interpreter."""
    with Nursery(Path(__file__).with_name("acid_children.py")) as warm:
        yield warm


@pytest.fixture
def run_vcr(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Vcr:
    """Runs ``vcr …`` in a process of its own, without a terminal."""
    streams = [tmp_path_factory.mktemp("streams") / name for name in ("in", "out", "err")]

    def call(*words: str, cwd: Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        streams[0].write_text(stdin)
        outcome = nursery.call(
            "vcr",
            *words,
            directory=str(cwd),
            environment={**os.environ, **environment},
            streams=[str(s) for s in streams],
        )
        return subprocess.CompletedProcess(words, outcome.status, streams[1].read_text(), streams[2].read_text())

    return call


@pytest.fixture(autouse=True)
def _private_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_ATTR_NOSYSTEM", "1")


@pytest.fixture
def repository(tmp_path: Path) -> Judge:
    return make_repository(tmp_path / "project")


@pytest.fixture
def commit_elsewhere(repository: Judge, tmp_path: Path) -> Callable[[str, str], None]:
    """Brings a file to main from another worktree, as somebody else would."""

    def commit(name: str, text: str) -> None:
        other = Judge(tmp_path / "other")
        repository("worktree", "add", "-q", "--detach", str(other.top))
        (other.top / name).write_text(text)
        other("add", "-A")
        other("commit", "-qm", "theirs")
        repository("update-ref", "refs/heads/main", other("rev-parse", "HEAD"))

    return commit
