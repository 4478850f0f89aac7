from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MANIFEST = """\
[build-system]
requires = ["hatchling>=1.27,<1.32"]
[project]
name = "{name}"
version = "1.0.0"
readme = "README.md"
license = "MIT"
license-files = ["LICENSE"]
requires-python = ">=3.10"
classifiers = ["Private :: Do Not Upload"]
dependencies = {dependencies}
{more}
[tool.hatch.build.targets.sdist]
include = ["src", "tests", "README.md", "CHANGELOG.md", "LICENSE"]
"""


@pytest.fixture
def tool(load_tool):
    return load_tool("check_workspace")


@pytest.fixture
def house(tmp_path, tool):
    """A function that adds a package to a small workspace, and one that lists its problems."""
    shutil.copy(ROOT / "LICENSE", tmp_path)

    def add(name, source="", *, dependencies=(), more="", test="test_{}.py"):
        folder = tmp_path / "packages" / name
        module = folder / "src" / name.replace("-", "_")
        for part in (module, folder / "tests", folder / "changes"):
            part.mkdir(parents=True)
        for file in ("README.md", "CHANGELOG.md"):
            (folder / file).touch()
        (module / "py.typed").touch()
        (module / "__init__.py").write_text(source)
        (folder / "tests" / test.format(module.name)).touch()
        shutil.copy(ROOT / "LICENSE", folder)
        text = MANIFEST.format(name=name, dependencies=repr(list(dependencies)).replace("'", '"'), more=more)
        (folder / "pyproject.toml").write_text(text)
        return folder

    add("vcr-core", "import json\nfrom msgspec import Struct\n\ndef main(): ...\n", dependencies=["msgspec>=0.19,<1"])
    return add, lambda: list(tool.Workspace(tmp_path).problems())


def test_a_clean_workspace_has_no_problems(house):
    add, problems = house
    add("vcr-one", "from vcr_core import main\n", dependencies=["vcr-core>=1.0,<2"])
    assert problems() == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import dulwich\n", "__init__.py:1: imports dulwich, which vcr-two does not declare"),
        ("def f():\n    import dulwich.repo\n", ":2: imports dulwich.repo, which vcr-two does not declare"),
        ("from vcr_one import x\n", "imports vcr_one, a sibling"),
        ("from vcr_core._log import x\n", "takes vcr_core._log (x) from vcr-core, where it is private"),
        ("from vcr_core import _x\n", "takes vcr_core (_x) from vcr-core, where it is private"),
        ("x = 1\n" * 451, "451 lines; split it below 450"),
    ],
)
def test_a_source_that_breaks_a_rule_is_named(house, source, problem):
    add, problems = house
    add("vcr-one")
    add("vcr-two", source, dependencies=["vcr-core>=1.0,<2"])
    assert any(problem in found for found in problems())


@pytest.mark.parametrize(
    ("dependency", "problem"),
    [
        ("vcr-core>=1.0", "has no upper bound"),
        ("vcr-core>=2,<3", "does not admit the workspace's vcr-core 1.0.0"),
        ("vcr-gone>=1,<2", "is not in the workspace"),
        ("vcr-one>=1,<2", "packages depend on vcr-core, not on each other"),
    ],
)
def test_a_range_that_breaks_a_rule_is_named(house, dependency, problem):
    add, problems = house
    add("vcr-one")
    add("vcr-two", dependencies=[dependency])
    assert [problem in found for found in problems()] == [True]


def test_an_extra_or_what_the_user_brings_may_be_imported(house):
    add, problems = house
    more = '[project.optional-dependencies]\nx = ["dulwich"]\n[tool.vcr]\noptional-imports = ["httpx"]'
    add("vcr-one", "import dulwich\nimport httpx\n", more=more)
    assert problems() == []


def test_only_the_facade_names_siblings_and_only_for_types(house):
    add, problems = house
    extras = '[project.optional-dependencies]\none = ["vcr-one>=1,<2"]'
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from vcr_one import x\n"
    add("vcr-one")
    facade = add("ai-agent-vcr", source, more=extras)
    assert problems() == []
    (facade / "src/ai_agent_vcr/__init__.py").write_text("from vcr_one import x\n")
    assert ["a sibling" in found for found in problems()] == [True]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("vcr_one.gone:main", "names a module that the package does not have"),
        ("vcr_one:gone", "names nothing that __init__.py defines"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_named(house, value, problem):
    add, problems = house
    add("vcr-one", more=f'[project.entry-points."vcr.commands"]\none = "{value}"')
    assert [problem in found for found in problems()] == [True]


def test_missing_files_and_wrong_metadata_are_named(house):
    add, problems = house
    folder = add("vcr-one")
    (folder / "README.md").unlink()
    (folder / "src/vcr_one/py.typed").unlink()
    manifest = folder / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace('"MIT"', '"BSD"').replace('"1.0.0"', '"0.9.0"'))
    found = "\n".join(problems())
    assert "README.md is missing" in found
    assert "src/vcr_one/py.typed is missing" in found
    assert "project.license is 'BSD', expected 'MIT'" in found
    assert "not a static version from 1.0.0 on" in found


def test_a_test_file_name_occurs_once(house):
    add, problems = house
    add("vcr-one", test="test_same.py")
    add("vcr-two", test="test_same.py")
    assert [found.startswith("test_same.py occurs more than once") for found in problems()] == [True]
