"""How sure one can be of a success rate after a few trials."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist


@dataclasses.dataclass(frozen=True)
class Rate:
    """A success rate with its Wilson score interval (Wilson 1927), which holds for few trials and rates near 0 or 1.

    Attributes:
        passed: Trials that succeeded.
        runs: All trials.
        confidence: Of the interval, 0 to 1.
    """

    passed: int
    runs: int
    confidence: float = 0.95

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound; (0, 1) without trials."""
        n = self.runs
        if not n:
            return 0.0, 1.0
        z = NormalDist().inv_cdf(0.5 + self.confidence / 2)
        share = self.passed / n
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)

    def at_least(self, rate: float) -> bool | None:
        """True if the rate is certainly that high, False if it certainly is not; None if that cannot be told yet."""
        low, high = self.interval
        return True if low >= rate else False if high < rate else None

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.passed} of {self.runs} ({low:.0%} to {high:.0%} with {self.confidence:.0%} confidence)"
