"""What the documents show works as they show it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE.parents[1] / "examples" / "acid_rollback.py"


def test_the_readme_example_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (PACKAGE / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    expected = re.findall(r"```text\n(.*?)```", text, re.DOTALL)[0]
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "app.py").write_text("print(1)\n")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == expected


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the examples are not part of this distribution")
def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    out = capsys.readouterr().out
    assert "app.py:  print('works')" in out
    assert "aborted, as in the beginning: ['.env', 'src']" in out
