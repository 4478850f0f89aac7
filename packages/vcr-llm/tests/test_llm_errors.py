from __future__ import annotations

import pickle

from vcr_llm.errors import LlmError


def test_the_base_error_crosses_a_process_boundary():
    error = pickle.loads(pickle.dumps(LlmError("what, where, what to do")))
    assert str(error) == "what, where, what to do"
