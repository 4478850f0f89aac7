"""VS401, VS402, VS404 and VS405: what stands in the changed lines themselves."""

from __future__ import annotations

import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from vcr_sentinel.change import Change
from vcr_sentinel.facts import METHOD, NOT_IMPLEMENTED, STUB, Chunk, FunctionFacts
from vcr_sentinel.findings import Finding, Severity

# Formats that providers document for their keys. A variable's name alone is never enough.
_SECRETS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("AWS access key", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("GitHub token", re.compile(rb"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})\b")),
    ("GitLab token", re.compile(rb"\bglpat-[0-9A-Za-z_-]{20,}\b")),
    ("Anthropic key", re.compile(rb"\bsk-ant-[a-z0-9]{4,8}-[0-9A-Za-z_-]{40,}")),
    ("OpenAI key", re.compile(rb"\bsk-(?:proj-|svcacct-|[0-9A-Za-z]{20}T3BlbkFJ)[0-9A-Za-z_-]{20,}")),
    ("Google API key", re.compile(rb"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("Slack token", re.compile(rb"\bxox[abprs]-[0-9]{8,}-[0-9A-Za-z-]{20,}")),
    ("Stripe live key", re.compile(rb"\b[sr]k_live_[0-9A-Za-z]{24,}\b")),
    ("npm token", re.compile(rb"\bnpm_[0-9A-Za-z]{36}\b")),
    ("PyPI token", re.compile(rb"\bpypi-AgEIcHlwaS5vcmc[0-9A-Za-z_-]{50,}")),
    ("Hugging Face token", re.compile(rb"\bhf_[A-Za-z]{34}\b")),
    ("SendGrid key", re.compile(rb"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}\b")),
    ("private key", re.compile(rb"-----BEGIN (?:[A-Z]{2,7} )?PRIVATE KEY(?: BLOCK)?-----\s*\S*[A-Za-z0-9+/=]{16}")),
)  # fmt: skip
# A plain search for these is ten times faster than one pattern for all.
_SECRET_HINTS = (
    b"AKIA", b"ASIA", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"sk-", b"AIza", b"xox",
    b"k_live_", b"npm_", b"pypi-Ag", b"hf_", b"SG.", b"BEGIN ",
)  # fmt: skip
_EXAMPLE = re.compile(rb"(?i)example|dummy|fake|placeholder|x{8}|0{8}|12345678|test_?key|redacted")
# What models write where they leave code out: `# ... rest of the code ...`, `# existing methods unchanged`.
_PLACEHOLDER = re.compile(
    rb"#\s*(?:\.{3}|\xe2\x80\xa6)\s*\(?\s*(?:the\s+)?"
    rb"(?:rest|remaining|remainder|existing|previous|other|same|unchanged|keep)\b.*"
    rb"|#\s*\(?\s*(?:the\s+)?(?:rest|remainder)\s+of\s+(?:the\s+)?"
    rb"(?:code|file|class|function|method|implementation|module)\b"
    rb".{0,30}(?:unchanged|same|here|as before|remains|stays|omitted).*"
    rb"|#\s*\(?\s*(?:existing|previous)\s+(?:code|implementation|methods?|imports?)\s+"
    rb"(?:here|unchanged|stays?|remains?)\b.*",
    re.IGNORECASE,
)


def check(change: Change) -> Iterator[Finding]:
    """All rules of this module."""
    yield from _stubs(change)
    yield from _swallowed(change)
    document = change.document
    spans = [(piece.first, piece.first - 1 + piece.chunk.lines) for piece in change.pieces] + document.loose
    written = [(first, document.lines[first - 1 : last]) for first, last in sorted(spans)]
    if suspicious(b"".join([line for _, lines in written for line in lines])):
        old: set[bytes] = set(change.old_text.splitlines()) if change.old_text else set()
        for first, lines in written:
            yield from scan_lines(change.path, lines, first, old, test=change.file.test)


def suspicious(text: bytes) -> bool:
    """Whether a text may hold a secret or a placeholder at all: one pass instead of one a line."""
    return bool(_hints_in(text)) or (b"#" in text and _PLACEHOLDER.search(text) is not None)


def _hints_in(text: bytes) -> list[bytes]:
    return [hint for hint in _SECRET_HINTS if hint in text]


def _stubs(change: Change) -> Iterator[Finding]:
    for placed in change.after:
        facts = placed.facts
        if not facts.flags & STUB or _abstract(facts):
            continue
        old = change.before.get(facts.qualname)
        if old and all(not item.flags & STUB and item.statements >= 2 for item in old):
            severity = Severity.WARNING if facts.flags & METHOD else Severity.CRITICAL
            yield Finding(
                "VS401", severity, change.path, placed.line, facts.qualname,
                f"{facts.qualname}() had a body of {old[0].statements} statements and is now a stub.",
                "restore the body, or delete the function and its callers. Do not leave an empty shell.",
            )  # fmt: skip
        elif not old and facts.flags & NOT_IMPLEMENTED and "." not in facts.qualname and not change.file.test:
            yield Finding(
                "VS401", Severity.WARNING, change.path, placed.line, facts.qualname,
                f"{facts.qualname}() is new and only raises NotImplementedError.",
                "write its body, or leave it out until it is needed.",
            )  # fmt: skip


def _abstract(facts: FunctionFacts) -> bool:
    last = {name.rpartition(".")[2] for name in facts.decorators}
    return bool(last & {"overload", "abstractmethod", "abstractproperty", "setter"})


class _Handler(NamedTuple):
    """A handler that swallows, by what stays the same when lines move."""

    symbol: str
    caught: str
    guarded: int


def _swallowed(change: Change) -> Iterator[Finding]:
    """The handlers that this write added; one whose function or `try` was merely edited is not counted as such."""
    old = [handler for chunk in change.replaced for _, handler in _handlers(chunk, 0)]
    new = [item for first, chunk in change.pieces for item in _handlers(chunk, first)]
    added = len(new) - len(old)
    if added <= 0 or change.file.test:
        return
    known = Counter(old)
    unknown: list[tuple[int, _Handler]] = []
    for line, handler in new:
        known[handler] -= 1
        if known[handler] < 0:
            unknown.append((line, handler))
    for line, handler in unknown[-added:]:
        yield Finding(
            "VS402", Severity.WARNING, change.path, line, handler.symbol,
            f"catches {handler.caught} and does nothing with it.",
            "catch the one exception you expect, or log and re-raise. Do not hide the failure.",
            identity=f"{handler.caught}/{handler.guarded:x}",
        )  # fmt: skip


def _handlers(chunk: Chunk, first: int) -> Iterator[tuple[int, _Handler]]:
    for item in chunk.detail.swallowed if chunk.detail is not None else ():
        around = [facts for facts in chunk.core.functions if facts.line <= item.line <= facts.end]
        symbol = max(around, key=lambda facts: facts.line).qualname if around else ""
        yield first + item.line, _Handler(symbol, item.caught, item.guarded)


def scan_lines(path: str, lines: list[bytes], first: int, old: set[bytes], *, test: bool) -> Iterator[Finding]:
    """Secrets and left-over placeholders in lines that are not among `old`.

    Args:
        path: of the file.
        lines: whole statements, or comments between such.
        first: 1-based number of the first of them.
        old: lines of the file before, without their ends.
        test: whether it is a test file, which may hold examples of keys.
    """
    seen: Counter[bytes] = Counter()
    placeholders: set[int] = set()
    hints = _hints_in(b"".join(lines))  # few, so few are looked for in each line
    for number, line in enumerate(lines, start=first):
        bare = line.rstrip(b"\r\n")
        if bare in old:
            continue
        if any(hint in bare for hint in hints) and not (test and _EXAMPLE.search(bare)):
            following = lines[number - first + 1] if number - first + 1 < len(lines) else b""
            # A private key is its header and what follows: programs that look for keys hold the header alone.
            yield from _secret(path, number, bare + b"\n" + following if b"BEGIN" in bare else bare, seen)
        if b"#" in bare and _PLACEHOLDER.search(bare):
            placeholders.add(number)
    for number, comment in _comments(lines, first) if placeholders else ():
        if number in placeholders and (match := _PLACEHOLDER.search(comment.encode())):
            words = match.group().decode("utf-8", "replace")[:60]
            yield Finding(
                "VS405", Severity.CRITICAL, path, number, "", f"holds the placeholder `{words}` in place of code.",
                "write out the code it stands for. Do not leave such a comment in a file.", identity=words,
            )  # fmt: skip


def _comments(lines: list[bytes], first: int) -> Iterator[tuple[int, str]]:
    """Each comment and its line; none where the tokenizer refuses what the parser took, so that nothing is certain."""
    source = iter([line.decode("utf-8") for line in lines])
    try:
        tokens = list(tokenize.generate_tokens(lambda: next(source, "")))
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield first - 1 + token.start[0], token.string


def _secret(path: str, number: int, line: bytes, seen: Counter[bytes]) -> Iterator[Finding]:
    for name, pattern in _SECRETS:
        match = pattern.search(line)
        if match and not _EXAMPLE.search(match.group()) and not seen[match.group()]:
            seen[match.group()] += 1
            yield Finding(
                "VS404", Severity.CRITICAL, path, number, "", f"holds what looks like a {name}.",
                "read it from the environment, and revoke the key. Do not split or encode it.",
                # A hash tells this key from the next one, and is none.
                identity=f"{name}/{blake2b(match.group(), digest_size=8).hexdigest()}",
            )  # fmt: skip
