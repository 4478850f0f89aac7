"""Fingerprints of a function's tokens, for finding the same code again.

Three degrees of sameness: `exact` (layout, comments, docstring and annotations aside), `renamed` (a consistent
renaming of parameters and locals), and `winnow` (a set of hashes that survives small edits). Comparing two functions
in detail belongs to `near_miss`.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

GRAM = 6  # tokens in one hashed gram
WINDOW = 4  # of so many neighbouring grams the smallest hash is kept
FINGERPRINT_BITS = 40

_token_numbers: dict[str, int] = {}


class Keys(NamedTuple):
    """64-bit keys of one function and its token count."""

    exact: int
    renamed: int
    tokens: int


class Grams:
    """The winnowed fingerprints of one function, made when they are first asked for: the slow lane needs them.

    Args:
        data: them as stored.
        renamed: the tokens they are made of, if they are not made yet.
        constants: as of `Stream`.
    """

    __slots__ = ("_constants", "_data", "_renamed")

    def __init__(
        self, data: bytes = b"", renamed: list[str] | None = None, constants: list[tuple[int, str]] | None = None
    ) -> None:
        self._data = data
        self._renamed = renamed
        self._constants = constants

    @property
    def data(self) -> bytes:
        """As an array of 64-bit numbers; empty for a function too small to have any."""
        renamed = self._renamed
        if renamed is not None:
            self._data = winnow(blind(renamed, self._constants or [])).tobytes()
            self._renamed = self._constants = None
        return self._data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grams) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"Grams({self.data!r})"


NO_GRAMS = Grams()


def hash_tokens(tokens: list[str]) -> int:
    """A 63-bit hash, the same in every process."""
    digest = blake2b("\0".join(tokens).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def rename_locals(tokens: list[str], names: list[tuple[int, str]], local_names: set[str], own_name: str) -> list[str]:
    """Replace parameters and locals by their order of appearance, and the function's own name by one mark."""
    renamed = tokens.copy()
    order: dict[str, str] = {}
    for position, name in names:
        if name in local_names:
            mark = order.get(name)
            if mark is None:
                mark = order[name] = f"\x01{len(order)}"
            renamed[position] = mark
        elif name == own_name:
            renamed[position] = "\x01self"
    return renamed


def blind(renamed: list[str], constants: list[tuple[int, str]]) -> list[str]:
    """Drop the difference between locals, and between constants of one type."""
    blinded = ["\x01" if token[:1] == "\x01" else token for token in renamed]
    for position, kind in constants:
        blinded[position] = "\x02" + kind
    return blinded


def winnow(blinded: list[str]) -> array[int]:
    """Winnowing fingerprints (Schleimer, Wilkerson and Aiken, 2003) over grams of tokens, sorted, without repeats."""
    numbers = [_token_numbers.get(token) or _number(token) for token in blinded]
    # Tuples of ints hash the same in every process of one Python build; the index is keyed by that build.
    grams = [hash(gram) for gram in zip(*(numbers[start:] for start in range(GRAM)), strict=False)]
    if len(grams) >= WINDOW:
        grams = list(map(min, *(grams[start:] for start in range(WINDOW))))
    mask = (1 << FINGERPRINT_BITS) - 1
    return array("Q", sorted({gram & mask for gram in grams}))


def _number(token: str) -> int:
    if len(_token_numbers) > 400_000:  # bounded: a long-lived daemon sees many names
        _token_numbers.clear()
    number = _token_numbers[token] = crc32(token.encode("utf-8", "surrogatepass")) | 1 << 33
    return number
