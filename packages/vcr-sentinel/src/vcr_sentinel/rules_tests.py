"""VS403: tests that were made weaker instead of the code being mended."""

from __future__ import annotations

from collections.abc import Iterator

from vcr_sentinel.change import Change, Placed
from vcr_sentinel.facts import FunctionFacts
from vcr_sentinel.findings import Finding, Severity

_SKIPS = frozenset({"skip", "skipif", "xfail", "skipIf", "skipUnless", "expectedFailure"})
_FIX = "mend the code that the test checks. Do not weaken, skip or delete the test to make it pass."


def _is_test(facts: FunctionFacts) -> bool:
    return facts.name.startswith("test")


def _skips(facts: FunctionFacts) -> set[str]:
    return {name for name in facts.decorators if name.rpartition(".")[2] in _SKIPS}


def check(change: Change) -> Iterator[Finding]:
    """Tests of this file that lost assertions or are newly skipped."""
    if not change.file.test:
        return
    for placed in change.after:
        old = change.before.get(placed.facts.qualname, [])
        if len(old) == 1 and _is_test(placed.facts):
            yield from _compare(change.path, placed, old[0])


def _compare(path: str, placed: Placed, old: FunctionFacts) -> Iterator[Finding]:
    facts = placed.facts
    name = facts.qualname
    if new_skips := _skips(facts) - _skips(old):
        text = f"{name}() is now marked @{sorted(new_skips)[0]}."
        yield Finding("VS403", Severity.WARNING, path, placed.line, name, text, _FIX, identity="skip")
    elif old.asserts and not facts.asserts:
        text = f"{name}() had {old.asserts} assertions and now has none."
        yield Finding("VS403", Severity.CRITICAL, path, placed.line, name, text, _FIX, identity="none")
    elif facts.asserts < old.asserts and facts.statements <= old.statements:
        text = f"{name}() lost assertions: {old.asserts} before, {facts.asserts} now."
        yield Finding("VS403", Severity.WARNING, path, placed.line, name, text, _FIX, identity="fewer")


def deleted_tests(path: str, gone: list[FunctionFacts], *, file_deleted: bool) -> Iterator[Finding]:
    """Tests that a turn took away."""
    tests = sorted({facts.qualname for facts in gone if _is_test(facts) and facts.asserts})
    if not tests:
        return
    shown = ", ".join(f"{name}()" for name in tests[:3])
    more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
    how = "the file was deleted with" if file_deleted else "this turn deleted"
    yield Finding(
        "VS403", Severity.WARNING, path, 1, "", f"{how} {shown}{more}.",
        "bring the tests back, or say why they no longer apply. Do not delete tests to make a suite pass.",
        identity=",".join(tests),
    )  # fmt: skip
