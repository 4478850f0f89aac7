"""The terminal debugger of Agent VCR: look at any step of a run, edit it, and go on from there.

A pure view model (`session_view`, `json_tree`, `tape`, `session_search`, `fork_tree`) knows what is shown; the widgets
draw it; one table of keys (`key_table`) makes the bindings, the footer, the help page and the documentation.  Importing
this package imports no terminal library.
"""

from __future__ import annotations

from vcr_tui.errors import TuiError

__all__ = ["TuiError"]
