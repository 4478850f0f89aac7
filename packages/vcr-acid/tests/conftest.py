"""Fixtures shared by the tests of vcr-acid."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vcr_acid.testing.judge import Judge, make_repository


@pytest.fixture(autouse=True)
def _private_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def repository(tmp_path: Path) -> Judge:
    return make_repository(tmp_path / "project")
