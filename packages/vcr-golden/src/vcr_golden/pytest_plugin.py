"""The pytest plugin: ``@pytest.mark.golden("task")``, the ``golden`` fixture, and ``--vcr``.

In replay, the default, a test runs the agent with every step served and the network blocked.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from vcr_golden.golden_fixture import MODES, Golden, GoldenOptions
from vcr_golden.network_block import network_blocked

_MARKER = (
    "golden(task, *, trial=0, ignore=(), cost=None, tokens=None, steps=None, latency=None, runs=1, at_least=0.8): "
    "a test of the golden run of a task"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("vcr-golden", "golden runs of agents")
    group.addoption("--vcr", choices=MODES, default="replay", help="how the agents of golden tests run")
    group.addoption("--vcr-force-record", action="store_true", help="allow --vcr=record where CI is set")
    group.addoption("--vcr-golden-dir", default=None, help="where golden runs lie (default: .vcr/golden)")
    group.addoption("--vcr-allow-host", action="append", default=[], help="a host that may be connected to in replay")


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker, and refuse to record in CI."""
    config.addinivalue_line("markers", _MARKER)
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    if config.getoption("--vcr") == "record" and in_ci and not config.getoption("--vcr-force-record"):
        raise pytest.UsageError(
            "--vcr=record is refused where CI is set: a golden run is recorded and looked at by a person. "
            "--vcr-force-record does it all the same."
        )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Generator[Golden]:
    """The golden run of the test's task: ``golden.run(agent, *input)`` runs the agent, checks it and returns it."""
    marker = request.node.get_closest_marker("golden")
    task = marker.args[0] if marker is not None and marker.args else request.node.name
    given: dict[str, Any] = dict(marker.kwargs) if marker is not None else {}
    directory = request.config.getoption("--vcr-golden-dir")
    options = GoldenOptions(
        mode=str(request.config.getoption("--vcr")),
        directory=Path(directory) if directory else request.config.rootpath / ".vcr" / "golden",
    )
    fixture = Golden(task, options, **given)
    if options.mode != "replay":
        yield fixture
        return
    with network_blocked(request.config.getoption("--vcr-allow-host") or ()) as block:
        yield fixture
    if block.blocked:
        pytest.fail(str(block.blocked[0]), pytrace=False)
