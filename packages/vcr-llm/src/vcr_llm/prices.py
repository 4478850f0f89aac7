"""What a call costs, in US dollars, exactly; what is not known stays unknown, never zero.

The prices themselves are not ours: they come from `genai-prices` (extra ``prices``), or from a table of the user's own.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from vcr_llm.providers import Provider, Usage

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """The price of one call.

    Attributes:
        usd: US dollars.
        table: Name and version of the table it was taken from.
    """

    usd: Decimal
    table: str


@dataclass(frozen=True)
class ModelPrice:
    """US dollars for a million tokens of a model.

    Attributes:
        input: Tokens sent.
        output: Tokens received.
        cache_read: Tokens sent that came from a cache; as `input` if None.
        cache_write: Tokens sent that were put into one; as `input` if None.
    """

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


class PriceTable(Protocol):
    """Knows what tokens cost."""

    def price(self, provider: str, model: str, usage: Usage) -> Price | None:
        """Return the price of a call with that usage, or None if it is not known."""
        ...


class OwnPrices:
    """A price table of one's own.

    Args:
        models: Prices by the name of the model.
        version: Names the table in recordings.
    """

    def __init__(self, models: Mapping[str, ModelPrice], *, version: str) -> None:
        self._models = dict(models)
        self._table = f"own {version}"

    def price(self, provider: str, model: str, usage: Usage) -> Price | None:
        """Return input, cache reads, cache writes and output, each by its price; None if a count is missing."""
        prices = self._models.get(model)
        if prices is None or usage.input is None or usage.output is None:
            return None
        read, written = usage.cache_read or 0, usage.cache_write or 0
        fresh = usage.input - read - written
        cost = (
            fresh * prices.input
            + read * (prices.input if prices.cache_read is None else prices.cache_read)
            + written * (prices.input if prices.cache_write is None else prices.cache_write)
            + usage.output * prices.output
        )
        return Price(cost / _MILLION, self._table)


class GenaiPrices:
    """The table of `genai-prices`, as installed; nothing is fetched."""

    def __init__(self, library: Any, version: str) -> None:
        self._library = library
        self._table = f"genai-prices {version}"

    def price(self, provider: str, model: str, usage: Usage) -> Price | None:
        """Return the price as that library computes it; None for a model it does not know, or without counts."""
        if usage.input is None or usage.output is None:
            return None
        counts = self._library.Usage(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read or None,
            cache_write_tokens=usage.cache_write or None,
        )
        try:
            found = self._library.calc_price(counts, model, provider_id=provider)
        except (LookupError, ValueError):
            return None
        return Price(Decimal(found.total_price), self._table)


class _Installed:
    """The installed table, looked for once."""

    def __init__(self) -> None:
        self._found: PriceTable | None = None
        self._looked = False

    def get(self) -> PriceTable | None:
        if not self._looked:
            self._found, self._looked = _find_genai_prices(), True
        return self._found


_installed = _Installed()


def installed_prices() -> PriceTable | None:
    """Return the table of `genai-prices`, or None if it is not installed."""
    return _installed.get()


def _find_genai_prices() -> PriceTable | None:
    try:
        library = importlib.import_module("genai_prices")  # an extra
    except ImportError:
        return None
    from importlib.metadata import version  # noqa: PLC0415  # only with the extra

    return GenaiPrices(library, version("genai-prices"))


def price_call(
    provider: Provider, models: Iterable[str | None], usage: Usage, *, prices: PriceTable | None = None
) -> Price | None:
    """Return what a call cost, or None if that is not known.

    Args:
        provider: The API that was called.
        models: Names of the model; the first that has a price counts.
        usage: Tokens.
        prices: The table; the installed one if None.
    """
    table = prices or installed_prices()
    if table is None:
        return None
    found = (table.price(provider.prices, model, usage) for model in models if model)
    return next((price for price in found if price is not None), None)
