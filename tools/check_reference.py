"""Checks that every public name has its place in the built documentation.

``python tools/check_reference.py docs/_build/html`` reads the inventory that Sphinx writes and compares it with the
``__all__`` of every package; `nox -s docs` runs it.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# The façade has the names of what stands behind it, and they are documented there.
FACADES = {"agent_vcr", "openhands_sentinel"}
# Imported only where the framework is installed; `nox -s crewai` has it.
UNIMPORTABLE = {"vcr_crewai": ["VCRCrewAI", "VCRCrewCallback"]}


def packages() -> list[str]:
    """List the import names of the workspace, without the façade."""
    found = (path.parent.name for path in ROOT.glob("packages/*/src/*/__init__.py"))
    return sorted(name for name in found if name not in FACADES)


def public_names(package: str) -> list[str]:
    """Return the full names of what a package exports."""
    exported = UNIMPORTABLE.get(package) or importlib.import_module(package).__all__
    return [f"{package}.{name}" for name in exported if not name.startswith("__")]


def documented(site: Path) -> set[str]:
    """Return the names that a built site documents, from its inventory (version 2: four lines, then zlib)."""
    _, _, _, _, compressed = (site / "objects.inv").read_bytes().split(b"\n", 4)
    lines = zlib.decompress(compressed).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if " py:" in line}


def main() -> int:
    known = documented(Path(sys.argv[1]))
    names = [name for package in packages() for name in public_names(package)]
    missing = [name for name in names if name not in known]
    for name in missing:
        print(f"{name} is public and not in the reference: add it to docs/reference/{name.split('.')[0]}.md")
    print(f"{len(names)} public names, {len(missing)} not in the reference")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
