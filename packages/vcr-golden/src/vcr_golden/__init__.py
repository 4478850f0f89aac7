"""Golden runs: verified recordings of agents, replayed for nothing and kept as regression tests.

The names below are the public API; they are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vcr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from vcr_golden.cache import GoldenRunCache
    from vcr_golden.effects import Effect, irreversible, pure, reads, writes
    from vcr_golden.errors import GoldenError
    from vcr_golden.golden_store import NoGoldenRunError
    from vcr_golden.hybrid_run import IrreversibleStepError, UnappliedWriteError
    from vcr_golden.ledger import CostLedger, Usage
    from vcr_golden.near_miss import NearMiss
    from vcr_golden.saving import NotGoldenError

__version__ = "1.0.0"

_HOME_OF = {
    "CostLedger": "ledger",
    "Effect": "effects",
    "GoldenError": "errors",
    "GoldenRunCache": "cache",
    "IrreversibleStepError": "hybrid_run",
    "NearMiss": "near_miss",
    "NoGoldenRunError": "golden_store",
    "NotGoldenError": "saving",
    "UnappliedWriteError": "hybrid_run",
    "Usage": "ledger",
    "irreversible": "effects",
    "pure": "effects",
    "reads": "effects",
    "writes": "effects",
}

__all__ = [  # pyright: ignore[reportUnsupportedDunderAll]  # the names are given by __getattr__
    "CostLedger",
    "Effect",
    "GoldenError",
    "GoldenRunCache",
    "IrreversibleStepError",
    "NearMiss",
    "NoGoldenRunError",
    "NotGoldenError",
    "UnappliedWriteError",
    "Usage",
    "__version__",
    "irreversible",
    "pure",
    "reads",
    "writes",
]


__getattr__ = lazy_names(__name__, _HOME_OF)


def __dir__() -> list[str]:
    return sorted(__all__)
