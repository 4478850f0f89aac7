"""The short way of encoding plain values gives what the long way gives, also where they hold secrets."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from vcr_core.redaction import Redactor
from vcr_core.testing.equality import difference
from vcr_core.value_encoder import ValueEncoder
from vcr_core.values import Decoder, to_wire
from vcr_core.wire_format import decode

secrets = ["sk-ant-api03-" + "a1B2" * 24, "Bearer abcdefghijkl0123456789"]
texts = st.one_of(st.text(max_size=8), st.sampled_from(secrets))
keys = st.one_of(st.text(max_size=5), st.sampled_from(["api_key", "password", "$vcr", "name", "value"]))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.just(datetime.date(2026, 1, 2)))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=12,
)
open_encoder = ValueEncoder(redactor=None, blobs=None)
redactor = Redactor(key=b"k" * 32)
encoder = ValueEncoder(redactor=redactor, blobs=None)


@given(values)
def test_values_are_encoded_as_they_would_be_without_the_short_way(value):
    for each in (encoder, open_encoder):
        short, long = (Decoder().decode(decode(encoded)) for encoded in (each.encode(value), each.encode_inline(value)))
        assert difference(long, short) is None


def test_a_secret_in_a_plain_value_never_stays():
    named = {"name": "password", "value": "hunter22"}
    for value in ({"api_key": "abcd1234efgh"}, [["authorization", "Bearer xyz"]], named):
        assert encoder.encode(value) == encoder.encode_inline(value)
    assert to_wire({"a": 1}) == {"a": 1}
