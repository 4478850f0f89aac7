"""Fixes, made with libcst: an exact duplicate becomes an import. Every other line stays byte for byte.

The duplicate's lines are cut from the text rather than printed anew; libcst says where they are, where an import may
stand, and checks the result. What a duplicate is belongs to `rules_duplicates`.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from vcr_sentinel.findings import Finding

_ENCODING = re.compile(rb"[ \t\f]*#.*?coding[:=][ \t]*[-\w.]+")  # as PEP 263 has it


class Fixed(NamedTuple):
    """A repaired text, or why it could not be made."""

    text: bytes
    done: list[Finding]
    refused: list[tuple[Finding, str]]


def fix_file(text: bytes, findings: list[Finding], *, module_of: dict[str, str]) -> Fixed:
    """Replace the exact duplicates of one file by imports of their originals.

    Args:
        text: the file as UTF-8.
        findings: of this file; those that are no VS101 of a module-level function are refused.
        module_of: by fingerprint, the dotted module that holds the original; absent where it cannot be imported.
    """
    done: list[Finding] = []
    refused: list[tuple[Finding, str]] = []
    for finding in findings:
        if finding.code != "VS101":
            continue
        new, reason = _fix_one(text, finding, module_of.get(finding.fingerprint, ""))
        if new is None:
            refused.append((finding, reason))
        else:
            text = new
            done.append(finding)
    return Fixed(text, done, refused)


def _fix_one(text: bytes, finding: Finding, module: str) -> tuple[bytes | None, str]:
    import libcst  # noqa: PLC0415  # 300 ms to import: only when something is fixed

    original = finding.related_identity.rpartition("::")[2]
    if "." in finding.symbol or "." in original:
        return None, "a method has no import that could stand for it"
    same_file = finding.related_identity.startswith(f"{finding.path}::")
    if not same_file and not module:
        return None, "the original cannot be imported from here"
    try:
        wrapper = libcst.MetadataWrapper(libcst.parse_module(text))
    except libcst.ParserSyntaxError:
        return None, "libcst cannot read the file"
    span = _span(wrapper, finding.symbol)
    if span is None:
        return None, "there is not exactly one module-level definition of it"
    first, last = span
    lines = text.splitlines(keepends=True)
    newline = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    if same_file:
        replacement = b"" if original == finding.symbol else f"{finding.symbol} = {original}".encode() + newline
        result = lines[: first - 1] + ([replacement] if replacement else []) + lines[last:]
        if replacement and _defined_line(wrapper, original) > first:
            return None, "the original stands below the copy"
    else:
        alias = f" as {finding.symbol}" if finding.symbol != original else ""
        statement = f"from {module} import {original}{alias}".encode() + newline
        at = _import_line(wrapper)
        if not at and (at := _header_lines(lines)):
            statement = newline + statement
        kept = _without(lines, first, last)
        shift = min(at, len(kept)) if at < first else first - 1
        result = [*kept[:shift], statement, *kept[shift:]]
    fixed = b"".join(result)
    try:
        libcst.parse_module(fixed)
        ast.parse(fixed)
    except (libcst.ParserSyntaxError, SyntaxError):
        return None, "the result would not parse"
    return fixed, ""


def _without(lines: list[bytes], first: int, last: int) -> list[bytes]:
    """Drop lines `first` to `last` and the blank lines that parted them from what stood above."""
    start = first - 1
    while start > 0 and not lines[start - 1].strip():
        start -= 1
    following = lines[last:]
    if not any(line.strip() for line in following):
        following = []
    return lines[:start] + following


def _span(wrapper: object, name: str) -> tuple[int, int] | None:
    import libcst  # noqa: PLC0415  # as above
    from libcst.metadata import PositionProvider  # noqa: PLC0415  # as above

    assert isinstance(wrapper, libcst.MetadataWrapper)
    positions = wrapper.resolve(PositionProvider)
    found: list[tuple[int, int]] = []
    for node in wrapper.module.body:
        if isinstance(node, libcst.FunctionDef) and node.name.value == name:
            start = positions[node].start.line
            decorators = [positions[item].start.line for item in node.decorators]
            found.append((min([start, *decorators]), positions[node].end.line))
    return found[0] if len(found) == 1 else None


def _defined_line(wrapper: object, name: str) -> int:
    span = _span(wrapper, name)
    return span[0] if span is not None else 1 << 30


def _header_lines(lines: list[bytes]) -> int:
    """How many lines the file's header takes: the interpreter, the encoding, and comments that a blank line ends."""
    fixed = 1 if lines[0].startswith(b"#!") else 0
    fixed = max([fixed, *(number for number, line in enumerate(lines[:2], 1) if _ENCODING.match(line))])
    end = fixed
    while end < len(lines) and lines[end].startswith(b"#"):
        end += 1
    return end if end == len(lines) or not lines[end].strip() else fixed


def _import_line(wrapper: object) -> int:
    """The line after which an import may stand: of the last import of the leading block, or of the docstring."""
    import libcst  # noqa: PLC0415  # as above
    from libcst.metadata import PositionProvider  # noqa: PLC0415  # as above

    assert isinstance(wrapper, libcst.MetadataWrapper)
    positions = wrapper.resolve(PositionProvider)
    line = 0
    for number, node in enumerate(wrapper.module.body):
        if not isinstance(node, libcst.SimpleStatementLine):
            break
        small = node.body[0]
        docstring = number == 0 and isinstance(small, libcst.Expr)
        if not (docstring or isinstance(small, (libcst.Import, libcst.ImportFrom))):
            break
        line = positions[node].end.line
    return line
