"""Draws two recordings side by side, and gives the comparison as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from vcr_core.cli import screen
from vcr_core.compare import SessionComparison, StepPair
from vcr_core.diff import Op
from vcr_core.diff_render import render

_LINES = 10
_STYLES: dict[str, screen.Style] = {"changed": "warn", "only_a": "bad", "only_b": "good"}


def comparison_json(comparison: SessionComparison) -> dict[str, Any]:
    """Return a comparison as JSON-able data; see `vcr diff --help`."""
    pairs = [
        {
            "status": pair.status,
            "name": pair.name,
            "a": pair.a,
            "b": pair.b,
            "input": [operation.as_dict() for operation in pair.input],
            "output": [operation.as_dict() for operation in pair.output],
        }
        for pair in comparison.pairs
    ]
    totals = {side: msgspec.to_builtins(getattr(comparison, f"totals_{side}")) for side in ("a", "b")}
    return {"a": comparison.a, "b": comparison.b, "same": comparison.same, "totals": totals, "pairs": pairs}


def draw_comparison(comparison: SessionComparison) -> Iterator[str]:
    """Yield lines: the totals side by side, then the steps that say something new; the others by their number."""
    rows: list[list[str]] = []
    for name, totals in ((comparison.a, comparison.totals_a), (comparison.b, comparison.totals_b)):
        rows.append(
            [
                screen.Cell(name, "bold"),
                screen.count(totals.frames),
                screen.Cell(totals.errors or "", "bad"),
                screen.duration(totals.latency_ms),
                screen.count(totals.tokens or None),
                screen.money(totals.cost_usd),
            ]
        )
    yield screen.table(["session", ">frames", ">errors", ">time", ">tokens", ">cost"], rows)
    if comparison.same:
        yield "every step is the same in both\n"
        return
    told: set[bytes] = set()
    news = [(pair, _News.of(pair, told)) for pair in comparison.pairs]
    for telling, group in groupby(news, lambda each: each[1].kind == "told"):
        if telling:
            for pair, new in group:
                yield from _pair(pair, new, comparison)
        else:
            yield _quiet([pair for pair, _ in group])


class _News(NamedTuple):
    """What a pair of steps says that no pair before it said: a difference in the state is carried on from step to step.

    ``kind`` is ``same``, ``carried`` (all of it was told before) or ``told``.
    """

    kind: str
    input: list[Op]
    output: list[Op]

    @classmethod
    def of(cls, pair: StepPair, told: set[bytes]) -> _News:
        """Return what is new in a pair, and add it to what is told."""
        if pair.status == "same":
            return cls("same", [], [])
        new = [[op for op in ops if _fingerprint(op) not in told] for ops in (pair.input, pair.output)]
        known = {_fingerprint(op) for op in pair.input}
        new[1] = [op for op in new[1] if _fingerprint(op) not in known]
        told.update(_fingerprint(op) for op in (*pair.input, *pair.output))
        carried = pair.status == "changed" and (pair.input or pair.output) and not (new[0] or new[1])
        return cls("carried" if carried else "told", new[0], new[1])


def _fingerprint(op: Op) -> bytes:
    return msgspec.json.encode([op.op, op.path, op.old, op.new])


def _quiet(pairs: list[StepPair]) -> str:
    first, last = pairs[0], pairs[-1]
    where = f"frame {first.a}" if first is last else f"frames {first.a} to {last.a}"
    steps = screen.counted(len(pairs), "step")
    same = all(pair.status == "same" for pair in pairs)
    text = f"= {steps} the same ({where})" if same else f"~ {steps} with nothing new ({where})"
    return screen.paint(f"{text}\n", "dim", color=screen.use_color())


def _pair(pair: StepPair, new: _News, comparison: SessionComparison) -> Iterator[str]:
    color, name = screen.use_color(), screen.safe(pair.name)
    if pair.status == "changed":
        where = f"frame {pair.a}" if pair.a == pair.b else f"frames {pair.a} and {pair.b}"
        yield screen.paint(f"~ {where}  {name}\n", _STYLES["changed"], color=color)
        for part, ops in (("input", new.input), ("output", new.output)):
            lines = render(ops, color=color, width=screen.screen_width() - 4).splitlines()
            if lines:
                yield f"    {part}:\n" + "".join(f"    {line}\n" for line in lines[:_LINES])
            if len(lines) > _LINES:
                yield f"    … {len(lines) - _LINES:,} more lines\n"
        if not pair.input and not pair.output:
            yield "    it ended in another way\n"
        return
    side, index = (comparison.a, pair.a) if pair.status == "only_a" else (comparison.b, pair.b)
    mark = "-" if pair.status == "only_a" else "+"
    yield screen.paint(
        f"{mark} frame {index}  {name}  only in {screen.safe(side)}\n", _STYLES[pair.status], color=color
    )
