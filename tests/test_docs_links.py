"""Every link between the project's own pages leads somewhere, and every name they mention is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCES = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them, and its explicit ones."""
    text = FENCES.sub("", page.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*made, *re.findall(r"^\((\w+)\)=$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_pages_and_headings_that_are_there(page: Path) -> None:
    broken = []
    for match in LINK.finditer(FENCES.sub("", page.read_text())):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_and_sessions_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    files = {path.name for path in ROOT.glob("**/test_*.py") if ".nox" not in path.parts}
    tests = set(re.findall(r"\btest_(?:core|acid|golden|llm|sentinel|server|tui|langgraph|crewai)_\w+\.py\b", text))
    assert tests <= files
    scripts = set(re.findall(r"python ((?:benchmarks|examples|tools)/[\w/]+\.py)", text))
    assert [name for name in sorted(scripts) if not (ROOT / name).exists()] == []
    sessions = set(re.findall(r"nox -s (\w+)", text))
    noxfile = (ROOT / "noxfile.py").read_text()
    assert [name for name in sorted(sessions) if f"\ndef {name}(" not in noxfile] == []


def test_every_page_is_reached_from_the_first_one() -> None:
    text = "\n".join(page.read_text() for page in ROOT.glob("docs/**/*.md"))
    trees = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", text, re.DOTALL)
    named = {line.strip().rpartition("/")[2] for tree in trees for line in tree.splitlines()}
    assert [page.name for page in ROOT.glob("docs/**/*.md") if page.stem not in named and page.stem != "index"] == []
