"""How `nox -s docs` builds the site: Markdown pages, reference pages from docstrings."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Any

# Not installed with the rest: its plugin would ask for CrewAI. Sphinx puts a mock in its place.
sys.path.insert(0, str(Path(__file__).parents[1] / "packages/vcr-crewai/src"))

project = "Agent VCR"
author = "Agent VCR contributors"
copyright = "Agent VCR contributors, MIT licence"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Agent VCR"

# A reference that leads nowhere is a warning, and `nox -s docs` makes warnings errors.
myst_enable_extensions = ["colon_fence", "deflist", "html_image"]
myst_heading_anchors = 3

# Docstrings are written for the terminal too: a word in backticks is code.
default_role = "code"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_mock_imports = ["crewai"]  # one gigabyte; its docstrings are ours
napoleon_numpy_docstring = False
napoleon_use_ivar = True
viewcode_line_numbers = True


def help_of(*words: str) -> str:
    """Return what a command line of `vcr` prints when it is asked for help."""
    from vcr_core.cli import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return printed.getvalue()


def add_commands(app: Any, name: str, source: list[str]) -> None:
    """Write the help of every command behind the page of the command line."""
    from vcr_core.cli.commands import COMMANDS, plugin_summaries
    from vcr_core.plugins import COMMANDS as GROUP
    from vcr_core.plugins import distribution_of, find_plugins

    if name != "reference/command-line":
        return
    os.environ["COLUMNS"] = "100"
    parts = [("vcr", help_of())]
    parts += [(f"vcr {command}", help_of(command)) for command in COMMANDS]
    plugins = find_plugins(GROUP)
    parts += [(f"vcr {each} ({distribution_of(plugins[each])})", help_of(each)) for each in plugin_summaries()]
    source[0] += "".join(f"\n## {title}\n\n```text\n{text.rstrip()}\n```\n" for title, text in parts)


def setup(app: Any) -> None:
    app.connect("source-read", add_commands)
