"""A quick and complete test of whether encoded bytes can hold a secret: False is certain, True only a suspicion.

It runs on every recorded line, so it is built from a few searches at C speed. Each is a superset of what `detector`
does with the same text; where text is escaped or percent-encoded it is decoded crudely and tested again. Complete
holds for text and for its compact JSON encoding in UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from vcr_core.redaction import assignments, names, patterns
from vcr_core.redaction.encodings import EncodedText
from vcr_core.redaction.environment import SecretValue

MAX_DEPTH = 12
_TOKEN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-%.~"
TOKEN_CLASS = bytes(97 if code in _TOKEN_CHARACTERS else 32 for code in range(256))
"""A `bytes.translate` table: token characters become `a`, all others a space."""

MIN_RUN = 15
_MIN_GROUPS = 3
_LONG_RUN = 192
_GAP = rb"(?:\s|\\+[nrt])*"
_VALUE = re.compile(
    rb"(?![0-9a-f]{12}\])[=>]?" + _GAP + rb"(?:[bBrRuUfF]{0,2}\\*[\"'`](?!\\*[\"'`](?:[\s,}\]:]|\Z)|\[REDACTED:)"
    rb"|(?!\[REDACTED:|(?:[Nn]ull|[Tt]rue|[Ff]alse|None|-?[0-9.]+)[,}\]\s])[^\s,}\]=])"
)
_BACKWARD = re.compile(assignments.BACKWARD.encode())
_USERINFO = re.compile(rb"://[^\s/\"'<>]*\Z")
_MAX_USERINFO = 768
# Lower case, `=` as `:`; and what may stand between a name and its separator is deleted, so that names end at a `:`.
_FOLD = bytes(58 if code == 61 else code + 32 if 65 <= code <= 90 else code for code in range(256))
_CLOSERS = b"\"'`\\] \t"
_FOLDED_NAME = re.compile(names.folded_endings().encode())
# Without one of these (numbers, so that each is one memchr), or `:`, a text has no name with a value, no URL with a
# password, no armour and nothing encoded in it.
_EQUALS, _AT, _PERCENT_SIGN, _BACKSLASH, _DASH = b"=@%\\-"
_MAX_CLEAN = 8192
_MAX_CLEAN_SIZE = 96
_ESCAPED_CHARACTER = re.compile(rb"\\+(?:u00([2-7][0-9a-fA-F])|/)")
_ESCAPED_ONE = re.compile(rb"\\(?:u00[2-7][0-9a-fA-F]|/)")
_ESCAPED_BEFORE = re.compile(rb"\\u[0-9a-fA-F]{4}")
_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_LINE_BREAKS = re.compile(rb"(?<=[A-Za-z0-9+/]{40})(?:\\+[nrt]|\s)+")
_BREAKS = (b"\\", b" ", b"\t", b"\r", b"\n")
_ALNUM = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_NAMED_SCHEMES = (b"bearer ", b"basic ")


def run_limits(values: Sequence[SecretValue]) -> tuple[int, int]:
    """Return (shortest run of token characters that is looked into, base64 groups that make it readable)."""
    shortest = min((len(value.printable) for value in values if value.searchable), default=1 << 20)
    return min(MIN_RUN, -(-shortest * 8 // 6)), min(_MIN_GROUPS, (shortest - 2) // 3)


class Prefilter:
    """The test, for one set of environment values (all of them `searchable`)."""

    def __init__(self, values: Sequence[SecretValue]) -> None:
        self._min_run, groups = run_limits(values)
        self._run = b"a" * self._min_run
        self._encoded = EncodedText(groups=groups)
        self._probe = patterns.compile_probe()
        self._probe_in_base64 = patterns.compile_probe(in_base64=True)
        self._led_prefixes = patterns.led_prefixes()
        cores = dict.fromkeys(value.core.encode() for value in values)
        in_runs = {core for core in cores if core.translate(TOKEN_CLASS).find(self._run) >= 0}
        self._needles = (b"assword is", *(c for c in cores if c not in in_runs))
        self._needles_with_runs = tuple(in_runs)
        self._clean: set[bytes] = set()

    def may_contain(self, data: bytes, names: int = 0, *, depth: int = 0) -> bool:
        """Tell whether `data` may hold a secret; `names` of its colons are known to stand behind harmless names."""
        for needle in self._needles:
            if data.find(needle) >= 0:  # `in` asks first whether the needle is a number, by an exception
                return True
        classes = data.translate(TOKEN_CLASS)
        run = classes.find(self._run)
        if run >= 0 and self._runs_may_contain(data, classes, run, depth):
            return True
        return (
            ((data.count(b":") > names or _EQUALS in data) and _is_assigned(data))
            or (_DASH in data and b"-----" in data and patterns.PRIVATE_KEY_ANCHOR in data)
            or (_AT in data and _has_userinfo(data))
            or ((_PERCENT_SIGN in data or _BACKSLASH in data) and self._decoded_may_contain(data, depth))
        )

    def _decoded_may_contain(self, data: bytes, depth: int) -> bool:
        percent = _PERCENT.search(data)
        escaped = _ESCAPED_ONE.search(data)
        if not percent and not escaped:
            return False
        if depth >= MAX_DEPTH:
            return True
        if percent and self.may_contain(unquote_to_bytes(data), depth=depth + 1):
            return True
        return bool(escaped) and self.may_contain(_ESCAPED_CHARACTER.sub(_decode_escape, data), depth=depth + 1)

    def _runs_may_contain(self, data: bytes, classes: bytes, start: int, depth: int) -> bool:
        """Tell whether a long run of token characters may hold a secret; the first of them begins at `start`."""
        if any(needle in data for needle in self._needles_with_runs):
            return True
        wrapped = False
        clean = self._clean
        while start >= 0:
            end = classes.find(b" ", start + self._min_run)
            if end < 0:
                end = len(data)
            run = data[start - 1 if start else 0 : end]  # with the character before it, on which the edge depends
            if run not in clean and self._run_may_contain(run, data, start, end, depth):
                return True
            if run[0] == 32 and data[max(0, start - 7) : start].lower().endswith(_NAMED_SCHEMES):
                return True
            if end - start >= 40 and data[end : end + 1] in _BREAKS:
                wrapped = True
            start = classes.find(self._run, end)
        return wrapped and self._joined_may_contain(data, depth)

    def _joined_may_contain(self, data: bytes, depth: int) -> bool:
        """Test again with the line ends taken out of wrapped base64."""
        if depth >= MAX_DEPTH:
            return True
        joined = _LINE_BREAKS.sub(b"", data)
        return len(joined) < len(data) and self.may_contain(joined, depth=depth + 1)

    def _run_may_contain(self, run: bytes, data: bytes, start: int, end: int, depth: int) -> bool:
        """Tell whether a run of token characters may hold a secret, and remember a short one that cannot.

        The answer depends on `run` only: on `data[start:end]` and the character before it.
        """
        if self._has_shape(self._probe_for(data, start, end), data, start, end):
            return True
        for readable in self._encoded.readable_runs(data, start, end):
            if depth >= MAX_DEPTH or self.may_contain(readable.decoded, depth=depth + 1):
                return True
        if len(run) <= _MAX_CLEAN_SIZE:
            if len(self._clean) >= _MAX_CLEAN:
                self._clean.clear()
            self._clean.add(run)
        return False

    def _probe_for(self, data: bytes, start: int, end: int) -> re.Pattern[bytes]:
        if end - start < _LONG_RUN:
            return self._probe
        run = data[start:end]
        plain = b"-" not in run and b"_" not in run and b"." not in run and b"~" not in run
        return self._probe_in_base64 if plain else self._probe

    def _has_shape(self, probe: re.Pattern[bytes], data: bytes, start: int, end: int) -> bool:
        found = probe.search(data, start, end)
        while found is not None:
            at = found.start()
            if _has_left_edge(data, at) or found[0].startswith(self._led_prefixes):
                return True
            found = probe.search(data, at + 1, end)
        return False


def _is_assigned(data: bytes) -> bool:
    """Tell whether something stands behind a secret name."""
    if not _FOLDED_NAME.search(data.translate(_FOLD, _CLOSERS)):
        return False
    return any(_VALUE.match(data, len(data) - found.start()) for found in _BACKWARD.finditer(data[::-1]))


def _has_userinfo(data: bytes) -> bool:
    last = 0
    at = data.find(b"@")
    while at >= 0:
        if _USERINFO.search(data[max(last, at - _MAX_USERINFO) : at]):
            return True
        last = at + 1
        at = data.find(b"@", last)
    return False


def _has_left_edge(data: bytes, at: int) -> bool:
    """Tell whether a secret can begin here: after no letter or digit, or after a JSON escape, which may be none."""
    if at == 0 or data[at - 1] not in _ALNUM:
        return True
    if at > 1 and data[at - 2] == 92 and data[at - 1] in b"nrtbf":
        return True
    return _ESCAPED_BEFORE.match(data, max(0, at - 6), at) is not None


def _decode_escape(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)]) if found[1] else b"/"
