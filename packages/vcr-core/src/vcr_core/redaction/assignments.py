"""Secrets in text that are known by the name before them: `KEY=value`, `"password": "…"`, headers, query strings.

Which names count is the business of `names`; this module finds the value and judges whether it can be one, since
prose, code and tool descriptions speak of passwords and tokens all the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from vcr_core.redaction import names

# Read from the end of the text: `=` or `:`, then the end of a name, perhaps quoted, perhaps a subscript.
BACKWARD = r"""[:=]:?[ \t]{0,4}\]?(?:["'`]\\{0,255})?""" + names.backward_endings()

_BACKWARD = re.compile(BACKWARD)
_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
_MAX_NAME = 100
_MAX_VALUE = 4096

_OPENING = re.compile(r"""[=>]?[ \t]{0,8}(?:[bBrRuUfF]{0,2}(\\{0,255}["'`]))?""")
_DIGEST = re.compile(r"[0-9a-f]{12}\]")  # of a placeholder whose kind looks like a name
_PLAIN = re.compile(r"""[^\s"'`,;&<>(){}\[\]\\|]+""")
_REST_OF_LINE = re.compile(r"""[^\r\n"\\]*""")
_WHOLE_LINE = re.compile(r"[^\r\n]*")
_LINE_START = re.compile(r"[ \t]*(?:(?:export|set|ENV|-e|--env)[ \t]+)?")
_QUOTED = {
    '"': re.compile(r'(?:[^"\\\n]|\\.)*'),
    "'": re.compile(r"(?:[^'\\\n]|\\.)*"),
    "`": re.compile(r"[^`\n]*"),
}
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Api-Key|Digest|Negotiate|AWS4-HMAC-SHA256)[ \t]+", re.IGNORECASE)
_IS = re.compile(r"assword is[ \t:]{1,4}")

_ORDINARY = frozenset(
    [
        "string",
        "str",
        "text",
        "null",
        "none",
        "true",
        "false",
        "undefined",
        "required",
        "optional",
        "any",
        "object",
        "number",
        "integer",
        "boolean",
        "unknown",
        "empty",
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "key",
        "value",
        "example",
        "changeme",
        "redacted",
        "hidden",
        "masked",
        "username",
        "user",
        "default",
        "bearer",
        "basic",
        "oauth",
        "oauth2",
        "auth",
        "header",
        "cookie",
        "env",
        "environment",
        "missing",
        "invalid",
        "expired",
        "incorrect",
        "wrong",
        "valid",
        "set",
        "unset",
        "yes",
        "no",
    ]
)
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]+")
_NOT_A_VALUE = re.compile(r"\$[({A-Za-z_]|<|\{|%[({sd]|\*{3}|\.{3}|x{4}|X{4}|\[REDACTED:|[=~]|https?://")
_PATH = re.compile(r"(?:\.{0,2}/[\w.@-]+){2,}/?|[A-Za-z]:\\.*")
_BASE64_SECRET = re.compile(r"[A-Za-z0-9+/=]{32,}")


class _Assignment(NamedTuple):
    name: str
    start: int  # where the name begins
    after: int  # where `=` or `:` ends
    separator: str

    @property
    def of_password(self) -> bool:
        lower = self.name.lower()
        return "pass" in lower or "pwd" in lower


def find_assignments(text: str, secret_names: Mapping[str, bool]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the values that stand behind a secret name, in time linear in the text."""
    size = len(text)
    done = 0
    for backward_start, backward_end in reversed([found.span() for found in _BACKWARD.finditer(text[::-1])]):
        start = size - backward_end
        after = size - backward_start
        if after < done:
            continue  # inside the last value
        edge = max(0, start - _MAX_NAME)
        while start > edge and text[start - 1] in _NAME_CHARACTERS:
            start -= 1
        name = text[start : after - 1].rstrip(":= \t]\"'`\\")
        if not secret_names[name] or (name.lower().endswith("sig") and text[after - 1] == ":"):
            continue
        span = _find_value(text, _Assignment(name, start, after, text[after - 1]))
        if span is not None:
            done = span[1]
            yield span
    for said in _IS.finditer(text):
        span = _find_value(text, _Assignment("password", said.start(), said.end(), " "))
        if span is not None and not text[span[0] : span[1]].isalpha():
            yield span


def _find_value(text: str, assignment: _Assignment) -> tuple[int, int] | None:
    opening = _OPENING.match(text, assignment.after)
    if opening is None or _DIGEST.match(text, assignment.after):
        return None
    start, quote = opening.end(), opening[1]
    name = assignment.name.lower()
    if "cookie" in name:
        end = _end(_REST_OF_LINE, text, start)
        value = text[start:end]
        looks_right = "=" in value or (
            quote is not None and not any(c.isspace() for c in value) and not value.isalpha()
        )
        return (start, end) if looks_right and end - start >= 8 else None
    lenient = False
    if quote:
        end = _closing_quote(text, start, quote)
    elif _is_whole_line(text, assignment):
        lenient = True
        end = start + len(_strip_comment(text[start : _end(_WHOLE_LINE, text, start)]))
    else:
        lenient = text[assignment.start - 1 : assignment.start] in ("?", "&", ";")
        end = _end(_PLAIN, text, start)
    if "authorization" in name or "bearer" in name:
        scheme = _SCHEME.match(text, start)
        if scheme is not None:
            start = scheme.end()
            end = max(end, _end(_PLAIN, text, start))
    called = not quote and text[end : end + 1] in ("(", "[")
    plausible = _is_plausible(text[start:end], assignment, quoted=bool(quote), lenient=lenient)
    return (start, end) if plausible and not called else None


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start, start + _MAX_VALUE)
    return start if found is None else found.end()


def _closing_quote(text: str, start: int, quote: str) -> int:
    if len(quote) == 1:
        return _end(_QUOTED[quote], text, start)
    end = text.find(quote, start, start + _MAX_VALUE)
    return end if end >= 0 else _end(_PLAIN, text, start)


def _is_whole_line(text: str, assignment: _Assignment) -> bool:
    """Tell whether the assignment is a line of its own, as in `.env` files: then the value runs to its end."""
    if assignment.separator != "=" or text[assignment.after - 2 : assignment.after - 1] in (" ", "\t"):
        return False
    line = text.rfind("\n", max(0, assignment.start - 40), assignment.start) + 1
    if line == 0 and assignment.start > 40:
        return False
    found = _LINE_START.match(text, line)
    in_query = "&" in text[assignment.after : assignment.after + _MAX_NAME]
    return found is not None and found.end() == assignment.start and not in_query


def _strip_comment(value: str) -> str:
    return value.partition(" #")[0].rstrip()


def _is_plausible(value: str, assignment: _Assignment, *, quoted: bool, lenient: bool) -> bool:
    """Tell whether `value` can be a secret rather than prose, code, a type or a stand-in."""
    if len(value) < (4 if assignment.of_password else 8) or len(set(value)) < 2:
        return False
    lower = value.lower()
    if lower in _ORDINARY or lower == assignment.name.lower() or _NOT_A_VALUE.match(value):
        return False
    if any(character.isspace() for character in value):
        return quoted and assignment.of_password and len(value.split()) <= 5
    if value.isdigit():
        return assignment.of_password
    if _PATH.fullmatch(value) and not _BASE64_SECRET.fullmatch(value):
        return False
    if _CODE.fullmatch(value):
        letters_count = lenient or (quoted and not assignment.name.lower().endswith("token"))
        return letters_count and "." not in value
    return True
