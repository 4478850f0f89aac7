"""Asking the repository's packs about many objects at once.

A pack's index (``*.idx``, version 2) holds its ids in order behind a table of 256 running counts. This reads ids only;
objects are read by dulwich. What cannot be read here (version 1, a file just removed) knows nothing: a caller asks
``ObjectStore.contains`` about every id that was not found.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Collection

_MAGIC = b"\xfftOc\x00\x00\x00\x02"
_FANOUT = struct.Struct(">256I")
_FIRST_ID = len(_MAGIC) + _FANOUT.size
#: Below this many candidates one search through their bytes is cheaper than another halving.
_NEAR = 32
#: A pack with up to so many ids for each one asked for is read as a whole.
_READ_WHOLE = 8


def _holds(data: mmap.mmap, fanout: tuple[int, ...], object_id: bytes) -> bool:
    first, length = object_id[0], len(object_id)
    low, high = fanout[first - 1] if first else 0, fanout[first]
    while high - low > _NEAR:
        middle = (low + high) // 2
        at = _FIRST_ID + middle * length
        if data[at : at + length] <= object_id:
            low = middle
        else:
            high = middle
    start, end = _FIRST_ID + low * length, _FIRST_ID + high * length
    at = data.find(object_id, start, end)
    while at >= 0 and (at - start) % length:
        at = data.find(object_id, at + 1, end)
    return at >= 0


def _select(data: mmap.mmap, id_length: int, wanted: Collection[bytes]) -> set[bytes]:
    if len(data) < _FIRST_ID or data[: len(_MAGIC)] != _MAGIC:
        return set()
    fanout = _FANOUT.unpack_from(data, len(_MAGIC))
    end = _FIRST_ID + fanout[255] * id_length
    if end > len(data):
        return set()
    if fanout[255] > _READ_WHOLE * len(wanted):
        return {object_id for object_id in wanted if _holds(data, fanout, object_id)}
    ids = data[_FIRST_ID:end]
    return {ids[at : at + id_length] for at in range(0, len(ids), id_length)}.intersection(wanted)


def find_packed(objects: str, id_length: int, wanted: Collection[bytes]) -> set[bytes]:
    """Those of ``wanted`` (raw ids) that a pack in the object directory ``objects`` holds."""
    found: set[bytes] = set()
    directory = os.path.join(objects, "pack")
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if not name.endswith(".idx") or not os.path.exists(path[: -len("idx")] + "pack"):
                continue
            with (
                contextlib.suppress(OSError, ValueError),
                open(path, "rb") as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
            ):
                found |= _select(data, id_length, wanted)
    return found
