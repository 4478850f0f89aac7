"""Checks a recording line by line: that each carries the hash of what was written, in the order it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from vcr_core.blobs import BlobStore
from vcr_core.frames import Totals
from vcr_core.runtime_types import type_of
from vcr_core.wire_format import (
    DECODE_ERRORS,
    END_START,
    FRAME_START,
    FormatError,
    decode_line,
    decode_row,
    seal,
    unseal,
)

_BLOB_MARK = b'"$vcr":"blob"'


class Problem(msgspec.Struct):
    """One thing that is wrong.

    Attributes:
        line: Line number from 1.
        kind: ``unsealed``, ``changed``, ``torn``, ``index``, ``unfinished``, ``totals``, ``blob`` or ``format``.
        message: What it means.
    """

    line: int
    kind: str
    message: str


class VerifyReport(msgspec.Struct):
    """What a check found.

    Attributes:
        ok: True if nothing is wrong.
        path: The recording.
        lines: Lines that were read.
        frames: Frames among them.
        problems: What is wrong, in order of lines; the first names where the damage begins.
    """

    ok: bool
    path: str
    lines: int
    frames: int
    problems: list[Problem]


def verify_file(path: Path, *, key: bytes = b"", finished: bool = True) -> VerifyReport:
    """Check a recording.

    Every change, loss, exchange or addition of bytes before the ``end`` line is found, and the first bad line named.

    Args:
        path: The file.
        key: Key of the chain, if it was recorded with one.
        finished: Report a missing ``end`` line; False for a run that is still going on.
    """
    check = _Check(path, key)
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            check.line(number, line)
    check.finish(finished=finished)
    return VerifyReport(not check.problems, str(path), check.lines, check.frames, check.problems)


class _Check:
    def __init__(self, path: Path, key: bytes) -> None:
        self._blobs = BlobStore(path.parent)
        self._key = key
        self._previous = ""
        self._ended: Totals | None = None
        self.lines = 0
        self.frames = 0
        self.problems: list[Problem] = []

    def _bad(self, number: int, kind: str, message: str) -> None:
        self.problems.append(Problem(number, kind, message))

    def line(self, number: int, line: bytes) -> None:
        self.lines = number
        self._ended = None
        if not line.endswith(b"\n"):
            self._bad(number, "torn", "the last line is not complete: its writer died or the file was cut")
            return
        opened = unseal(line)
        if opened is None:
            self._bad(number, "unsealed", "the line carries no hash")
            return
        body, found = opened
        sealed, expected = seal(body, self._previous, key=self._key)
        if expected != found or sealed != line:
            self._bad(number, "changed", "the line, or the one before it, is not what was written")
        self._previous = found
        for problem in self._content(line):
            self._bad(number, *problem)

    def _content(self, line: bytes) -> Iterator[tuple[str, str]]:
        if line.startswith(FRAME_START):
            try:
                index = decode_row(line).index
            except FormatError as error:
                yield "format", str(error)
            else:
                if index != self.frames:
                    yield "index", f"the line holds frame {index}, and frame {self.frames} is expected here"
            self.frames += 1
            if _BLOB_MARK in line:
                yield from self._missing_blobs(line)
        elif line.startswith(END_START):
            yield from self._end(line)

    def _end(self, line: bytes) -> Iterator[tuple[str, str]]:
        try:
            self._ended = msgspec.json.decode(decode_line(line).data, type=Totals)
        except (FormatError, *DECODE_ERRORS) as error:
            yield "format", str(error)
            return
        if self._ended.frames != self.frames:
            yield "totals", f"the end line counts {self._ended.frames} frames, and there are {self.frames}"

    def _missing_blobs(self, line: bytes) -> Iterator[tuple[str, str]]:
        try:
            found = [digest for digest in _blob_hashes(msgspec.json.decode(line)) if self._blobs.get(digest) is None]
        except DECODE_ERRORS as error:
            yield "format", str(error)
            return
        for digest in found:
            yield "blob", f"its blob {digest} is missing or damaged"

    def finish(self, *, finished: bool) -> None:
        if self.lines == 0:
            self._bad(1, "format", "the file is empty")
        elif finished and self._ended is None and not (self.problems and self.problems[-1].kind == "torn"):
            self._bad(self.lines, "unfinished", "there is no end line behind it: the run died, or lines were cut off")


def _blob_hashes(wire: object) -> Iterator[str]:
    stack: list[Any] = [wire]
    while stack:
        value: Any = stack.pop()
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            if fields.get("$vcr") == "blob":
                yield str(fields.get("hash"))
            else:
                stack.extend(fields.values())
        elif type_of(value) is list:
            stack.extend(value)
