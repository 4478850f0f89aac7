"""Make a new package from `tools/_template`: ``python tools/new_package.py vcr-example "What it is for."``."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def make_package(root: Path, name: str, description: str) -> Path:
    """Write ``packages/<name>`` under `root` and return it; the name has to be new and of the form ``vcr-word``."""
    if not re.fullmatch(r"vcr-[a-z][a-z0-9]*", name):
        raise SystemExit(f"{name!r} is not of the form vcr-word")
    target = root / "packages" / name
    if target.exists():
        raise SystemExit(f"{target} exists")
    tail = name.removeprefix("vcr-")
    words = {
        "name": name,
        "module": f"vcr_{tail}",
        "tail": tail,
        "class": tail.capitalize(),
        "description": description,
    }
    template = ROOT / "tools" / "_template"
    for source in sorted(path for path in template.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
        copy = target / fill(str(source.relative_to(template)), words)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(fill(source.read_text(encoding="utf-8"), words), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", target)
    return target


def fill(text: str, words: dict[str, str]) -> str:
    """Put the words in the place of their names in double braces."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: words[match[1]], text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a new package of the workspace.")
    parser.add_argument("name", help="the distribution, such as vcr-example")
    parser.add_argument("description", help="one sentence, with a full stop")
    arguments = parser.parse_args()
    print(make_package(ROOT, arguments.name, arguments.description))
