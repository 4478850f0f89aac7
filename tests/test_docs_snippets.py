"""What the documentation shows is true: its programs run, its commands print what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A comment `<!-- setup … -->` is code that the reader need not see.
CODE = re.compile(
    r"(?P<skip><!-- not run: [^>]+ -->\n+)?```python\n(?P<shown>.*?)```|<!-- setup\n(?P<hidden>.*?)-->", re.DOTALL
)
NOT_PROGRAMS = {"sentinel-rules.md"}  # its snippets are what the rules find: most of them cannot run
PLAYED = [ROOT / "docs/tutorial.md", *sorted(ROOT.glob("docs/how-to/*.md"))]
PAGES = sorted(
    page
    for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md"), ROOT / "README.md"]
    if page.name not in NOT_PROGRAMS and page not in PLAYED
)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def snippets(page: Path) -> str:
    """Return the snippets of a page as one program; each keeps its line numbers."""
    text = page.read_text()
    lines = [""] * (text.count("\n") + 1)
    for match in CODE.finditer(text):
        if match["skip"] is None:
            part = "shown" if match["shown"] is not None else "hidden"
            first = text.count("\n", 0, match.start(part))
            for offset, line in enumerate(match[part].splitlines()):
                lines[first + offset] = line
    return "\n".join(lines)


WITH_CODE = [page for page in PAGES if snippets(page).strip()]


@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path) -> None:
    program = tmp_path / f"page_{page.stem}.py"
    program.write_text(snippets(page))
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run([sys.executable, str(program)], cwd=work, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{page}:\n{done.stderr}"
    if page == ROOT / "README.md":
        shown = re.search(r"```text\n(.*?)```", page.read_text(), re.DOTALL)
        assert shown is not None
        assert done.stdout == shown[1]


@pytest.mark.parametrize("page", PLAYED, ids=name_of)
def test_the_commands_of_a_page_print_what_it_says(page: Path, tmp_path: Path, load_tool) -> None:
    found = load_tool("run_page").faults(page.read_text(), tmp_path)
    assert not found, "\n\n".join(map(str, found)) + f"\n\npython tools/run_page.py --write {name_of(page)}"


def test_how_few_snippets_are_not_run() -> None:
    """A snippet that cannot run needs a framework that is not installed with the rest, or a machine of its own."""
    skipped = {name_of(page): page.read_text().count("<!-- not run: ") for page in [*PAGES, *PLAYED]}
    allowed = {"docs/crewai.md": 2, "packages/vcr-crewai/README.md": 1, "docs/tutorial.md": 1, "docs/benchmarks.md": 1}
    assert {page: count for page, count in skipped.items() if count} == allowed
