"""Every public name has a docstring, and a page of the reference that shows it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOT_HERE = {"vcr_crewai"}  # needs CrewAI; the site has it, with CrewAI mocked
PACKAGES = sorted(
    path.parent.name for path in ROOT.glob("packages/*/src/*/__init__.py") if path.parent.name.startswith("vcr_")
)


def undocumented(name: str, thing: object) -> Iterator[str]:
    """Yield what of a public name has no docstring of its own: itself, its public methods and properties."""
    if inspect.isclass(thing):
        if not vars(thing).get("__doc__"):
            yield name
        for part, value in vars(thing).items():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if not part.startswith("_") and inspect.isfunction(function) and not function.__doc__:
                yield f"{name}.{part}"
    elif callable(thing) and not thing.__doc__:
        yield name


@pytest.mark.parametrize("package", [name for name in PACKAGES if name not in NOT_HERE])
def test_every_public_name_is_documented(package: str) -> None:
    module = importlib.import_module(package)
    names = [name for name in module.__all__ if not name.startswith("__")]
    assert [missing for name in names for missing in undocumented(name, getattr(module, name))] == []
    assert module.__doc__


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_has_a_page_of_the_reference(package: str) -> None:
    """`nox -s docs` then sees in the built site that each name is on it: tools/check_reference.py."""
    assert f".. automodule:: {package}\n" in (ROOT / f"docs/reference/{package}.md").read_text()


def test_a_name_that_is_missing_in_the_site_is_named(tmp_path: Path, load_tool, monkeypatch, capsys) -> None:
    import zlib

    tool = load_tool("check_reference")
    head = b"# Sphinx inventory version 2\n# Project: x\n# Version: 1\n# compressed\n"
    (tmp_path / "objects.inv").write_bytes(head + zlib.compress(b"vcr_one.Here py:class 1 one.html#$ -\n"))
    monkeypatch.setattr(tool, "packages", lambda: ["vcr_one"])
    monkeypatch.setattr(tool, "public_names", lambda package: ["vcr_one.Here", "vcr_one.Gone"])
    monkeypatch.setattr("sys.argv", ["check_reference.py", str(tmp_path)])
    assert tool.main() == 1
    assert "vcr_one.Gone is public" in capsys.readouterr().out
