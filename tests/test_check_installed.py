"""The check of installed wheels sees what an import loads beyond what its distribution declares."""

from __future__ import annotations

import importlib.metadata

import pytest


@pytest.fixture
def tool(load_tool):
    return load_tool("check_installed")


@pytest.fixture(scope="module")
def owners():
    return {root: list(names) for root, names in importlib.metadata.packages_distributions().items()}


def test_a_distribution_needs_what_it_declares_and_what_that_needs(tool):
    assert tool.needed("vcr-core") == {"vcr-core", "msgspec"}
    assert {"prompt-toolkit", "wcwidth", "vcr-core"} <= tool.needed("vcr_tui")


def test_an_import_that_loads_only_its_own_is_fine(tool, owners):
    assert tool.foreign("vcr-core", "vcr_core", {**owners, "vcr_core": ["vcr-core"]}) == []


def test_an_import_that_loads_another_package_s_dependency_is_named(tool, owners):
    assert "prompt_toolkit" in tool.foreign("vcr-core", "prompt_toolkit", owners)


def test_an_import_that_fails_is_a_problem(tool, owners):
    [problem] = tool.foreign("vcr-core", "no_such_package", owners)
    assert "cannot be imported" in problem
