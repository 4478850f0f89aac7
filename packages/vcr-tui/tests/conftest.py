from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from vcr_core import VCRRecorder


def record_run(
    directory: Path, name: str = "run", *, frames: int = 12, fail_at: tuple[int, ...] = (7,), **start
) -> Path:
    """Record a run whose state carries a counter and a list that grows."""
    with VCRRecorder(directory, redact=False) as recorder:
        recorder.start_session(name, **start)
        path = recorder.path
        notes: list[str] = []
        for index in range(frames):
            before = {"step": index - 1, "notes": list(notes)}
            if index in fail_at:
                try:
                    raise ValueError(f"nothing left at step {index}")
                except ValueError as error:
                    recorder.record_error(f"node{index % 3}", before, error, latency_ms=12.0)
                continue
            notes.append(f"note {index}")
            after = {"step": index, "notes": list(notes)}
            recorder.record_step(f"node{index % 3}", before, after, latency_ms=10.0 * index)
    assert path is not None
    return path


@pytest.fixture
def run_path(tmp_path):
    return record_run(tmp_path / ".vcr")


@pytest.fixture(scope="session")
def long_path(tmp_path_factory):
    """A run of 10,000 small frames; nobody changes it."""
    return record_run(tmp_path_factory.mktemp("long") / ".vcr", "long", frames=10_000, fail_at=(500, 9_000))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run async tests, each in an event loop of its own and with a bound."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True


@pytest.fixture(name="record_run", scope="session")
def record_run_fixture():
    """The function that records a run."""
    return record_run
