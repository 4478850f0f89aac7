from __future__ import annotations

import pickle

from {{module}}.errors import {{class}}Error


def test_the_base_error_crosses_a_process_boundary():
    error = pickle.loads(pickle.dumps({{class}}Error("what, where, what to do")))
    assert str(error) == "what, where, what to do"
