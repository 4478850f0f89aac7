"""What the guide, the README and the example show is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parents[1]
EXAMPLE = ROOT / "examples" / "crewai_integration.py"
PAGES = {"guide": ROOT / "docs" / "crewai.md", "readme": PACKAGE / "README.md"}


@pytest.mark.parametrize("page", PAGES)
def test_the_programs_of_a_page_run_for_a_crew(page, tmp_path, monkeypatch, make_crew):
    if not PAGES[page].exists():
        pytest.skip("docs/ lies beside packages/ in the repository only")
    monkeypatch.chdir(tmp_path)
    crew = make_crew()
    crew.tasks[0].description = "compute the sum for a person"
    names = {"crew": crew}
    fragments = re.findall(r"```python\n(.*?)```", PAGES[page].read_text(), re.DOTALL)
    assert fragments
    for fragment in fragments:
        exec(compile(fragment, str(PAGES[page]), "exec"), names)  # our own documentation
    assert names["result"].raw == "report on sum is 3"
    recordings = sorted((tmp_path / ".vcr").glob("*.vcr"))
    assert len(recordings) == 1 + sum(fragment.count("player.resume(") for fragment in fragments)


@pytest.mark.skipif(not EXAMPLE.exists(), reason="examples/ lies beside packages/ in the repository only")
def test_the_example_records_replays_and_resumes(tmp_path):
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert "recorded: Swim after 14:10 (2 calls of the model)" in done.stdout
    assert "replayed: 0 calls" in done.stdout
    assert "resumed: Swim after 18:45 (1 call)" in done.stdout
