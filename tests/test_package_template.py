from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def new_package(load_tool):
    return load_tool("new_package")


def test_a_new_package_keeps_the_rules_of_the_workspace(tmp_path, new_package, load_tool):
    shutil.copy(ROOT / "LICENSE", tmp_path)
    shutil.copytree(ROOT / "packages/vcr-core", tmp_path / "packages/vcr-core")
    folder = new_package.make_package(tmp_path, "vcr-example", "Shows what a package looks like.")
    found = load_tool("check_workspace").Workspace(tmp_path).problems()
    assert [problem for problem in found if "vcr-example" in problem] == []
    assert "{{" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["example", "vcr-Example", "vcr-../x", "vcr-core"])
def test_a_name_of_another_form_or_taken_is_refused(tmp_path, new_package, name):
    (tmp_path / "packages/vcr-core").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"is not of the form vcr-word|exists"):
        new_package.make_package(tmp_path, name, "Nothing.")
