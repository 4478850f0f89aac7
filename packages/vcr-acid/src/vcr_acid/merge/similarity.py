"""How alike two blobs are, as git estimates it when it looks for renames.

Content is cut into chunks at line ends or after 64 bytes; the score is the share of the larger blob's bytes that occur
in both (diffcore-delta's measure). Used to notice that a rename is in play, never to decide a merge by itself.
"""

from __future__ import annotations

from collections import Counter

_CHUNK = 64


def _chunks(data: bytes) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for line in data.split(b"\n"):
        for start in range(0, max(len(line), 1), _CHUNK):
            piece = line[start : start + _CHUNK].rstrip(b"\r")
            found[piece] += len(piece) + 1
    return found


def similarity(a: bytes, b: bytes) -> float:
    """Between 0 (nothing in common) and 1 (the same chunks)."""
    if a == b:
        return 1.0
    if not a or not b:
        return 0.0
    left, right = _chunks(a), _chunks(b)
    common = sum(min(size, right[piece]) for piece, size in left.items() if piece in right)
    return min(1.0, common / max(len(a), len(b)))
