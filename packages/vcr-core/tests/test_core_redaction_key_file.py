"""The project's key file: one key however many processes ask at once, and nobody else reads it."""

from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vcr_core.redaction import ProjectKeyError, load_or_create_project_key
from vcr_core.redaction import key_file as key_file_module


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / ".vcr"
    key = load_or_create_project_key(directory)
    assert len(key) == 32
    assert load_or_create_project_key(directory) == key
    assert load_or_create_project_key(tmp_path / "other") != key
    assert [path.name for path in directory.iterdir()] == ["key"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        load_or_create_project_key(tmp_path)
    finally:
        os.umask(old)
    path = tmp_path / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    load_or_create_project_key(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_hard_links_it_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(1, "hard links are not supported")

    monkeypatch.setattr(key_file_module.os, "link", refuse)
    key = load_or_create_project_key(tmp_path)
    assert load_or_create_project_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_damaged_key_is_named_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(ProjectKeyError, match="it holds 5 bytes") as caught:
        load_or_create_project_key(tmp_path)
    assert caught.value.path == str(tmp_path / "key")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert (tmp_path / "key").read_bytes() == b"short"


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(ProjectKeyError, match="file"):
        load_or_create_project_key(tmp_path / "file")


def test_processes_that_race_agree(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vcr_core.redaction import load_or_create_project_key as load;"
        "sys.stdin.read(1); print(load(Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / ".vcr")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    keys = set()
    for process in processes:  # all have started before the first is let go
        assert process.stdin is not None
        process.stdin.write("g")
        process.stdin.flush()
    for process in processes:
        keys.add(process.communicate(timeout=30)[0].strip())
    assert len(keys) == 1
    assert len(keys.pop()) == 64
