"""Encoded forms that can hide a secret in text: JSON escapes, percent encoding, base64, hexadecimal.

A `View` is a text decoded by one level that still knows where each of its characters came from. `readable_runs` finds
printable text inside base64 and hexadecimal without trying to decode everything. What counts as a secret is decided
elsewhere.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

# RFC 4648, sections 4 and 5. Of each group of four characters that encodes three printable ASCII bytes (0x20-0x7f,
# so their two top bits are 00 or 01 and bit 5 or 6 is set) the first three are limited to the sets below.
_ANY = "A-Za-z0-9+/_-"
_FIRST = "I-Za-f"  # 8..31
_SECOND = "C-HS-Xi-nyz0-3"  # 2..7 modulo 16
_THIRD = "ABEFIJMNQRUVYZcdghklopstwx014589"  # 0 or 1 modulo 4
_GROUP = f"[{_FIRST}][{_SECOND}][{_THIRD}][{_ANY}]"
# A stretch that has begun goes on over tabs and line ends (0x09, 0x0a, 0x0d), which widen two of the sets.
_BASE64_GROUPS = re.compile(f"(?:[{_FIRST}CD][{_SECOND}AQgw][{_THIRD}][{_ANY}])+".encode())
_HEX_PAIRS = re.compile(rb"(?:[2-7][0-9A-Fa-f]|0[9AaDd])+")
_BASE64_CHARACTERS = re.compile(f"[{_ANY}]*".encode())
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")
_MIN_HEX_PAIRS = 8
_LONG_RUN = 192

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_BITS = bytes(
    (re.match(f"[{_FIRST}]", chr(c)) is not None)
    | (re.match(f"[{_SECOND}]", chr(c)) is not None) << 1
    | (re.match(f"[{_THIRD}]", chr(c)) is not None) << 2
    for c in range(256)
)
_HEX_CLASS = bytes(104 if chr(c) in "0123456789abcdefABCDEF" else 32 for c in range(256))


class Readable(NamedTuple):
    """A stretch `start:end` of encoded text and the Latin-1 bytes it decodes to (with up to a group around it)."""

    start: int
    end: int
    decoded: bytes


class EncodedText:
    """Finds printable text hidden in base64 and hexadecimal.

    A stretch is reported when at least `groups` whole base64 groups, or 8 hexadecimal pairs, decode to printable
    ASCII. Text of n printable bytes fills at least (n - 2) // 3 whole groups at any alignment.
    """

    def __init__(self, *, groups: int) -> None:
        self._groups = groups
        self._flat = re.compile((_GROUP * groups).encode())
        self._flat_hex = re.compile(b"[2-7][0-9A-Fa-f]" * _MIN_HEX_PAIRS)

    def readable_runs(self, data: bytes, start: int, end: int) -> Iterator[Readable]:
        """Yield the readable stretches of `data[start:end]`, in time linear in its length."""
        if end - start < _LONG_RUN:
            hits: Iterator[int] = self._search(self._flat, data, start, end)
            yield from _stretches(data, start, end, hits, _BASE64_GROUPS, 4, _decode_base64)
            yield from self._hexadecimal(data, start, end)
        else:
            hits = iter(self._long_hits(data, start, end))
            yield from _stretches(data, start, end, hits, _BASE64_GROUPS, 4, _decode_base64)
            if b"h" * 2 * _MIN_HEX_PAIRS in data[start:end].translate(_HEX_CLASS):
                yield from self._hexadecimal(data, start, end)

    def _hexadecimal(self, data: bytes, start: int, end: int) -> Iterator[Readable]:
        hits = self._search(self._flat_hex, data, start, end)
        return _stretches(data, start, end, hits, _HEX_PAIRS, 2, _decode_hex)

    @staticmethod
    def _search(pattern: re.Pattern[bytes], data: bytes, start: int, end: int) -> Iterator[int]:
        found = pattern.search(data, start, end)
        while found is not None:
            yield found.start()
            found = pattern.search(data, found.start() + 1, end)

    def _long_hits(self, data: bytes, start: int, end: int) -> list[int]:
        """Return where enough readable groups begin, by bitwise AND over whole columns (a scan by `re` costs 4x)."""
        bits = data[start:end].translate(_BITS)
        columns = [bits[i::4] for i in range(4)]
        size = len(columns[0])
        numbers = [int.from_bytes(column.ljust(size + 1, b"\0"), "little") for column in columns]
        numbers += [number >> 8 for number in numbers]  # the same columns, one group later
        ones = int.from_bytes(b"\1" * (size + 1), "little")
        needle = b"\1" * self._groups
        hits: list[int] = []
        for i in range(4):
            both = numbers[i] & (numbers[i + 1] >> 1) & (numbers[i + 2] >> 2) & ones
            flags = both.to_bytes(size + 1, "little")
            at = flags.find(needle)
            while at >= 0:
                hits.append(start + 4 * at + i)
                stop = flags.find(b"\0", at)
                at = flags.find(needle, stop) if stop >= 0 else -1
        return sorted(hits)


def _stretches(
    data: bytes,
    start: int,
    end: int,
    hits: Iterator[int],
    groups: re.Pattern[bytes],
    unit: int,
    decode: Callable[[bytes, int, int, int, int], bytes],
) -> Iterator[Readable]:
    done = [0] * unit  # by alignment: how far stretches have been reported
    for hit in hits:
        if hit < done[hit % unit]:
            continue
        found = groups.match(data, hit, end)
        stop = hit if found is None else found.end()
        done[hit % unit] = stop
        yield Readable(hit, stop, decode(data, hit, stop, start, end))


def _decode_base64(data: bytes, hit: int, stop: int, start: int, end: int) -> bytes:
    tail = _BASE64_CHARACTERS.match(data, stop, min(stop + 4, end))
    stop = tail.end() if tail else stop
    whole = _BASE64_CHARACTERS.match(data, hit - 4, hit) if hit - 4 >= start else None
    left = hit - 4 if whole is not None and whole.end() == hit else hit
    run = data[left:stop].translate(_TO_STANDARD)
    rest = len(run) % 4
    if rest == 1:
        run = run[:-1]
    elif rest:
        run += b"=" * (4 - rest)
    return binascii.a2b_base64(run)


def _decode_hex(data: bytes, hit: int, stop: int, start: int, end: int) -> bytes:
    left = hit - 2 if hit - 2 >= start and _HEX_PAIR.match(data, hit - 2) else hit
    right = stop + 2 if stop + 2 <= end and _HEX_PAIR.match(data, stop) else stop
    return binascii.unhexlify(data[left:right])


class View(NamedTuple):
    """A decoded text and, for each change of pace, the offsets here and in the text it was decoded from."""

    text: str
    here: list[int]
    there: list[int]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span in the undecoded text that `start:end` of this view stands for (whole escapes)."""
        return self._offset_before(start), self._offset_before(end - 1, after=True)

    def _offset_before(self, offset: int, *, after: bool = False) -> int:
        at = bisect_right(self.here, offset) - 1
        base = self.there[at] + offset - self.here[at]
        if not after:
            return base
        following = at + 1
        if following < len(self.here) and self.here[following] == offset + 1:
            return self.there[following]
        return base + 1


