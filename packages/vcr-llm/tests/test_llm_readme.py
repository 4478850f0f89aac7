from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path


def test_the_example_prints_what_the_readme_says(provider, tmp_path, monkeypatch):
    text = (Path(__file__).parents[1] / "README.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    printed = re.findall(r"```\n(200.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {"url": provider.url})
    assert [out.getvalue()] == printed
    assert provider.hits == 1
