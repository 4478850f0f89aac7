"""`# sentinel: allow[VS101] reason` comments: honoured where they give a reason, and always on record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from vcr_sentinel.findings import Finding, Severity

_ALLOW = re.compile(rb"#\s*sentinel:\s*allow\[\s*([A-Za-z0-9, ]+?)\s*\]\s*(.*)")
_MIN_REASON = 4


class Allowed(NamedTuple):
    """A finding that a comment suppressed, with the reason it gives."""

    finding: Finding
    reason: str


class _Comment(NamedTuple):
    line: int
    codes: frozenset[str]
    reason: str


def apply(
    findings: Iterable[Finding], path: str, lines: list[bytes], text: bytes
) -> tuple[list[Finding], list[Allowed]]:
    """Split the findings of one file into those that stand and those that are allowed.

    A comment counts on the finding's line and in the block of comments and decorators right above it.
    """
    findings = list(findings)
    if b"sentinel:" not in text:
        return findings, []
    comments = _comments(lines)
    kept: list[Finding] = []
    allowed: list[Allowed] = []
    reported: set[int] = set()
    for finding in findings:
        comment = _covering(comments, finding, lines) if finding.path == path else None
        if comment is None:
            kept.append(finding)
        elif len(comment.reason) >= _MIN_REASON:
            allowed.append(Allowed(finding, comment.reason))
        else:
            kept.append(finding)
            if comment.line not in reported:
                reported.add(comment.line)
                kept.append(_unreasoned(path, comment))
    return kept, allowed


def _unreasoned(path: str, comment: _Comment) -> Finding:
    codes = ",".join(sorted(comment.codes))
    return Finding(
        "VS002", Severity.WARNING, path, comment.line, "", f"allows {codes} without a reason, so it does not count.",
        f"write why after the bracket: `# sentinel: allow[{codes}] reason`, or remove the comment.", identity=codes,
    )  # fmt: skip


def _comments(lines: list[bytes]) -> dict[int, _Comment]:
    found: dict[int, _Comment] = {}
    for number, line in enumerate(lines, start=1):
        match = _ALLOW.search(line) if b"sentinel:" in line else None
        if match:
            codes = frozenset(code.strip().upper() for code in match.group(1).decode().split(","))
            found[number] = _Comment(number, codes, match.group(2).decode("utf-8", "replace").strip())
    return found


def _covering(comments: dict[int, _Comment], finding: Finding, lines: list[bytes]) -> _Comment | None:
    number = finding.line
    while number >= 1:
        comment = comments.get(number)
        if comment is not None and finding.code in comment.codes:
            return comment
        number -= 1
        above = lines[number - 1].strip() if number >= 1 else b""
        if not above.startswith((b"#", b"@")):
            return None
    return None