_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_JSON_CHARACTERS = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")


def unescape_json(text: str) -> View | None:
    """Return `text` with one level of JSON escapes decoded, or None when it has none."""
    if "\\" not in text:
        return None

    def decode(found: re.Match[str]) -> list[tuple[str, int]]:
        code = found[1]
        return [(chr(int(code, 16)) if code else _JSON_CHARACTERS[found[2]], len(found[0]))]

    return _decode_view(text, _JSON_ESCAPE, decode)


def unquote_percent(text: str) -> View | None:
    """Return `text` with one level of percent encoding decoded (UTF-8, else Latin-1), or None when it has none."""
    if "%" not in text:
        return None

    def decode(found: re.Match[str]) -> list[tuple[str, int]]:
        data = bytes.fromhex(found[0].replace("%", ""))
        try:
            return [(c, 3 * len(c.encode())) for c in data.decode()]
        except UnicodeDecodeError:
            return [(c, 3) for c in data.decode("latin-1")]

    return _decode_view(text, _PERCENT, decode)


def _decode_view(
    text: str, escapes: re.Pattern[str], decode: Callable[[re.Match[str]], list[tuple[str, int]]]
) -> View | None:
    pieces: list[str] = []
    here, there = [0], [0]
    offset = last = 0
    for found in escapes.finditer(text):
        pieces.append(text[last : found.start()])
        offset += found.start() - last
        source = found.start()
        for character, width in decode(found):
            here.append(offset)
            there.append(source)
            pieces.append(character)
            offset += 1
            source += width
        here.append(offset)
        there.append(source)
        last = found.end()
    if last == 0:
        return None
    pieces.append(text[last:])
    return View("".join(pieces), here, there)
