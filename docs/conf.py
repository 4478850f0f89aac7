"""How `nox -s docs` builds the site: Markdown pages, reference pages from docstrings."""

from __future__ import annotations

project = "Agent VCR"
author = "Agent VCR contributors"
copyright = "Agent VCR contributors, MIT licence"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Agent VCR"

# A reference that leads nowhere is a warning, and `nox -s docs` makes warnings errors.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False
