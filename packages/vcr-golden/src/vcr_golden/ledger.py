"""What a run of a golden recording was served, what it spent, and so what it saved.

Costs are decimals of what the recordings say.  A model call without a price makes the sum unknown: it is then only
known from below, and nothing is said of a share that was saved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from vcr_core import FrameRow


@dataclasses.dataclass(frozen=True)
class Usage:
    """What some steps used.

    Attributes:
        steps: Their number.
        known_cost_usd: Sum of the costs that are known, US dollars.
        unpriced: Model calls whose cost is not known.
        tokens: Sum of the known tokens.
        uncounted: Model calls whose tokens are not known.
        latency_ms: Time of the steps that are not inside another one, milliseconds.
    """

    steps: int = 0
    known_cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    tokens: int = 0
    uncounted: int = 0
    latency_ms: float = 0.0

    @property
    def cost_usd(self) -> Decimal | None:
        """The cost in US dollars; None if the cost of some model call is not known."""
        return None if self.unpriced else self.known_cost_usd

    @classmethod
    def of(cls, rows: Iterable[FrameRow]) -> Usage:
        """Add up some frames; the latency of one inside another of them is part of that one's."""
        rows = list(rows)
        inside = {row.key for row in rows if row.key is not None}
        costs = [Decimal(str(row.cost_usd)) for row in rows if row.cost_usd is not None]
        return cls(
            steps=len(rows),
            known_cost_usd=sum(costs, Decimal(0)),
            unpriced=sum(is_model_call(row) and row.cost_usd is None for row in rows),
            tokens=sum(tokens_of(row) or 0 for row in rows),
            uncounted=sum(is_model_call(row) and tokens_of(row) is None for row in rows),
            latency_ms=sum(row.latency_ms for row in rows if row.parent is None or row.parent not in inside),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values; costs as text, None where unknown."""
        cost = self.cost_usd
        known = {"known_cost_usd": str(self.known_cost_usd), "cost_usd": None if cost is None else str(cost)}
        return {**dataclasses.asdict(self), **known}


def is_model_call(row: FrameRow) -> bool:
    """True if the frame is one that is paid for: a model call, or whatever names a model, tokens or a cost."""
    return row.kind == "llm" or row.model is not None or tokens_of(row) is not None or row.cost_usd is not None


def tokens_of(row: FrameRow) -> int | None:
    """Return the tokens of a frame, in and out; None if they are not known."""
    if row.tokens is not None:
        return row.tokens
    known = [count for count in (row.tokens_input, row.tokens_output) if count is not None]
    return sum(known) if known else None


@dataclasses.dataclass(frozen=True)
class CostLedger:
    """What one run cost, and what the same steps cost when they were recorded.

    Attributes:
        served: What the steps that came from the recording had used: that was saved.
        spent: What the steps that ran live used.
    """

    served: Usage = Usage()
    spent: Usage = Usage()

    @property
    def saved_cost_usd(self) -> Decimal | None:
        """What was not spent, US dollars; None if it is not known."""
        return self.served.cost_usd

    @property
    def saved_share(self) -> Decimal | None:
        """The saved part of what the run would have cost, from 0 to 1; None if a price is unknown.

        Where nothing had a price at all it is the share of the steps that were served.  A run whose steps were all
        live saved nothing, whatever the prices.
        """
        if not self.served.steps:
            return Decimal(0)
        saved, spent = self.served.cost_usd, self.spent.cost_usd
        if saved is None or spent is None:
            return None
        if saved + spent:
            return saved / (saved + spent)
        return Decimal(self.served.steps) / (self.served.steps + self.spent.steps)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        share = self.saved_share
        return {
            "served": self.served.as_dict(),
            "spent": self.spent.as_dict(),
            "saved_share": None if share is None else float(share),
        }

    def __str__(self) -> str:
        share, cost, served = self.saved_share, self.saved_cost_usd, self.served
        percent = "unknown" if share is None else f"{(share * 100).quantize(Decimal(1), ROUND_HALF_UP)}%"
        money = _dollars(cost) if cost is not None else f"unknown cost, at least {_dollars(served.known_cost_usd)}"
        parts = [f"saved={percent}", money, f"{served.tokens:,} tokens", f"{served.latency_ms:,.0f}ms"]
        if self.spent.steps:
            spent = self.spent.cost_usd
            parts.append(f"spent {_dollars(spent) if spent is not None else 'unknown'}, {self.spent.tokens:,} tokens")
        return f"CostLedger({' | '.join(parts)})"

    __repr__ = __str__


def _dollars(amount: Decimal) -> str:
    return f"${amount.quantize(Decimal('0.0001'), ROUND_HALF_UP):,}"
