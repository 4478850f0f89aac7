"""Content codings that the standard library can decode: gzip and deflate, chunk by chunk.

A recording holds decoded bodies, so that they can be read, searched and redacted.  What is coded otherwise is recorded
as it is; so that this is rare, clients are not offered the other codings to ask for (`offer`).
"""

from __future__ import annotations

import zlib

_KNOWN = ("gzip", "deflate", "identity")


class ChunkDecoder:
    """Decodes the chunks of one body as they come.

    Args:
        coding: Value of the ``content-encoding`` header: the codings in the order in which they were applied.

    Attributes:
        decodes: False if one of the codings is not known; chunks are then given back as they are.
    """

    def __init__(self, coding: str) -> None:
        names = [name.strip().lower() for name in coding.split(",") if name.strip()]
        self.decodes = all(name in _KNOWN for name in names)
        self._stages = [_Inflater(name) for name in reversed(names) if name != "identity"] if self.decodes else []

    def decode(self, chunk: bytes) -> bytes:
        """Return what this chunk adds to the body; may be empty."""
        for stage in self._stages:
            chunk = stage.decode(chunk)
        return chunk


class _Inflater:
    """Takes one coding off."""

    def __init__(self, name: str) -> None:
        self._raw_deflate = name == "deflate"
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def decode(self, chunk: bytes) -> bytes:
        try:
            decoded = self._inflater.decompress(chunk)
        except zlib.error:
            if not self._raw_deflate:
                raise
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            decoded = self._inflater.decompress(chunk)
        self._raw_deflate = False
        return decoded


def decode_whole(content: bytes, coding: str) -> bytes | None:
    """Return a decoded body, or None if its coding is unknown or it does not hold what it says."""
    decoder = ChunkDecoder(coding)
    if not decoder.decodes:
        return None
    try:
        return decoder.decode(content)
    except zlib.error:
        return None


def offer(accepted: str) -> str:
    """Return an ``accept-encoding`` value without the codings that cannot be decoded here."""
    names = [name.strip() for name in accepted.split(",")]
    known = [name for name in names if name.partition(";")[0].strip().lower() in _KNOWN]
    return ", ".join(known) or "identity"
