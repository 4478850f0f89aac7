"""What a script records is restored where it is imported, and the other way round."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from dataclasses import dataclass
from vcr_core import VCRRecorder, step

@dataclass
class Order:
    item: str
    count: int

@step
def pack(order):
    return Order(order.item, order.count + 1)

def agent(order):
    return pack(pack(order))

if __name__ == "__main__":
    with VCRRecorder("tapes") as recorder:
        recorder.start_session("night")
        recorder.run(agent, Order("bee", 1))
"""

AGAIN = """
import sys
from vcr_core import ResumeConfig, VCRPlayer
from vcr_core.engine import run_again
from {module} import Order, agent
again = run_again(VCRPlayer.load_by_id("night", "tapes"), agent, ResumeConfig(from_frame=int(sys.argv[1])))
assert again.error is None, again.error
assert again.result == Order("bee", 3), again.result
"""

STRANGER = """
from vcr_core import UsageError, VCRPlayer
try:
    VCRPlayer.load_by_id("night", "tapes").resume(print)
except UsageError as error:
    print(error)
"""


def run(directory: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(directory)}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("words", "module"), [(["orders.py"], "orders"), (["-m", "shop.orders"], "shop.orders")], ids=["script", "module"]
)
def test_objects_of_a_script_are_restored_by_who_imports_it(tmp_path: Path, words: list[str], module: str) -> None:
    path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(exist_ok=True)
    path.write_text(SCRIPT)
    run(tmp_path, *words)
    for cut in ("0", "1", "2"):
        run(tmp_path, "-c", AGAIN.format(module=module), cut)


def test_an_agent_is_not_called_with_what_stands_for_an_object(tmp_path: Path) -> None:
    (tmp_path / "orders.py").write_text(SCRIPT)
    run(tmp_path, "orders.py")
    told = run(tmp_path, "-c", STRANGER)
    assert "to be called with a orders:Order, which cannot be restored here" in told
    assert "allow=['orders:Order']" in told
    assert [path.name for path in (tmp_path / "tapes").glob("*.vcr")] == ["night.vcr"]
