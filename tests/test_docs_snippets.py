"""Every Python snippet of the documentation runs, page by page, in an empty directory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"(?P<skip><!-- not run: [^>]+ -->\n+)?```python\n(?P<code>.*?)```", re.DOTALL)
NOT_PROGRAMS = {"sentinel-rules.md"}  # its snippets are what the rules find: most of them cannot run
PAGES = sorted(page for page in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"] if page.name not in NOT_PROGRAMS)


def snippets(page: Path) -> str:
    """Return the snippets of a page as one program; each keeps its line numbers."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for match in FENCE.finditer(text):
        if match["skip"] is None:
            first = text.count("\n", 0, match.start("code"))
            for offset, line in enumerate(match["code"].splitlines()):
                lines[first + offset] = line
    return "\n".join(lines)


WITH_CODE = [page for page in PAGES if snippets(page).strip()]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path) -> None:
    program = tmp_path / page.with_suffix(".py").name
    program.write_text(snippets(page))
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run([sys.executable, str(program)], cwd=work, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{page}:\n{done.stderr}"
    if page.name == "README.md":
        shown = re.search(r"```text\n(.*?)```", page.read_text(), re.DOTALL)
        assert shown is not None
        assert done.stdout == shown[1]
