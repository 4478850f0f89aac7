"""Source as bytes in UTF-8 and its syntax tree, safe against any input.

Python's own parser decides; when it refuses, `libcst` is asked as a referee, because an older Python does not know
newer syntax. Which facts are drawn from a tree does not belong here.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import warnings

from vcr_sentinel.errors import SentinelError

_BOM = b"\xef\xbb\xbf"
# Syntax that came after Python 3.10: `except*`, `type X = …`, `def f[T]`, t-strings, `except A, B:`.
_NEWER = re.compile(
    rb"except\s*\*|^\s*type\s+\w+[^=\n]*=|\b(?:def|class)\s+\w+\s*\[|\bt[rR]?[\"']|except\s+[\w.]+\s*,", re.MULTILINE
)
_F_STRING = re.compile(rb"\b(?:[rR]?[fF]|[fF][rR])[\"']")
_REFEREE = "import sys, libcst; libcst.parse_module(sys.stdin.buffer.read())"
_REFEREE_SECONDS = 5


class SourceError(SentinelError):
    """The text is no Python this tool can read.

    Attributes:
        line: 1-based line the parser stopped at.
        reason: the parser's words.
    """

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason
        super().__init__(f"line {line}: {reason}")


class NewerSyntaxError(SourceError):
    """The text is correct Python of a newer version than the one running."""


def to_utf8(source: str | bytes) -> bytes:
    """Normalise source to UTF-8 without a byte order mark; newlines stay as they are.

    Raises:
        SourceError: the bytes do not follow their declared encoding, or hold a NUL.
    """
    if isinstance(source, str):
        try:
            text = source.encode("utf-8")
        except UnicodeEncodeError as exc:
            line = source.count("\n", 0, exc.start) + 1
            raise SourceError(line, "the text holds a lone surrogate, which no encoding can store") from exc
    else:
        text = _recode(source)
    if text.startswith(_BOM):
        text = text[len(_BOM) :]
    if b"\0" in text:
        raise SourceError(text.count(b"\n", 0, text.index(b"\0")) + 1, "the file holds a NUL byte")
    return text


def _recode(raw: bytes) -> bytes:
    head = raw[:512]
    if b"coding" not in head:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as exc:
            line = raw.count(b"\n", 0, exc.start) + 1
            raise SourceError(line, f"byte {raw[exc.start]:#x} is not UTF-8 and no encoding is declared") from exc
        return raw
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding).encode("utf-8")
    except (SyntaxError, UnicodeError, LookupError) as exc:
        raise SourceError(1, f"the declared encoding does not fit: {exc}") from exc


def parse(text: bytes) -> ast.Module:
    """Parse UTF-8 source.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse` does; never a crash of the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, "<source>") if text.isascii() else ast.parse(text.decode("utf-8"), "<source>")


def parse_whole(text: bytes) -> ast.Module:
    """Parse a whole file, asking the referee when Python refuses.

    Raises:
        NewerSyntaxError: correct, but not for the running Python.
        SourceError: wrong for every Python.
    """
    try:
        return parse(text)
    except SyntaxError as exc:
        error = SourceError(exc.lineno or 1, exc.msg or "invalid syntax")
        if _looks_newer(text, error) and _accepted_by_referee(text):
            raise NewerSyntaxError(error.line, error.reason) from exc
        raise error from exc
    except (ValueError, RecursionError, MemoryError, OverflowError) as exc:
        raise SourceError(1, f"Python cannot read it: {str(exc) or type(exc).__name__}") from exc


def _looks_newer(text: bytes, error: SourceError) -> bool:
    """Whether the text holds a construct that a newer Python may accept, so that the referee is worth its time."""
    if _NEWER.search(text):
        return True
    # PEP 701: from 3.12 on an f-string may hold its own quotes, comments and newlines.
    if sys.version_info >= (3, 12):
        return False
    nearby = text.split(b"\n")[max(0, error.line - 3) : error.line + 1]
    return error.reason.startswith("f-string") or any(map(_F_STRING.search, nearby))


def _accepted_by_referee(text: bytes) -> bool:
    """Whether libcst, which follows the newest grammar, reads the text.

    It runs in a process of its own: deep nesting ends it with a segmentation fault, some inputs keep it for minutes.
    """
    command = [sys.executable, "-c", _REFEREE]
    try:
        done = subprocess.run(command, input=text, capture_output=True, timeout=_REFEREE_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.returncode == 0
