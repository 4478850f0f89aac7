"""Values keep their types: Python objects to JSON-able *wire* values and back.

A wire value is made of dict (string keys), list, str, int, float, bool and None.  Everything else becomes a tagged
dict, ``{"$vcr": kind, …}``; the kinds are listed in `vcr_core.values.encode`.  A user's dict that has the key ``$vcr``
is itself tagged, so data never looks like a tag.

Reading runs and imports nothing by itself.  The kinds of the standard library are restored; a class of the user's
own only where the reader names it (`Allowed`), else it becomes a `Tagged` value that keeps everything and is written
back exactly as it was read.
"""

from __future__ import annotations

from vcr_core.values.allowed import Allowed, register_type
from vcr_core.values.decode import Decoder
from vcr_core.values.encode import BLOB_SIZE, MAX_DEPTH, TAG, BlobSink, WireEncoder, to_wire
from vcr_core.values.tagged import Stream, Tagged

__all__ = [
    "BLOB_SIZE",
    "MAX_DEPTH",
    "TAG",
    "Allowed",
    "BlobSink",
    "Decoder",
    "Stream",
    "Tagged",
    "WireEncoder",
    "register_type",
    "to_wire",
]
