"""Values beside the frames (what a run was called with, what it returned) that are much like a state of a frame.

An agent is called turn by turn with a history, and returns it a little longer.  Written whole each time, a session of
many turns would grow with their square; so such a value is written as the state it leans on and what differs from it:
``{"$vcr":"state","frame":…,"part":…,"at":…,"patch":…}``.  It is read by `vcr_core.state_reader.expand`.
"""

from __future__ import annotations

from typing import Any

from vcr_core.runtime_types import type_of
from vcr_core.state_chain import StateChain
from vcr_core.value_encoder import ValueEncoder

FIELDS = {"run": "input", "result": "output"}
"""The field of a line, by the line's type, that is written so."""
_CALL = {"args", "kwargs"}


def encode_leaning(value: Any, chain: StateChain, encoder: ValueEncoder) -> bytes | None:
    """Return a value, or the arguments of a call, leaning on the last state of a chain; None if nothing leans on it."""
    found = chain.reference(value)
    if found is not None or type_of(value) is not dict or value.keys() != _CALL or type_of(value["args"]) is not list:
        return found
    arguments: list[Any] = value["args"]
    leaning = [chain.reference(argument) for argument in arguments]
    if not any(leaning) or encoder.probe().pairs_secret(arguments):
        return None
    encoded = [lean or encoder.encode(argument) for lean, argument in zip(leaning, arguments, strict=True)]
    return b'{"args":[%b],"kwargs":%b}' % (b",".join(encoded), encoder.encode(value["kwargs"]))
