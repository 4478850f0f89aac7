"""Real tool calls of 200 agent runs: later trials against the first one of the same task."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data" / "tau-bench-airline.json"
SCRIPT = ROOT / "benchmarks" / "golden" / "tau_bench.py"


@pytest.mark.skipif(
    not (DATA.exists() and SCRIPT.exists()), reason=f"needs {DATA.name}, which is not part of the project"
)
def test_no_repeated_call_is_served_wrong(tmp_path):
    found = runpy.run_path(str(SCRIPT))["measure"](DATA, tmp_path)
    assert found.repeated == 443
    assert found.naive_wrong_output > 0
    assert found.wrong == 0
    assert found.served > found.repeated * 0.8
