"""Finds secrets in one text: where they are, not what stands in their place.

A text is searched as it is and as it reads with one more level of JSON escapes or percent encoding removed, down to a
fixed depth; base64 and hexadecimal are searched for readable stretches, and the whole encoded run counts as the secret.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vcr_core.redaction import patterns
from vcr_core.redaction.assignments import find_assignments
from vcr_core.redaction.encodings import EncodedText, View, unescape_json, unquote_percent
from vcr_core.redaction.environment import SecretValue
from vcr_core.redaction.placeholders import PLACEHOLDER
from vcr_core.redaction.prefilter import TOKEN_CLASS, run_limits

MAX_DEPTH = 5
MIN_TEXT = 8
_USERINFO = re.compile(r"://[^\s:/@\"'<>]{0,256}:([^\s/\"'<>]{1,512})@(?=[^\s/@\"'<>])")
_SCHEME = re.compile(r"(?<![A-Za-z0-9])(?:([Bb]earer|BEARER)|[Bb]asic|BASIC) ([A-Za-z0-9._~+/%-]{15,}={0,2})")
_WRAPPED = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{40,}[ \t]{0,8}\r?\n[ \t]{0,8})+[A-Za-z0-9+/]+={0,2}")
_BASE64_RIGHT = re.compile(r"[A-Za-z0-9+/_-]*(?:={1,2}|(?:%3[Dd]){1,2})?")
_ENCODED_CHARACTER = re.compile(r"[A-Za-z0-9+/_-]")


class Span(NamedTuple):
    """`text[start:end]` is a secret."""

    start: int
    end: int


class Detector:
    """The search, for one set of environment values, extra patterns and secret names."""

    def __init__(
        self, values: Sequence[SecretValue], *, extra: Iterable[re.Pattern[str]], secret_names: Mapping[str, bool]
    ) -> None:
        self._values = [value.value for value in values]
        self._parts = [value.printable for value in values if value.searchable]
        self._extra = tuple(extra)
        self._names = secret_names
        self._pattern = patterns.compile_text_pattern()
        self._led = patterns.compile_led_patterns()
        self._min_run, groups = run_limits(values)
        self._encoded = EncodedText(groups=groups)

    def find(self, text: str) -> list[Span]:
        """Return the secrets' spans in `text`, sorted, disjoint, none touching a placeholder from within."""
        if len(text) < MIN_TEXT:
            return []
        return _merge(self._search(text, 0), text)

    def _search(self, text: str, depth: int) -> list[Span]:
        spans = self._plain(text)
        if depth >= MAX_DEPTH:
            return spans
        for view in (unescape_json(text), unquote_percent(text)):
            if view is not None:
                spans += self._in_view(view, depth)
        spans += self._hidden(text, depth)
        return spans

    def _plain(self, text: str) -> list[Span]:
        spans = [Span(*found.span()) for found in self._pattern.finditer(text)]
        for anchor, pattern in self._led:
            if anchor in text:
                spans += [Span(*found.span()) for found in pattern.finditer(text)]
        if "PRIVATE KEY" in text:
            spans += [Span(*span) for span in patterns.find_private_keys(text)]
        if "://" in text:
            spans += [Span(*found.span(1)) for found in _USERINFO.finditer(text)]
        for found in _SCHEME.finditer(text):
            if (found[1] is not None and any(c.isdigit() for c in found[2])) or _is_basic(found[2]):
                spans.append(Span(*found.span(2)))
        for value in self._values:
            spans += _occurrences(text, value)
        for pattern in self._extra:
            spans += [Span(*found.span()) for found in pattern.finditer(text) if found.end() > found.start()]
        spans += [Span(*span) for span in find_assignments(text, self._names)]
        return spans

    def _in_view(self, view: View, depth: int) -> list[Span]:
        return [Span(*view.source_span(start, end)) for start, end in self._search(view.text, depth + 1)]

    def _hidden(self, text: str, depth: int) -> list[Span]:
        spans: list[Span] = []
        data = text.encode("latin-1", "replace")  # one byte a character: offsets stay
        classes = data.translate(TOKEN_CLASS)
        start = classes.find(b"a" * self._min_run)
        while start >= 0:
            end = classes.find(b" ", start)
            end = len(data) if end < 0 else end
            spans += self._hidden_in_run(text, data, start, end, depth)
            start = classes.find(b"a" * self._min_run, end)
        if "\n" in text:
            for block in _WRAPPED.finditer(text):
                joined = re.sub(r"\s+", "", block[0]).encode()
                if self._hidden_in_run(joined.decode(), joined, 0, len(joined), depth):
                    spans.append(Span(*block.span()))
        return spans

    def _hidden_in_run(self, text: str, data: bytes, start: int, end: int, depth: int) -> list[Span]:
        spans: list[Span] = []
        for readable in self._encoded.readable_runs(data, start, end):
            if spans and readable.end <= spans[-1].end:
                continue  # inside a run that is a secret already
            decoded = readable.decoded.decode("latin-1")
            if any(part in decoded for part in self._parts) or _merge(self._search(decoded, depth + 1), decoded):
                spans.append(_encoded_run(text, readable.start))
        return spans


def _encoded_run(text: str, at: int) -> Span:
    start = at
    while start > 0 and _ENCODED_CHARACTER.match(text, start - 1):
        start -= 1
    right = _BASE64_RIGHT.match(text, at)
    return Span(start, right.end() if right else at)


def _is_basic(credentials: str) -> bool:
    """Tell whether this is the base64 of `user:password` (RFC 7617)."""
    try:
        return b":" in binascii.a2b_base64(credentials.rstrip("=") + "==")
    except binascii.Error:
        return False


def _occurrences(text: str, value: str) -> list[Span]:
    spans: list[Span] = []
    at = text.find(value)
    while at >= 0:
        spans.append(Span(at, at + len(value)))
        at = text.find(value, at + len(value))
    return spans


def _merge(spans: list[Span], text: str) -> list[Span]:
    """Return the spans sorted, overlapping ones joined, with the placeholders that stand in `text` cut out of them."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(end, merged[-1].end))
        else:
            merged.append(Span(start, end))
    if not merged or "[REDACTED:" not in text:
        return merged
    kept: list[Span] = []
    placeholders = [found.span() for found in PLACEHOLDER.finditer(text)]
    for start, end in merged:
        at = bisect_right(placeholders, (start, 0)) - 1
        if at >= 0:
            start = max(start, placeholders[at][1])
        for left, right in placeholders[at + 1 : bisect_left(placeholders, (end, 0))]:
            if left > start:
                kept.append(Span(start, left))
            start = right
        if start < end:
            kept.append(Span(start, end))
    return kept
