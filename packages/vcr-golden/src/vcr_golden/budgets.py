"""Limits of cost, tokens, steps and latency: absolute, or relative to the golden run."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from vcr_core import UsageError
from vcr_golden.drift import Drift
from vcr_golden.ledger import Usage

BudgetName = Literal["cost", "tokens", "steps", "latency"]
_RELATIVE = re.compile(r"\+\s*(\d+(?:\.\d+)?)\s*%")


@dataclasses.dataclass(frozen=True)
class Inconclusive:
    """A budget that nothing can be said of, since a run does not tell what it used.

    Attributes:
        where: The budget.
        message: What is missing.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"inconclusive: {self.message}"


@dataclasses.dataclass(frozen=True)
class Limit:
    """A budget.

    Attributes:
        name: What is limited: ``cost`` in US dollars, ``tokens``, ``steps``, ``latency`` in milliseconds.
        share: Allowed increase over the golden run, 0.1 for 10 %; None for an absolute limit.
        amount: The absolute limit; None for a relative one.
    """

    name: BudgetName
    share: Decimal | None = None
    amount: Decimal | None = None

    @classmethod
    def parse(cls, name: BudgetName, given: str | float | Decimal) -> Limit:
        """Read ``"+10%"`` (relative) or a number (absolute; a dollar sign is fine).

        Raises:
            UsageError: If it is neither.
        """
        if isinstance(given, str):
            relative = _RELATIVE.fullmatch(given.strip())
            if relative is not None:
                return cls(name, share=Decimal(relative[1]) / 100)
            given = given.strip().lstrip("$")
        try:
            return cls(name, amount=Decimal(str(given)))
        except InvalidOperation as error:
            raise UsageError(f"the budget {name}={given!r} is neither a number nor like '+10%'") from error

    def check(self, golden: Usage, now: Usage) -> Drift | Inconclusive | None:
        """Return what is wrong, None if nothing is."""
        used = _measure(self.name, now)
        if used is None:
            return Inconclusive(self.name, f"the {self.name} of this run is not known")
        limit = self.amount
        if self.share is not None:
            base = _measure(self.name, golden)
            if base is None:
                return Inconclusive(self.name, f"the {self.name} of the golden run is not known")
            limit = base * (1 + self.share)
        assert limit is not None
        if used <= limit:
            return None
        text = f"{self.name} {_amount(used)} is over the limit of {_amount(limit)}{self._why(golden)}"
        return Drift(self.name, self.name, text, None, str(limit), str(used))

    def _why(self, golden: Usage) -> str:
        if self.share is None:
            return ""
        return f" (golden {_amount(_measure(self.name, golden))} +{_amount(self.share * 100)}%)"


def _measure(name: BudgetName, usage: Usage) -> Decimal | None:
    if name == "cost":
        return usage.cost_usd
    if name == "tokens":
        return None if usage.uncounted else Decimal(usage.tokens)
    return Decimal(usage.steps) if name == "steps" else Decimal(str(usage.latency_ms))


def _amount(value: Any) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) and value else str(value)


def parse_budgets(given: dict[str, Any]) -> list[Limit]:
    """Return the budgets that are not None.

    Raises:
        UsageError: If there is no such budget, or a limit cannot be read.
    """
    names: tuple[BudgetName, ...] = ("cost", "tokens", "steps", "latency")
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise UsageError(f"there is no budget {', '.join(unknown)}; there are {', '.join(names)}")
    return [Limit.parse(name, given[name]) for name in names if given.get(name) is not None]


def check_budgets(limits: list[Limit], golden: Usage, now: Usage) -> tuple[list[Drift], list[Inconclusive]]:
    """Return what is over a limit, and what cannot be told."""
    found = [limit.check(golden, now) for limit in limits]
    return [f for f in found if isinstance(f, Drift)], [f for f in found if isinstance(f, Inconclusive)]
