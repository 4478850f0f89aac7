"""The README's example and the example script do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE.parents[1] / "examples" / "langgraph_integration.py"


def run(*command, cwd):
    return subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=60, check=True)


def test_the_example_of_the_readme_prints_what_it_says(tmp_path):
    code = re.search(r"```python\n(.*?)```", (PACKAGE / "README.md").read_text(), re.DOTALL)[1]
    promised = re.search(r"#\s*(\{.*\})\s*$", code)[1]
    assert run("-c", code, cwd=tmp_path).stdout.strip() == promised


@pytest.mark.skipif(not EXAMPLE.exists(), reason="examples/ lies beside packages/ in the repository only")
def test_the_example_goes_on_from_where_it_broke(tmp_path):
    printed = run(str(EXAMPLE), cwd=tmp_path).stdout
    assert "The agent broke: KeyError 'Oslo'" in printed
    assert printed.count(" tape ") == 6
    assert "Answer: Lima is warmer than Oslo." in printed
