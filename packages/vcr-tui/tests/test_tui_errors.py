from __future__ import annotations

import pickle

from vcr_tui.errors import TuiError


def test_the_base_error_crosses_a_process_boundary():
    error = pickle.loads(pickle.dumps(TuiError("what, where, what to do")))
    assert str(error) == "what, where, what to do"
