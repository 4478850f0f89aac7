"""VS2xx: functions that this write made too long, too complex, or too wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vcr_sentinel.change import Change, Placed
from vcr_sentinel.config import Limits
from vcr_sentinel.facts import FunctionFacts
from vcr_sentinel.findings import Finding, Severity

_FIXES = {
    "VS201": "split it at its natural seams into functions that each do one thing. Do not just join lines.",
    "VS202": "move a branch or a loop body into a function of its own, or replace the branches by a table.",
    "VS203": "group the values that belong together into one object. Do not hide them in **kwargs.",
}


def measures(facts: FunctionFacts, limits: Limits) -> tuple[tuple[str, int, int, str], ...]:
    """`(code, value, limit, words)` of one function."""
    return (
        ("VS201", facts.lines, limits.lines, "lines"),
        ("VS202", facts.complexity, limits.complexity, "complexity"),
        ("VS203", facts.parameters, limits.parameters, "parameters"),
    )


def over_limit(path: str, placed: Placed, limits: Limits, *, test: bool) -> Iterator[Finding]:
    """What is over a limit now, as if all code were new."""
    crossed = [
        _Crossing(code, value, limit, 0, words)
        for code, value, limit, words in measures(placed.facts, limits)
        if value > limit and not (test and code == "VS203")
    ]
    yield from _told_once(path, placed, crossed, critical=False)


def check(change: Change) -> Iterator[Finding]:
    """Newly crossing a limit is CRITICAL, getting worse beyond it a WARNING, what stood there before is silent."""
    limits = change.config.limits
    for placed in change.after:
        old = change.before.get(placed.facts.qualname)
        if change.is_moved(placed.facts) and old is None:
            continue
        before = [measures(facts, limits) for facts in old or ()]
        crossed: list[_Crossing] = []
        for number, (code, value, limit, words) in enumerate(measures(placed.facts, limits)):
            # Test functions take fixtures as parameters; their number says nothing.
            if value <= limit or (code == "VS203" and change.file.test):
                continue
            worst = max((row[number][1] for row in before), default=0)
            if worst <= limit or (value > worst and _materially(code, value, worst)):
                crossed.append(_Crossing(code, value, limit, worst, words))
        yield from _told_once(change.path, placed, crossed, critical=not change.file.test)


class _Crossing(NamedTuple):
    code: str
    value: int
    limit: int
    before: int
    words: str

    def said(self) -> str:
        if not self.before:
            return f"{self.value} {self.words}"
        return f"{self.value} {self.words}, was {self.before}"


def _materially(code: str, value: int, worst: int) -> bool:
    """A line or two more in a long function is no news; a branch or parameter more is."""
    return code != "VS201" or value - worst >= max(5, worst // 10)


def _told_once(path: str, placed: Placed, crossed: list[_Crossing], *, critical: bool) -> Iterator[Finding]:
    """One finding a function: under the limit that is most exceeded, naming the others too."""
    if not crossed:
        return
    newly = [item for item in crossed if item.before <= item.limit]
    worst = max(newly or crossed, key=lambda item: item.value / item.limit)
    said = "; ".join([f"{worst.said()} (limit {worst.limit})"] + [item.said() for item in crossed if item is not worst])
    severity = Severity.CRITICAL if critical and newly else Severity.WARNING
    name = placed.facts.qualname
    yield Finding(worst.code, severity, path, placed.line, name, f"{name}() has {said}.", _FIXES[worst.code])
