"""The table of keys: every key does something, and footer, help and documentation come from the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from vcr_tui.cells import columns
from vcr_tui.commands import Commands
from vcr_tui.help_page import help_lines
from vcr_tui.key_table import KEYS, as_markdown, footer

DOCS = Path(__file__).parents[3] / "docs" / "tui.md"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.action)
def test_every_key_has_a_command_of_its_name(key):
    assert callable(getattr(Commands, key.action))


def test_no_key_is_bound_twice():
    names = [name for key in KEYS for name in key.keys]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200])
def test_the_footer_fits_and_keeps_the_way_out(width):
    shown = footer(width)
    assert sum(columns(key) + len(label) + 3 for key, label in shown) <= width
    assert ("q", "quit") in shown


def test_a_wide_footer_has_every_label():
    assert {label for _, label in footer(200)} == {key.label for key in KEYS if key.label}


@pytest.mark.parametrize("width", [60, 80, 130])
def test_the_help_page_tells_every_key_within_the_width(width):
    lines = help_lines(width=width)
    assert all(sum(columns(text) for _, text in line) <= width for line in lines)
    words = "\n".join("".join(text for _, text in line) for line in lines)
    for key in KEYS:
        assert key.shown in words
        assert key.help.split(",")[0][:20] in words


@pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not beside an installed package")
def test_the_documentation_holds_the_table_as_it_is():
    assert as_markdown() in DOCS.read_text(encoding="utf-8")
